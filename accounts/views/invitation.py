"""Taking over an account that an administrator made."""

from __future__ import annotations

from allauth.account.utils import perform_login
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms import PersonForm
from accounts.models import User
from accounts.services import TakenError, accept_invitation, find_digest, find_token

SESSION_KEY = "invitation_token"


@require_safe
@login_not_required
@never_cache
def invitation_link(request: HttpRequest, token: str) -> HttpResponse:
    """Exchange the link for a mark in the session. Looking does not use it up: mail scanners look too."""
    found = find_token(token, timezone.now())
    if found is None or found.user is None:
        return _closed(request)
    if request.user.is_authenticated and request.user != found.user:
        logout(request)
    request.session[SESSION_KEY] = found.digest
    return redirect("accounts:invitation")


@require_http_methods(["GET", "HEAD", "POST"])
@login_not_required
@never_cache
@sensitive_post_parameters("password")
def invitation(request: HttpRequest) -> HttpResponse:
    digest = request.session.get(SESSION_KEY, "")
    token = find_digest(digest, timezone.now()) if digest else None
    person = token.user if token else None
    if token is None or person is None or not _may_join(person):
        return _closed(request)
    form = PersonForm(request.POST or None, email=person.email, initial={"name": person.name})
    if form.is_valid():
        try:
            user = accept_invitation(token, now=timezone.now(), **form.cleaned_data)
        except TakenError:
            return _closed(request)
        del request.session[SESSION_KEY]
        response: HttpResponse = perform_login(request, user, redirect_url="/")
        return response
    context = {"form": form, "person": person}
    return render(request, "accounts/invitation.html", context, status=422 if form.is_bound else 200)


def _may_join(person: User) -> bool:
    return person.is_active and not person.has_ended(timezone.now())


def _closed(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/invitation_closed.html", status=404)
