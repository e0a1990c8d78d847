"""Domains, calendar, comparison: addresses, what people would send to them, and the things that addresses name."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from accounts.models import CalendarFeed, SavedView, Team, User
from inventory.models import Certificate
from inventory.services.domains import sort_into_domains
from tests.access.answers import CHANGERS, MISSING, OF_ALL, SEEN, SIGNED_IN, Route, each
from tests.inventory.factories import make_certificate

# A calendar address belongs to one person: not even administrators withdraw it.
OWN_FEED = each(
    web="                       sign-in  404    done     404      404     404",
    payments="                  sign-in  404    404      done     404     404",
    nobody="                    sign-in  404    404      404      404     404",
)

ROUTES: dict[str, Route] = {
    "inventory:domain_list": Route(SIGNED_IN, fragment=True),
    "inventory:domain_detail": Route(SEEN, thing="domain"),
    "inventory:certificate_compare": Route(SIGNED_IN, OF_ALL),
    "inventory:calendar": Route(SIGNED_IN),
    "policy:finding_change": Route(post=CHANGERS),
    # Making an address is one's own matter, whatever the role.
    "inventory:feed_list": Route(SIGNED_IN, OF_ALL),
    "inventory:feed_withdraw": Route(post=OWN_FEED, thing="feed"),
    # Opens by its token alone.
    "inventory:feed": Route(MISSING, thing="token", is_open=True),
}


def payload(route: str, _things: Mapping[str, int], _team: Team | None, _own: Team) -> Mapping[str, Any]:
    """``things``: what the owner asked about has; ``own``: a team of the person who sends."""
    if route == "policy:finding_change":
        return {"scope": "all", "query": "", "kind": "acknowledge"}
    if route != "inventory:certificate_compare":
        return {}
    nobodys = Certificate.objects.filter(owner_team=None).values_list("pk", flat=True)
    return {"a": str(nobodys[0]), "b": str(nobodys[0])}


def things(
    word: str, team: Team | None, author: User | None, now: datetime, _there: Mapping[str, int]
) -> dict[str, int]:
    """Kinds of things → primary key, for one owner. ``word`` must stand in their names; ``there``: those of before."""
    certificate = make_certificate(f"www.{word}.example", names=[f"{word}.com"], now=now, owner_team=team)
    sort_into_domains(lambda: now)
    certificate = Certificate.objects.get(pk=certificate.pk)
    domain = certificate.domains.get(domain__name=f"{word}.com").domain
    keeper = author or User.objects.create_user(f"{word}@example.net")
    view = SavedView.objects.create(
        page="certificates", name=f"{word} view", query="", owner=keeper, audience="private", created_at=now
    )
    digest = hashlib.sha256(word.encode()).hexdigest()
    feed = CalendarFeed.objects.create(user=keeper, view=view, digest=digest, created_at=now)
    return {"domain": domain.pk, "feed": feed.pk}
