"""Whose new things are is decided before they are inserted, with the same answer as afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEvent, Team
from discovery.probe import Place, ProbeResult, Served, ServedVariant, Unreachable
from discovery.probe.results import Reason
from discovery.services import Recording, record
from inventory.models import Certificate, Chain, Endpoint, OwnershipRule
from inventory.services import SeenBy, kept, recount, store_certificates
from inventory.services.rules import Finds, apply_batch, tell_applied
from lab import pki
from tests.conftest import NOW

pytestmark = pytest.mark.django_db

ROOT = pki.Authority.make("Example Root", seed=5)
WEB, SHOP, LAB = (ROOT.issue([name]).der for name in ("www.example.org", "shop.example.com", "lab.example.net"))
BY = SeenBy("network", "Data centre east")
RULES: Mapping[str, Mapping[str, str]] = {
    "name": {"name_pattern": "*.example.org", "environment": "production"},
    "address": {"network": "192.0.2.0/25", "criticality": "high"},
    "issuer": {"issuer_pattern": "example root", "name_pattern": "*.example.com", "application": "shop"},
    "source": {"source_pattern": "data centre *", "name_pattern": "lab.*"},
    "tag": {"tag": "lab"},
    "custom field": {"custom_field": "room", "custom_value": "*"},
}
STANDS = (
    "owner_team_id", "owner_person_id", "owner_origin", "owner_reason", "owner_rule_id", "environment", "criticality",
    "application", "ruled", "judge_at",
)  # fmt: skip


def served(address: str, name: str, der: bytes) -> Served:
    return Served(Place(address, 443, name), (ServedVariant("default", (der, ROOT.der), "TLSv1.3", "AES"),))


FOUND: list[ProbeResult] = [
    served("192.0.2.1", "www.example.org", WEB),
    served("192.0.2.200", "", WEB),
    served("192.0.2.2", "www.example.com", SHOP),
    served("192.0.2.201", "lab.example.net", LAB),
    Unreachable(Place("192.0.2.3", 443, "lab.example.net"), Reason.SILENT),
]


def looks(**recording: Any) -> None:
    record(FOUND, Recording(BY, was_named=lambda _: True, **recording), NOW)


def stands() -> list[tuple[Any, ...]]:
    rows = [*Certificate.objects.order_by("sha256"), *Endpoint.objects.order_by("address")]
    return [(str(row), *(getattr(row, name) for name in STANDS)) for row in rows]


def rules_are(wanted: Mapping[str, Mapping[str, str]], team: Team) -> None:
    for at, (name, conditions) in enumerate(wanted.items(), 1):
        OwnershipRule.objects.create(position=at, name=name, team=team, **conditions)


@pytest.mark.parametrize("wanted", [*({name: RULES[name]} for name in RULES), RULES], ids=[*RULES, "all"])
def test_new_finds_stand_as_if_the_rules_were_asked_afterwards(
    wanted: Mapping[str, Mapping[str, str]], web_team: Team
) -> None:
    looks()
    rules_are(wanted, web_team)
    for model in (Certificate, Endpoint):
        apply_batch(model, list(model.objects.values_list("pk", flat=True)), NOW)
    afterwards = stands()
    Endpoint.objects.all().delete()
    Chain.objects.all().delete()
    Certificate.objects.all().delete()
    recount()
    looks()
    assert stands() == afterwards
    assert recount() == []


def test_new_finds_of_a_source_are_its_teams_and_the_audit_says_so(web_team: Team) -> None:
    looks(team=web_team)
    leaves, nodes = Certificate.objects.leaves(), Endpoint.objects.all()
    assert {row.owner_reason for row in (*leaves, *nodes)} == {"Found by the source “Data centre east” of this team."}
    assert Certificate.objects.get(kind="ca").owner_team is None
    counts = dict(AuditEvent.objects.filter(verb__endswith="inferred").values_list("verb", "after__count"))
    assert counts == {"certificates.owner_inferred": 3, "endpoints.owner_inferred": 5}
    assert recount() == []


def test_what_is_new_is_written_once(web_team: Team) -> None:
    rules_are(RULES, web_team)
    finds = Finds.now(None, BY)
    with CaptureQueriesContext(connection) as asked, kept() as deltas:
        stored = store_certificates([WEB, SHOP], NOW, None, deltas, finds.begin_certificates)
        tell_applied(finds.apply(stored.new, (), NOW, deltas), NOW)
    assert [query["sql"] for query in asked if query["sql"].startswith('UPDATE "inventory_certificate"')] == []
    assert Certificate.objects.filter(owner_team=web_team).count() == 2


def test_who_has_the_same_key_is_called_by_a_new_owner(web_team: Team) -> None:
    """What is said of a shared key names the teams of the others."""
    first = ROOT.issue(["a.example.org"])
    again = ROOT.issue(["b.example.org"], key=first.key).der
    store_certificates([first.der, WEB], NOW)
    Certificate.objects.update(judge_at=None)
    rules_are({"name": RULES["name"]}, web_team)
    finds = Finds.now(None, BY)
    with kept() as deltas:
        stored = store_certificates([again], NOW, None, deltas, finds.begin_certificates)
        finds.apply(stored.new, (), NOW, deltas)
    due = dict(Certificate.objects.values_list("name", "judge_at"))
    assert due == {"a.example.org": NOW, "b.example.org": NOW, "www.example.org": None}
