"""Accounts: made, invited, taken over by their person, closed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from accounts.models import Organisation, Role, SetupToken, User
from accounts.services.administrators import require_lasting_administrator
from accounts.services.audit import audit
from accounts.services.tokens import issue_invitation_link, use_token


class TakenError(Exception):
    """Somebody else was first: the installation is set up already, or the link was used."""


@transaction.atomic
def create_first_administrator(token: SetupToken, email: str, name: str, password: str, now: datetime) -> User:
    """Make the account that the first-run link is for. Of two browsers, one gets it; the other a TakenError."""
    # The organisation's row puts two attempts in order, also of two links.
    Organisation.objects.select_for_update().get_or_create(pk=1)
    if User.objects.exists() or not use_token(token, now):
        raise TakenError
    user = User.objects.create_user(email, password, name=name, role=Role.ADMINISTRATOR, date_joined=now)
    keep_email_address(user)
    audit(user, "setup.administrator_created", user, after={"role": user.role}, now=now)
    return user


@transaction.atomic
def accept_invitation(token: SetupToken, name: str, password: str, now: datetime) -> User:
    """Let the invited person take over their account."""
    if token.user is None or not use_token(token, now):
        raise TakenError
    user = User.objects.select_for_update().get(pk=token.user.pk)
    if not user.is_active or user.has_ended(now):
        raise TakenError
    user.name = name
    user.date_joined = user.date_joined or now
    user.set_password(password)
    user.save(update_fields=["name", "date_joined", "password"])
    keep_email_address(user)
    end_sessions(user)
    audit(user, "user.joined", user, now=now)
    return user


@transaction.atomic
def invite(user: User, actor: User | None, now: datetime) -> str:
    """Return a new single-use link for this person, replacing earlier ones. Sending it is ``send_invitation``."""
    link = issue_invitation_link(user, now)
    audit(actor, "user.invited", user, after={"email": user.email, "role": user.role}, now=now)
    return link


@transaction.atomic
def add_person(email: str, role: str, *, actor: User | None, now: datetime) -> str:
    """Make an account without a password for somebody who is not here yet; return the link of their invitation."""
    user = _without_password(email, role)
    audit(actor, "user.created", user, after={"email": user.email, "role": user.role}, now=now)
    return invite(user, actor, now)


@transaction.atomic
def add_closed_person(email: str, role: str, *, actor: User | None, now: datetime) -> User:
    """Make an account that cannot sign in: of somebody who is named here and is not to come in."""
    user = _without_password(email, role, is_active=False)
    after = {"email": user.email, "role": user.role, "is_active": False}
    audit(actor, "user.created", user, after=after, now=now)
    return user


def _without_password(email: str, role: str, **fields: Any) -> User:
    user = User(email=User.objects.normalize_email(email).lower(), role=role, **fields)
    user.set_unusable_password()
    user.full_clean()
    user.save()
    keep_email_address(user)
    return user


def send_invitation(user: User, link: str) -> None:
    """Mail the link. Raises OSError (SMTPException is one) if the mail server does not take it."""
    context = {"user": user, "link": link, "organisation": Organisation.objects.filter(pk=1).first()}
    subject = _("Your account for the certificate dashboard")
    send_mail(subject, render_to_string("accounts/email/invitation.txt", context), None, [user.email])


def can_send_mail() -> bool:
    return bool(settings.EMAIL_HOST) or "locmem" in settings.EMAIL_BACKEND


@transaction.atomic
def close_accounts(users: list[User], actor: User, now: datetime) -> None:
    """Refuse sign-in to these people and end their sessions; what they did stays on record."""
    for user in users:
        User.objects.filter(pk=user.pk).update(is_active=False)
        end_sessions(user)
        user.setup_tokens.filter(used_at=None).delete()
        audit(actor, "user.closed", user, {"is_active": user.is_active}, {"is_active": False}, now=now)
    require_lasting_administrator()


def second_factors(user: User) -> list[str]:
    """Name authenticator, passkeys and recovery codes of this person; renewed ones have another number."""
    rows = Authenticator.objects.filter(user=user).order_by("pk")
    return [f"{row.type} {row.pk}" for row in rows]


@transaction.atomic
def remove_second_factors(user: User, actor: User, now: datetime) -> None:
    """Take away authenticator, passkeys and recovery codes of somebody who lost them."""
    removed = second_factors(user)
    Authenticator.objects.filter(user=user).delete()
    end_sessions(user)
    audit(actor, "user.factors_changed", user, {"factors": removed}, {"factors": []}, now=now)


@transaction.atomic
def change_profile(user: User, changes: dict[str, Any], now: datetime) -> None:
    """Write what a person changed about themselves."""
    stored = User.objects.filter(pk=user.pk)
    before = stored.values(*changes).get()
    different = {name: value for name, value in changes.items() if before[name] != value}
    if different:
        stored.update(**different)
        audit(user, "user.profile_changed", user, {name: before[name] for name in different}, different, now=now)


def keep_email_address(user: User) -> None:
    """Let allauth know the one address of this account as verified: administrators and invitations vouch for it.

    Without it single sign-on would take the password away; with an old one, the old address would still sign in.
    """
    EmailAddress.objects.filter(user=user).exclude(email=user.email).delete()
    EmailAddress.objects.update_or_create(user=user, email=user.email, defaults={"verified": True, "primary": True})


def end_sessions(user: User) -> int:
    """End every session of this person; return how many there were."""
    sessions = list(UserSession.objects.filter(user=user))
    for session in sessions:
        session.end()
    return len(sessions)


def end_closed_sessions(now: datetime) -> int:
    """End the sessions of all accounts that were closed or have ended."""
    closed = User.objects.filter(Q(is_active=False) | Q(ends_at__lte=now)).filter(usersession__isnull=False)
    return sum(end_sessions(user) for user in closed.distinct())
