"""The first run: from the link in the terminal to an organisation with an administrator."""

from __future__ import annotations

from allauth.account.utils import perform_login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms import AdministratorForm, OrganisationForm
from accounts.models import Organisation, SetupToken, User
from accounts.services import (
    TakenError,
    change_organisation,
    create_first_administrator,
    find_digest,
    find_token,
    is_set_up,
    is_unfinished,
    next_setup_url,
    require_administrator,
    setup_steps,
)

SESSION_KEY = "setup_token"
ADMINISTRATOR, ORGANISATION = "accounts:setup_administrator", "accounts:setup_organisation"


@require_safe
@login_not_required
@never_cache
def setup_link(request: HttpRequest, token: str) -> HttpResponse:
    """Exchange the link for a mark in the session, so that the token stands in no further address."""
    found = find_token(token, timezone.now())
    if is_set_up() or found is None or found.user_id is not None:
        return _explain(request, _("This link was used, replaced by a newer one, or is older than a day."), status=404)
    request.session[SESSION_KEY] = found.digest
    return redirect("accounts:setup")


@require_safe
@login_not_required
@never_cache
def setup(request: HttpRequest) -> HttpResponse:
    """Lead to the next page of the first run, or say where its link is. Shows nothing of the installation."""
    if _open_token(request):
        return redirect(ADMINISTRATOR)
    if not is_set_up():
        return _explain(request)
    if isinstance(request.user, User) and request.user.is_administrator and is_unfinished():
        return redirect(ORGANISATION)
    return redirect("/")


@require_http_methods(["GET", "HEAD", "POST"])
@login_not_required
@never_cache
@sensitive_post_parameters("password")
def setup_administrator(request: HttpRequest) -> HttpResponse:
    token = _open_token(request)
    if token is None:
        return redirect("accounts:setup")
    form = AdministratorForm(request.POST or None)
    if form.is_valid():
        try:
            user = create_first_administrator(token, now=timezone.now(), **form.cleaned_data)
        except TakenError:
            return _explain(request, _("Somebody else was first: the administrator exists by now."), status=409)
        del request.session[SESSION_KEY]
        response: HttpResponse = perform_login(request, user, redirect_url=next_setup_url(ADMINISTRATOR))
        return response
    return _step(request, ADMINISTRATOR, form, "accounts/setup_administrator.html")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def setup_organisation(request: HttpRequest) -> HttpResponse:
    user = require_administrator(request.user)
    organisation = Organisation.objects.filter(pk=1).first() or Organisation(pk=1)
    initial = {"base_url": organisation.base_url or request.build_absolute_uri("/").rstrip("/")}
    form = OrganisationForm(request.POST if request.method == "POST" else None, instance=organisation, initial=initial)
    if form.is_valid():
        change_organisation(user, form.cleaned_data, timezone.now())
        return redirect(next_setup_url(ORGANISATION))
    return _step(request, ORGANISATION, form, "accounts/setup_organisation.html")


def _step(request: HttpRequest, name: str, form: AdministratorForm | OrganisationForm, template: str) -> HttpResponse:
    status = 422 if form.is_bound else 200
    return render(request, template, {"form": form, "steps": setup_steps(name)}, status=status)


def _explain(request: HttpRequest, problem: str = "", status: int = 200) -> HttpResponse:
    return render(request, "accounts/setup_closed.html", {"problem": problem}, status=status)


def _open_token(request: HttpRequest) -> SetupToken | None:
    """Return the token whose link this browser opened, as long as nobody has an account."""
    digest = request.session.get(SESSION_KEY, "")
    token = find_digest(digest, timezone.now()) if digest else None
    return None if token is None or is_set_up() else token
