"""Where the things of two teams touch: one key, one service, one endpoint that sends another team's certificate."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from accounts.models import Team
from discovery.models import Observation, Scan
from inventory.models import Certificate, Endpoint
from tests.access.world import WORDS, World
from tests.inventory.factories import make_certificate, make_chain, make_endpoint
from tests.judging import judge_all_due

WEB = WORDS["web"]
PAYMENTS = WORDS["payments"]
SERVICE = "shared.example.org:443"


def cross(world: World) -> dict[str, int]:
    """Things of team Web, each beside one of team Payments: name → primary key of Web's."""
    web, payments = world.team("web"), world.team("payments")
    found = {
        "key": _same_key(world, web, payments).pk,
        "node": _same_service(world, web, payments).pk,
        "sends": _another_teams_certificate(world, web, payments).pk,
    }
    judge_all_due(world.now + timedelta(seconds=1))
    return found


def _same_key(world: World, web: Team, payments: Team) -> Certificate:
    common: dict[str, Any] = {
        "spki_sha256": "5" * 64,
        "nodes_serving": 1,
        "nodes_total": 1,
        "served_ever": True,
        "judge_at": world.now,
    }
    make_certificate(f"{PAYMENTS}-key.example.org", now=world.now, owner_team=payments, **common)
    return make_certificate(f"{WEB}-key.example.org", now=world.now, owner_team=web, **common)


def _same_service(world: World, web: Team, payments: Team) -> Endpoint:
    """Two nodes of one name: that of team Payments was renewed, that of team Web was left behind."""
    names: dict[str, Any] = {
        "names_sha256": "6" * 64,
        "now": world.now,
        "served_ever": True,
        "nodes_serving": 1,
        "nodes_total": 1,
    }
    new = make_certificate(SERVICE, owner_team=payments, serial_number=f"{PAYMENTS}1", days_left=80, **names)
    old = make_certificate(SERVICE, owner_team=web, days_left=5, **names)
    shared: dict[str, Any] = {
        "server_name": "shared.example.org",
        "service": SERVICE,
        "now": world.now,
        "judge_at": world.now,
    }
    theirs = make_endpoint("198.51.100.203", certificate=new, owner_team=payments, **shared)
    assert theirs.place == THEIR_NODE
    return make_endpoint("198.51.100.103", certificate=old, owner_team=web, **shared)


def _another_teams_certificate(world: World, web: Team, payments: Team) -> Endpoint:
    certificate = make_certificate(
        f"{PAYMENTS}-moved.example.org", now=world.now, owner_team=payments, nodes_serving=1, nodes_total=1
    )
    endpoint = make_endpoint("198.51.100.104", certificate=certificate, owner_team=web, now=world.now)
    Observation.objects.create(
        endpoint=endpoint,
        outcome="served",
        chain=make_chain(certificate),
        first_seen_at=world.now,
        last_seen_at=world.now,
        scan=Scan.objects.get(pk=world.things["web"]["scan"]),
    )
    return endpoint


THEIR_NODE = "198.51.100.203:443"
