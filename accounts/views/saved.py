"""Saved views: keep one, open it, rename it, have it open by default, give it another question, delete it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.forms import SavedViewForm, ViewNameForm
from accounts.models import SavedView, User
from accounts.services.saved_views import (
    ViewNameTakenError,
    address_of,
    change_view,
    delete_view,
    may_keep,
    save_view,
)

LIST = "accounts/views.html"
EDIT = "accounts/view_edit.html"
# Names of addresses: the apps that have these lists are further up.
LISTS = {
    SavedView.Page.CERTIFICATES: "inventory:certificate_list",
    SavedView.Page.ENDPOINTS: "inventory:endpoint_list",
    SavedView.Page.ISSUERS: "inventory:issuer_list",
    SavedView.Page.DOMAINS: "inventory:domain_list",
    SavedView.Page.FINDINGS: "policy:finding_list",
}


@require_http_methods(["GET", "HEAD", "POST"])
def view_list(request: HttpRequest) -> HttpResponse:
    """All that the person can open; POST keeps the address of a list as a new one."""
    user = _person(request)
    form = SavedViewForm(user, request.POST if request.method == "POST" else None)
    if form.is_valid() and (view := _kept(form, user)) is not None:
        messages.success(request, _("The view was saved."))
        return redirect("accounts:view_open", view.pk)
    views = SavedView.objects.visible_to(user).select_related("team", "owner").order_by("page", "name", "pk")
    rows = [(view, may_keep(view, user)) for view in views]
    context = {"rows": rows, "form": form if form.is_bound else None}
    return render(request, LIST, context, status=422 if form.is_bound else 200)


@require_safe
def view_open(request: HttpRequest, pk: int) -> HttpResponse:
    """Lead to its list, with its question."""
    view = _seen(_person(request), pk)
    return redirect(f"{reverse(LISTS[SavedView.Page(view.page)])}?{address_of(view)}")


@require_http_methods(["GET", "HEAD", "POST"])
def view_edit(request: HttpRequest, pk: int) -> HttpResponse:
    user = _person(request)
    view = _kept_by(user, pk)
    form = ViewNameForm(request.POST if request.method == "POST" else None, initial=_initial(view))
    if form.is_valid():
        try:
            change_view(view, actor=user, now=timezone.now(), **form.cleaned_data)
        except ViewNameTakenError as error:
            form.add_error("name", str(error))
        else:
            messages.success(request, _("The view was saved."))
            return redirect("accounts:view_list")
    return render(request, EDIT, {"form": form, "view": view}, status=422 if form.errors else 200)


@require_POST
def view_replace(request: HttpRequest, pk: int) -> HttpResponse:
    """Give it the question of the list as it is now."""
    user = _person(request)
    view = _kept_by(user, pk)
    try:
        change_view(view, actor=user, now=timezone.now(), query=request.POST.get("query", ""))
    except ValueError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("The view shows this from now on."))
    return redirect("accounts:view_open", view.pk)


@require_POST
def view_delete(request: HttpRequest, pk: int) -> HttpResponse:
    user = _person(request)
    delete_view(_kept_by(user, pk), actor=user, now=timezone.now())
    messages.success(request, _("The view was deleted."))
    return redirect("accounts:view_list")


def _kept(form: SavedViewForm, user: User) -> SavedView | None:
    asked = form.cleaned_data
    audience, team = asked["audience"]
    try:
        return save_view(
            asked["page"],
            asked["name"],
            asked["query"],
            audience,
            team=team,
            is_default=asked["is_default"],
            actor=user,
            now=timezone.now(),
        )
    except (ViewNameTakenError, ValueError) as error:
        form.add_error("name", str(error))
        return None


def _initial(view: SavedView) -> dict[str, Any]:
    return {"name": view.name, "is_default": view.is_default}


def _person(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def _seen(user: User, pk: int) -> SavedView:
    return get_object_or_404(SavedView.objects.visible_to(user), pk=pk)


def _kept_by(user: User, pk: int) -> SavedView:
    view = _seen(user, pk)
    if not may_keep(view, user):
        raise PermissionDenied(_("This view is kept by others."))
    return view
