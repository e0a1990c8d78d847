"""Mails to people: addresses, what people would send to them, and the things that addresses name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.models import Role, Team, User
from alerts.models import Letter, Mailing, Told
from alerts.services import sort_by_owner
from tests.access.answers import ADMINISTER, ADMINISTRATORS, CHANGE, CHANGERS, REPORTS, SEEN, SIGNED_IN, Route

ROUTES: dict[str, Route] = {
    "alerts:letter_list": Route(ADMINISTRATORS),
    "alerts:letter_detail": Route(ADMINISTRATORS, thing="letter"),
    "alerts:letter_again": Route(post=ADMINISTER, thing="letter"),
    # One's own mail alone.
    "alerts:daily": Route(SIGNED_IN),
    # Those who may change something write to the owners of what they see; the preview is theirs alone.
    "alerts:owner_mail": Route(CHANGERS, CHANGE),
    "alerts:mailing_detail": Route(REPORTS, thing="mailing", fragment=True),
    "alerts:certificate_told": Route(SEEN, thing="certificate", fragment=True),
}


def payload(route: str, _things: Mapping[str, int], _team: Team | None, own: Team) -> Mapping[str, Any]:
    """``things``: what the owner asked about has; ``own``: a team of the person who sends."""
    if route != "alerts:owner_mail":
        return {}
    everything, now = User(role=Role.ADMINISTRATOR), timezone.now()
    query = f"team={own.slug}"
    digest = sort_by_owner(query, everything, now).digest
    return {"filter": query, "digest": digest, "subject": "walked", "message": "asked by the walk"}


def things(
    word: str, team: Team | None, author: User | None, now: datetime, there: Mapping[str, int]
) -> dict[str, int]:
    """Kinds of things → primary key, for one owner. ``word`` must stand in their names; ``there``: those of before."""
    letter = Letter.objects.create(
        key=f"{word} letter", kind=Letter.Kind.DAILY, recipient=f"{word}@example.org", person=author, team=team,
        subject=f"{word} subject", body=f"{word} body", state=Letter.State.FAILED, created_at=now, next_try_at=now,
    )  # fmt: skip
    Told.objects.create(letter=letter, certificate_id=there["certificate"])
    mailing = Mailing.objects.create(subject=f"{word} mailing", message=word, requested_by=author, created_at=now)
    return {"letter": letter.pk, "mailing": mailing.pk}
