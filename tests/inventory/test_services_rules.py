"""Applied rules: what a person chose stays, then rules in their order, then source and network, else nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEvent, Team, User
from discovery.models import Network, Source
from discovery.services import default_zone
from inventory.addresses import pack
from inventory.models import Certificate, Endpoint, OwnershipRule, Tag
from inventory.services import Finds, SeenBy, assign_owner, describe, kept, recount, tell_applied
from inventory.services.bulk_kinds import name_of
from inventory.services.rules import apply_batch
from tests.conftest import NOW
from tests.inventory.factories import make_certificate, make_endpoint, make_sighting

pytestmark = pytest.mark.django_db

Rows = Certificate | Endpoint


def rule(position: int = 1, **columns: Any) -> OwnershipRule:
    return OwnershipRule.objects.create(position=position, **{"name": f"Rule {position}", **columns})


def find(*rows: Rows, team: Team | None = None, by: SeenBy | None = None) -> None:
    """As a recording does with what it found and knew before."""
    certificates = [row.pk for row in rows if isinstance(row, Certificate)]
    endpoints = [row.pk for row in rows if isinstance(row, Endpoint)]
    with kept() as deltas:
        applied = Finds.now(team, by).apply(certificates, endpoints, NOW, deltas)
    tell_applied(applied, NOW)


def again(*rows: Rows) -> list[str]:
    """As a person asks for it."""
    return [name_of(change.row) for row in rows for change in apply_batch(type(row), [row.pk], NOW)]


def owner(row: Rows) -> tuple[str, str, str]:
    row.refresh_from_db()
    return row.owner_team.slug if row.owner_team else "", row.owner_origin, row.owner_reason


def test_what_is_found_gets_what_the_rules_say(web_team: Team, other_team: Team) -> None:
    first = rule(1, name="Test", name_pattern="*.test.example.org", environment="test")
    second = rule(2, name="Web", name_pattern="*.example.org", team=web_team, environment="production")
    rule(3, name="Rest", name_pattern="*", team=other_team, application="rest")
    rule(4, name="Off", name_pattern="*", criticality="low", enabled=False)
    certificate = make_certificate("a.test.example.org", judge_at=None)
    endpoint = make_endpoint(server_name="", certificate=certificate)
    recount()
    find(certificate, endpoint)
    for row in (certificate, endpoint):
        assert owner(row) == ("web", "rule", "Rule “Web”: a name fits *.example.org")
        assert row.owner_rule == second
        assert (row.environment, row.application, row.criticality) == ("test", "rest", "")
        assert row.ruled == {"environment": first.pk, "application": first.pk + 2}
        assert row.judge_at == NOW
    assert recount() == []
    events = {event.verb: event for event in AuditEvent.objects.all()}
    assert set(events) == {"certificates.ruled", "endpoints.ruled"}
    assert events["certificates.ruled"].after["by"] == [["Rule “Web”: a name fits *.example.org", 1]]
    assert events["certificates.ruled"].actor is None


def by_network(team: Team) -> OwnershipRule:
    return rule(network="192.0.2.0/24", team=team)


def by_issuer(team: Team) -> OwnershipRule:
    return rule(issuer_pattern="cn=example*", team=team)


def by_tag(team: Team) -> OwnershipRule:
    return rule(tag="shop", team=team)


def by_source(team: Team) -> OwnershipRule:
    return rule(source_pattern="data centre *", team=team)


def by_custom_field(team: Team) -> OwnershipRule:
    return rule(custom_field="room", custom_value="B*", team=team)


@pytest.mark.parametrize("make", [by_network, by_issuer, by_tag, by_source, by_custom_field])
def test_each_condition_is_asked_of_what_is_known(make: Callable[[Team], OwnershipRule], web_team: Team) -> None:
    made = make(web_team)
    certificate = make_certificate(custom_fields={"Room": "b7"})
    make_endpoint("192.0.2.9", certificate=certificate)
    certificate.tags.add(Tag.objects.create(name="shop"))
    make_sighting(certificate, "Data centre east")
    other = make_certificate(issuer="Other CA")
    find(certificate, other)
    assert owner(certificate)[:2] == ("web", "rule")
    assert certificate.owner_rule == made
    assert owner(other) == ("", "", "")


def test_what_a_person_chose_stays(web_team: Team, other_team: Team, administrator: User) -> None:
    given, nobodys, described = make_certificate(), make_certificate(), make_certificate(environment="test")
    assign_owner([given.pk], other_team, None, "theirs", actor=administrator, now=NOW)
    assign_owner([nobodys.pk], None, None, "", actor=administrator, now=NOW)
    rule(name_pattern="*", team=web_team, environment="production")
    find(given, nobodys, described)
    again(given, nobodys, described)
    assert owner(given) == ("payments", "manual", "theirs")
    assert owner(nobodys) == ("", "manual", "")
    assert owner(described)[0] == "web"
    assert (described.environment, described.ruled) == ("test", {})
    # What nobody said anything of is filled when somebody asks for it.
    assert given.environment == "production"


def test_a_person_takes_over_from_a_rule(web_team: Team, other_team: Team, administrator: User) -> None:
    made = rule(name_pattern="*", team=web_team, environment="production", application="shop", criticality="high")
    row = make_certificate()
    find(row)
    describe(row, {"environment": "test", "application": ""}, actor=administrator, now=NOW)
    assign_owner([row.pk], other_team, None, "theirs", actor=administrator, now=NOW)
    row.refresh_from_db()
    # Zero: nothing, on purpose. No rule fills it again.
    assert row.ruled == {"criticality": made.pk, "application": 0}
    assert row.owner_rule is None
    assert again(row) == []
    assert owner(row)[0] == "payments"
    assert (row.environment, row.application, row.criticality) == ("test", "", "high")


def test_what_no_rule_gives_any_more_falls_back(web_team: Team, other_team: Team) -> None:
    made = rule(name_pattern="*", team=web_team, environment="production")
    seen, placed, lost = make_certificate(), make_certificate(), make_certificate()
    make_endpoint("10.1.2.3", certificate=placed)
    make_sighting(seen, "East")
    find(seen, placed, lost)
    Source.objects.create(name="East", zone=default_zone(), owner_team=other_team, created_at=NOW)
    for cidr, first, last, team in (
        ("10.0.0.0/8", "10.0.0.0", "10.255.255.255", web_team),
        ("10.1.0.0/16", "10.1.0.0", "10.1.255.255", other_team),
    ):
        Network.objects.create(cidr=cidr, first=pack(first), last=pack(last), zone=default_zone(), owner_team=team)
    made.delete()
    recount()
    assert len(again(seen, placed, lost)) == 3
    assert owner(seen) == ("payments", "inferred", "Found by the source “East” of this team.")
    assert owner(placed) == ("payments", "inferred", "It is in the network “10.1.0.0/16” of this team.")
    assert owner(lost) == ("", "", "")
    assert (lost.environment, lost.ruled) == ("", {})
    assert recount() == []
    assert again(seen, placed, lost) == []


def test_a_rule_comes_before_the_source_that_looks(web_team: Team, other_team: Team) -> None:
    rule(name_pattern="*.example.org", team=web_team)
    ruled, other = make_certificate("www.example.org"), make_certificate("www.example.net")
    find(ruled, other, team=other_team, by=SeenBy("network", "East"))
    assert owner(ruled)[:2] == ("web", "rule")
    assert owner(other) == ("payments", "inferred", "Found by the source “East” of this team.")


def test_the_reason_names_the_import_that_brought_it(web_team: Team) -> None:
    row = make_certificate()
    find(row, team=web_team, by=SeenBy("import", "estate.pem (import 5)"))
    assert owner(row) == ("web", "inferred", "Imported for this team: “estate.pem (import 5)”.")


def test_what_was_inferred_stays_unless_a_rule_says_otherwise(web_team: Team, other_team: Team) -> None:
    row = make_certificate()
    find(row, team=other_team, by=SeenBy("network", "East"))
    assert again(row) == []
    rule(name_pattern="*", team=web_team)
    find(row)
    assert owner(row)[0] == "payments"  # only what nobody owns is a new find
    assert again(row) == [row.sha256]
    assert owner(row)[:2] == ("web", "rule")


def test_authorities_belong_to_nobody_by_rule(web_team: Team) -> None:
    rule(name_pattern="*", team=web_team)
    row = make_certificate(kind="ca")
    find(row)
    assert again(row) == []
    assert owner(row) == ("", "", "")


def test_many_cost_as_many_queries_as_few(web_team: Team, other_team: Team) -> None:
    rule(1, name_pattern="*.example.org", network="192.0.2.0/24", source_pattern="*", team=web_team)
    rule(2, issuer_pattern="*", team=other_team, environment="test")
    rule(3, tag="shop", custom_field="room", application="shop")
    Network.objects.create(
        cidr="10.0.0.0/8", first=pack("10.0.0.0"), last=pack("10.255.255.255"), zone=default_zone(), owner_team=web_team
    )

    def cost(number: int) -> int:
        found = [make_certificate(f"{n}.example.org") for n in range(number)]
        nodes = [make_endpoint(f"192.0.2.{n}", port=number, certificate=row) for n, row in enumerate(found)]
        rows: list[Rows] = [*found, *nodes]
        with CaptureQueriesContext(
            connection,
        ) as queries:
            find(*rows)
        assert {owner(row)[1] for row in rows} == {"rule"}
        return len(queries)

    cost(1)
    assert cost(2) == cost(9)
