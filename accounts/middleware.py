"""Sign-in rules that hold on every request, and what its audit events know of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPStatus

from allauth.account.adapter import get_adapter
from django.contrib.auth import logout
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.db import transaction
from django.db.utils import OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from accounts.models import Organisation, User
from accounts.services import AuditRefusedError, Origin, audit, came_from, note_visit, second_factors
from certdash.lib import storage
from certdash.lib.zones import zone_of

logger = logging.getLogger(__name__)

View = Callable[[HttpRequest], HttpResponse]


class AuditOrigin:
    """Let audit events carry the request's id and address; answer 503 if one could not be written."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with came_from(Origin(request.META.get("CERTDASH_REQUEST_ID", ""), _address(request))):
            return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return _refuse(request, error) if isinstance(error, AuditRefusedError) else None


class AccountEnd:
    """End the sessions of an account that was closed or whose end date has passed."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if isinstance(user, User) and (not user.is_active or user.has_ended(timezone.now())):
            logout(request)
        return self.get_response(request)


class SetupFirst:
    """Until somebody can sign in, the front page leads to the first-run pages."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path == "/" and not request.user.is_authenticated and not User.objects.exists():
            return redirect("accounts:setup")
        return self.get_response(request)


class Visit:
    """Keep when a person was last here. A page that refreshes itself is not a person, so fragments do not count."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if isinstance(request.user, User) and request.headers.get("HX-Request") != "true":
            _note_visit(request.user)
        return self.get_response(request)


class OneTransaction:
    """Put changes of second factors and sessions into one transaction with their audit events.

    Those pages are allauth's: what it says by a signal after its commit could no longer be refused, so we look at what
    changed. Must stand last, so that what comes back is the view's answer.
    """

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # After the password was asked again, allauth does what was interrupted within that request.
        pages = (reverse("mfa_index"), reverse("usersessions_list"), reverse("account_reauthenticate"))
        if request.method != "POST" or not request.path.startswith(pages):
            return self.get_response(request)
        try:
            with transaction.atomic():
                return self._answer(request)
        except AuditRefusedError as error:
            return _refuse(request, error)

    def _answer(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        before = second_factors(user) if isinstance(user, User) else []
        response = self.get_response(request)
        after = second_factors(user) if isinstance(user, User) else []
        if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            transaction.set_rollback(True)
        elif isinstance(user, User) and before != after:
            audit(user, "user.factors_changed", user, {"factors": before}, {"factors": after}, now=timezone.now())
        return response


class LocalTime:
    """Show times in the person's zone, else in the organisation's."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not isinstance(request.user, User):
            return self.get_response(request)
        name = request.user.timezone or Organisation.objects.values_list("timezone", flat=True).first()
        with timezone.override(zone_of(name)):
            return self.get_response(request)


def _note_visit(user: User) -> None:
    """Reading must go on while the database cannot be written."""
    try:
        note_visit(user, timezone.now())
    except OperationalError as error:
        logger.warning("The visit of a person was not noted: %s", error)


def _refuse(request: HttpRequest, error: AuditRefusedError) -> HttpResponse:
    unwritten = storage.refusal(request, error)
    if unwritten is not None:
        return unwritten
    logger.critical("Refused a change because its audit event could not be written: %s", error)
    return render(request, "accounts/audit_refused.html", status=503)


def _address(request: HttpRequest) -> str:
    """Return the sender's address; empty over a Unix socket and where the proxies are fewer than configured."""
    try:
        return str(get_adapter().get_client_ip(request))
    except (ImproperlyConfigured, PermissionDenied):
        return ""
