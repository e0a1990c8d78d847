"""How allauth behaves here, and the audit events of signing in.

Nobody signs up by themselves; accounts come by invitation or single sign-on.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.account.signals import user_logged_in
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authentication_failed
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialLogin
from allauth.socialaccount.signals import social_account_added, social_account_removed
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth.signals import user_logged_out
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Organisation, Role, User
from accounts.services import AuditRefusedError, absolute, audit, is_unfinished, keep_email_address
from accounts.services.chain import plain_text
from certdash.lib.inert import visible

logger = logging.getLogger(__name__)

METHODS_KEY = "account_authentication_methods"


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def pre_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse | None:
        """Refuse an account that has ended, once its person has proved who they are."""
        if user.has_ended(timezone.now()):
            return self._refuse(request, user)
        if not EmailAddress.objects.filter(user=user).exists():
            # Made by createsuperuser; without the row allauth would call the address unverified and refuse passkeys.
            keep_email_address(user)
        response: HttpResponse | None = super().pre_login(request, user, **kwargs)
        return response

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Lead an administrator back to where the first run stopped."""
        user = request.user
        if isinstance(user, User) and user.is_administrator and is_unfinished():
            return reverse("accounts:setup")
        return str(super().get_login_redirect_url(request))

    def respond_user_inactive(self, request: HttpRequest, user: User) -> HttpResponse:
        return self._refuse(request, user)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        email = str(credentials.get("email", "")).lower()
        user = User.objects.filter(email=email).first()
        with transaction.atomic():
            audit(None, "session.refused", user or email, after={"reason": "password"}, now=timezone.now())

    def set_password(self, user: User, password: str) -> None:
        """Set the password together with its event, or not at all."""
        user.set_password(password)
        actor = self.request.user if self.request and self.request.user.is_authenticated else user
        with transaction.atomic():
            user.save(update_fields=["password"])
            audit(actor, "user.password_changed", user, now=timezone.now())

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Lead to our own address: the one in the request was chosen by whoever asked for the mail."""
        path = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
        return absolute(path.replace("UID-KEY", quote(key)))

    def send_password_reset_mail(self, user: User, email: str, context: dict[str, Any]) -> None:
        """Say in the mail who asked for it, and how long its link holds."""
        told = {"asked_from": self.get_client_ip(self.request), "days": settings.PASSWORD_RESET_TIMEOUT // 86400}
        super().send_password_reset_mail(user, email, {**context, **told})

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send, or log that it failed: a mail server that is away must not undo what the mail tells about."""
        organisation = Organisation.objects.filter(pk=1).first()
        site = SimpleNamespace(name=organisation.name if organisation else "certdash", domain=absolute("/"))
        try:
            super().send_mail(template_prefix, email, {**context, "current_site": site})
        except OSError:
            logger.exception("The mail %s could not be sent", template_prefix)

    def _refuse(self, request: HttpRequest, user: User) -> HttpResponse:
        with transaction.atomic():
            audit(None, "session.refused", user, after={"reason": "the account is closed"}, now=timezone.now())
        return render(request, "accounts/account_ended.html", {"ends_at": user.ends_at}, status=403)


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    """Single sign-on: a new person begins as Viewer without a team; a known address is linked if it was verified."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return True

    def can_authenticate_by_email(self, login: SocialLogin, email: str) -> bool:
        """Let a known address in: allauth asks only for addresses that the provider calls verified."""
        return True

    def authenticate_by_email(self, sociallogin: SocialLogin) -> tuple[User, str] | None:
        """Find the account of a verified address; some providers write the truth value as text, and "false" is true.

        An address with hidden characters looks like another's and is nobody's: without them it would be that other's.
        """
        for address in sociallogin.email_addresses:
            is_plain = visible(address.email) == address.email
            address.verified = is_plain and str(address.verified).lower() == "true"
        found: tuple[User, str] | None = super().authenticate_by_email(sociallogin)
        return found

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        if request.user.is_authenticated or sociallogin.is_existing:
            return
        if not any(address.verified for address in sociallogin.email_addresses):
            raise ImmediateHttpResponse(_unverified(request, sociallogin))

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> User:
        """Take over the name without what cannot be seen in it; nobody is kept out for what a provider wrote."""
        names = {key: _seen(data.get(key)) for key in ("name", "first_name", "last_name", "username")}
        user: User = super().populate_user(request, sociallogin, {**data, **names})
        user.name = (names["name"] or f"{names['first_name']} {names['last_name']}".strip())[:150]
        # Stored with the account at every sign-in, where PostgreSQL takes no NUL.
        sociallogin.account.extra_data = _storable(sociallogin.account.extra_data)
        user.role = Role.VIEWER
        user.date_joined = timezone.now()
        return user

    @transaction.atomic
    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: object = None) -> User:
        user: User = super().save_user(request, sociallogin, form)
        audit(user, "user.joined_by_sso", user, after={"role": user.role}, now=timezone.now())
        return user


class SessionsAdapter(DefaultUserSessionsAdapter):
    def end_sessions(self, sessions: Iterable[UserSession]) -> None:
        ended = list(sessions)
        super().end_sessions(ended)
        for user in {session.user for session in ended}:
            audit(user, "session.others_ended", user, {"sessions": len(ended)}, now=timezone.now())


def _seen(name: object) -> str:
    """A name on one line without the characters that nobody sees."""
    words = " ".join(str(name or "").split())
    return "".join(character for character in words if visible(character) == character)


def _storable(claims: Any) -> Any:
    """What a provider says, as every database takes it."""
    if isinstance(claims, dict):
        return {plain_text(name): _storable(claim) for name, claim in claims.items()}
    if isinstance(claims, list):
        return [_storable(claim) for claim in claims]
    return plain_text(claims) if isinstance(claims, str) else claims


def _unverified(request: HttpRequest, sociallogin: SocialLogin) -> HttpResponse:
    address = next((address.email for address in sociallogin.email_addresses), "")
    hides = visible(address) != address
    reason = "the address has hidden characters" if hides else "the provider has not verified the address"
    with transaction.atomic():
        subject = visible(address) or _("single sign-on")
        audit(None, "session.refused", subject, after={"reason": reason}, now=timezone.now())
    return render(request, "accounts/address_unverified.html", {"address": address, "hides": hides}, status=403)


@receiver(user_logged_in)
def on_signed_in(request: HttpRequest, user: User, **_event: Any) -> None:
    records = request.session.get(METHODS_KEY, [])
    methods = [record.get("type") or record.get("provider") or record["method"] for record in records]
    with transaction.atomic():
        audit(user, "session.signed_in", user, after={"methods": methods}, now=timezone.now())


@receiver(user_logged_out)
def on_signed_out(user: User | None, **_event: Any) -> None:
    """Record the end of a session. It is the one act that happens even if its event cannot be written."""
    if user is None:
        return
    now = timezone.now()
    closed = not user.is_active or user.has_ended(now)
    try:
        with transaction.atomic():
            audit(None if closed else user, "session.ended" if closed else "session.signed_out", user, now=now)
    except AuditRefusedError:
        logger.critical("The end of a session of user %s was not recorded", user.pk)


@receiver(authentication_failed)
def on_factor_failed(user: User, authenticator: Authenticator, **_event: Any) -> None:
    with transaction.atomic():
        audit(None, "session.refused", user, after={"reason": str(authenticator.type)}, now=timezone.now())


@receiver(social_account_added)
def on_linked(sociallogin: SocialLogin, **_event: Any) -> None:
    _audit_link("user.sso_linked", sociallogin.account)


@receiver(social_account_removed)
def on_unlinked(socialaccount: SocialAccount, **_event: Any) -> None:
    _audit_link("user.sso_unlinked", socialaccount)


@transaction.atomic
def _audit_link(verb: str, account: SocialAccount) -> None:
    audit(account.user, verb, account.user, after={"provider": account.provider}, now=timezone.now())
