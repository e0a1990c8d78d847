"""Secret addresses of calendars: made for one person, kept as a digest, withdrawn at any time."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import CalendarFeed, SavedView, User
from accounts.services.audit import audit
from accounts.services.authority import still_here

MOST_PER_PERSON = 20
# Who reads it every few seconds causes no write each time.
NOTED_EVERY = timedelta(minutes=1)


class TooManyFeedsError(Exception):
    """The person has as many open calendar addresses as one may have."""


@transaction.atomic
def create_feed(user: User, view: SavedView | None, now: datetime) -> str:
    """Return the token of a new address, which is kept nowhere. Without a view it shows all in use that they see."""
    if user.calendar_feeds.filter(withdrawn_at=None).count() >= MOST_PER_PERSON:
        raise TooManyFeedsError
    token = secrets.token_urlsafe(32)
    feed = CalendarFeed.objects.create(user=user, view=view, digest=_digest(token), created_at=now)
    audit(user, "calendar.created", feed, None, {"view": view.name if view else ""}, now=now)
    return token


@transaction.atomic
def withdraw_feed(feed: CalendarFeed, *, actor: User, now: datetime) -> bool:
    """Close the address. False if it was closed before."""
    if not CalendarFeed.objects.filter(pk=feed.pk, withdrawn_at=None).update(withdrawn_at=now):
        return False
    audit(actor, "calendar.withdrawn", feed, {"view": feed.view.name if feed.view else ""}, None, now=now)
    return True


def find_feed(token: str, now: datetime) -> CalendarFeed | None:
    """The open address of this token, if its person may still come in and still sees the view that it shows."""
    feed = CalendarFeed.objects.select_related("user", "view").filter(digest=_digest(token), withdrawn_at=None).first()
    if feed is None or still_here(feed.user_id, now) is None:
        return None
    if feed.view_id and not SavedView.objects.visible_to(feed.user).filter(pk=feed.view_id).exists():
        return None
    return feed


def note_reading(feed: CalendarFeed, now: datetime) -> None:
    if feed.last_read_at is None or not feed.last_read_at <= now < feed.last_read_at + NOTED_EVERY:
        CalendarFeed.objects.filter(pk=feed.pk).update(last_read_at=now)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
