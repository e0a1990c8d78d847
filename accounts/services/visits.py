"""Keeping when somebody was last here, so that "since your last visit" means something."""

from __future__ import annotations

from datetime import datetime, timedelta

from accounts.models import User

# A pause longer than this ends a visit.
PAUSE = timedelta(minutes=30)
# Within a visit the time is written at most this often: pages must not become writes.
WRITE_EVERY = timedelta(minutes=5)


def note_visit(user: User, now: datetime) -> None:
    """Move ``visited_at`` along; after a pause, keep the end of the visit before as ``previous_visit_at``."""
    seen = user.visited_at
    if seen is not None and now - seen < WRITE_EVERY:
        return
    changes = {"visited_at": now}
    if seen is not None and now - seen > PAUSE:
        changes["previous_visit_at"] = seen
    # The old value in the WHERE: of two requests that come back together, only one begins the visit.
    if User.objects.filter(pk=user.pk, visited_at=seen).update(**changes) == 1:
        for name, value in changes.items():
            setattr(user, name, value)
    else:
        user.refresh_from_db(fields=["visited_at", "previous_visit_at"])
