"""Sign-in rules that hold on every request."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo, available_timezones

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from accounts.models import Organisation, User

View = Callable[[HttpRequest], HttpResponse]
TIME_ZONES = available_timezones()


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


class LocalTime:
    """Show times in the person's zone, else in the organisation's."""

    def __init__(self, get_response: View) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not isinstance(request.user, User):
            return self.get_response(request)
        name = request.user.timezone or Organisation.objects.values_list("timezone", flat=True).first()
        with timezone.override(ZoneInfo(name) if name in TIME_ZONES else None):
            return self.get_response(request)
