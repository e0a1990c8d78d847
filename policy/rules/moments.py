"""Moments inside sentences. A sentence is kept for weeks: it says dates, never how long ago or until then."""

from __future__ import annotations

from datetime import datetime


def day(at: datetime) -> str:
    """All that is stored is UTC."""
    return f"{at.day} {at:%B %Y}"


def moment(at: datetime) -> str:
    return f"{day(at)} at {at:%H:%M} UTC"
