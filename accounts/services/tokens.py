"""Links that let somebody in once: to the first-run pages, or to an account that was made for them."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from accounts.models import Organisation, SetupToken, User

LIFETIME = timedelta(hours=24)


@transaction.atomic
def issue_setup_link(now: datetime, served_at: str = "") -> str:
    """Return the address of the first-run pages with a new token; earlier ones no longer open them."""
    return absolute(reverse("accounts:setup_link", args=[_issue(None, now)]), served_at)


@transaction.atomic
def issue_invitation_link(user: User, now: datetime, served_at: str = "") -> str:
    """Return the address where this person sets name and password; earlier links of theirs no longer work."""
    return absolute(reverse("accounts:invitation_link", args=[_issue(user, now)]), served_at)


def find_token(raw: str, now: datetime) -> SetupToken | None:
    """Return the token of a link if it is still open."""
    return find_digest(_digest(raw), now)


def find_digest(digest: str, now: datetime) -> SetupToken | None:
    """Return the open token of this digest. The session keeps the digest, so that the token itself is nowhere."""
    token = SetupToken.objects.select_related("user").filter(digest=digest).first()
    if token is None or not hmac.compare_digest(token.digest, digest) or not token.is_open(now):
        return None
    return token


def use_token(token: SetupToken, now: datetime) -> bool:
    """Close the token. False means that another browser used it first."""
    still_open = SetupToken.objects.filter(pk=token.pk, used_at=None, expires_at__gt=now)
    return still_open.update(used_at=now) == 1


def absolute(path: str, served_at: str = "") -> str:
    """Return the full address of a page, as people reach it.

    ``served_at`` is where the running instance says that it is, if whoever asks may have been started with others of
    its settings. What the organisation says of its address counts more.
    """
    base = Organisation.objects.filter(pk=1).values_list("base_url", flat=True).first()
    return f"{(base or served_at or settings.BASE_URL).rstrip('/')}{path}"


def _issue(user: User | None, now: datetime) -> str:
    raw = secrets.token_urlsafe(32)
    SetupToken.objects.filter(user=user, used_at=None).delete()
    SetupToken.objects.create(user=user, digest=_digest(raw), created_at=now, expires_at=now + LIFETIME)
    return raw


def _digest(raw: str) -> str:
    return hashlib.sha256(raw.encode()).hexdigest()
