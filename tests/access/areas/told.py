"""Mails to people: addresses, what people would send to them, and the things that addresses name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from accounts.models import Team, User
from alerts.models import Letter, Told
from tests.access.answers import ADMINISTER, ADMINISTRATORS, SEEN, SIGNED_IN, Route

ROUTES: dict[str, Route] = {
    "alerts:letter_list": Route(ADMINISTRATORS),
    "alerts:letter_detail": Route(ADMINISTRATORS, thing="letter"),
    "alerts:letter_again": Route(post=ADMINISTER, thing="letter"),
    # One's own mail alone.
    "alerts:daily": Route(SIGNED_IN),
    "alerts:certificate_told": Route(SEEN, thing="certificate", fragment=True),
}


def payload(_route: str, _things: Mapping[str, int], _team: Team | None, _own: Team) -> Mapping[str, Any]:
    """``things``: what the owner asked about has; ``own``: a team of the person who sends."""
    return {}


def things(
    word: str, team: Team | None, author: User | None, now: datetime, there: Mapping[str, int]
) -> dict[str, int]:
    """Kinds of things → primary key, for one owner. ``word`` must stand in their names; ``there``: those of before."""
    letter = Letter.objects.create(
        key=f"{word} letter", kind=Letter.Kind.DAILY, recipient=f"{word}@example.org", person=author, team=team,
        subject=f"{word} subject", body=f"{word} body", state=Letter.State.FAILED, created_at=now, next_try_at=now,
    )  # fmt: skip
    Told.objects.create(letter=letter, certificate_id=there["certificate"])
    return {"letter": letter.pk}
