"""Things without an owner and questions about owners: addresses, what people send to them, what addresses name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from accounts.models import Role, Team, User
from inventory.models import Certificate, Endpoint, OwnerQuestion
from inventory.services import owner_of, version_of
from tests.access.answers import CHANGE_SEEN, CHANGERS_OF_SEEN, MISSING, SIGNED_IN, Route, all

# In the walk every certificate is served: retiring it is refused with a reason, as a form is.
REFUSED = {owner: line.replace("done", "422") for owner, line in CHANGE_SEEN.items()}
ROUTES: dict[str, Route] = {
    "inventory:certificate_retire": Route(post=REFUSED, thing="certificate"),
    "inventory:certificate_restore": Route(post=CHANGE_SEEN, thing="certificate"),
    "inventory:ownership": Route(SIGNED_IN),
    "inventory:ownership_certificate": Route(post=CHANGE_SEEN, thing="certificate"),
    "inventory:ownership_endpoint": Route(post=CHANGE_SEEN, thing="endpoint"),
    # What is to be taken back stands in a signed text, which nobody has here.
    "inventory:ownership_undo": Route(post=all("sign-in 403 422 422 403 422")),
    "inventory:ownership_ask": Route(CHANGERS_OF_SEEN, CHANGE_SEEN, thing="certificate"),
    "inventory:question_withdraw": Route(post=CHANGE_SEEN, thing="question"),
    "policy:finding_assign": Route(post=CHANGE_SEEN, thing="finding"),
    # Opens by its token alone.
    "inventory:yours": Route(MISSING, MISSING, thing="token", is_open=True),
}
REASON = {"reason": "asked by the walk"}


def payload(route: str, things: Mapping[str, int], team: Team | None, own: Team) -> Mapping[str, Any]:
    """``things``: what the owner asked about has; ``own``: a team of the person who sends."""
    if route in {"inventory:ownership_certificate", "inventory:ownership_endpoint"}:
        row: Certificate | Endpoint = (
            Certificate.objects.get(pk=things["certificate"])
            if route == "inventory:ownership_certificate"
            else Endpoint.objects.get(pk=things["endpoint"])
        )
        given_to = "" if team else own.slug
        return {**REASON, "team": given_to, "version": version_of(owner_of(row)), "back": ""}
    if route == "inventory:ownership_ask":
        return {"email": "eve@example.org", "team": own.slug, "message": ""}
    if route == "policy:finding_assign":
        person = User.objects.filter(role=Role.OPERATOR, memberships__team=team or own).get()
        return {"assign-person": str(person.pk), "assign-note": "asked by the walk", "assign-was": ""}
    return REASON


def things(
    word: str, team: Team | None, author: User | None, now: datetime, there: Mapping[str, int]
) -> dict[str, int]:
    """Kinds of things → primary key, for one owner. ``word`` must stand in their names; ``there``: those of before."""
    question = OwnerQuestion.objects.create(
        certificate_id=there["certificate"],
        email=f"{word}@example.org",
        team=team,
        message=f"{word} message",
        digest=f"{word}{'0' * 64}"[:64],
        asked_by=author,
        asked_at=now,
        expires_at=now + timedelta(days=14),
    )
    return {"question": question.pk}
