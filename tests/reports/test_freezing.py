"""Freezing: what a report says is what the pages say at that moment, to that person, and always in the same bytes."""

from __future__ import annotations

import csv
import gzip
import io
import json
from itertools import pairwise
from typing import Any

import pytest
from django.test import Client

from accounts.models import Organisation, Team, User
from certdash.lib.inert import visible
from inventory import exports, filters
from inventory.models import Certificate, Endpoint, ServedChain
from reports.services import canonical, freeze_inventory, freezing, thaw
from tests.conftest import NOW
from tests.inventory.factories import make_certificate, make_chain, make_endpoint
from tests.reports.estate import HOSTILE, make_estate, make_hostile

pytestmark = pytest.mark.django_db
QUERIES = ["", "status=expired", "in_use=yes&team=web", "team=none&risk=weak_key", "q=owner1&sort=-name"]
FIGURES: dict[str, dict[str, Any]] = {
    "expired_in_use": {"status": "expired", "in_use": "yes"},
    "expiring_in_use": {"status": "expiring", "in_use": "yes"},
    "unowned": {"team": "none", "in_use": "yes"},
    "weak": {"risk": ["weak_key", "sha1_signature"], "in_use": "yes"},
}


@pytest.fixture(autouse=True)
def estate(organisation: Organisation, web_team: Team, other_team: Team) -> None:
    make_estate(web_team, other_team, None)


def population(data: dict[str, Any]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data["population"])))


@pytest.mark.parametrize("person", ["administrator", "viewer"])
@pytest.mark.parametrize("code", FIGURES)
def test_totals_are_the_lengths_of_the_lists(code: str, person: str, request: pytest.FixtureRequest) -> None:
    user = request.getfixturevalue(person)
    count = filters.certificates(FIGURES[code], user, NOW).count().number
    assert freeze_inventory(user, "", NOW)["totals"][code] == count > 0


@pytest.mark.parametrize("query", QUERIES)
def test_every_total_counts_the_rows_of_the_population(query: str, auditor: User) -> None:
    data = freeze_inventory(auditor, query, NOW)
    rows = population(data)
    assert len(rows) == data["scope"]["certificates"] == sum(data["statuses"].values()) > 0
    assert len(rows) == filters.certificates(query, auditor, NOW).count().number
    for ranked in (data["issuers"], data["keys"]):
        assert sum(count for _, count in ranked) == len(rows)
    assert sum(team["certificates"] for team in data["teams"]) == len(rows)
    used = [row for row in rows if row["nodes_serving"] != "0"]
    assert data["scope"]["in_use"] == len(used)
    assert data["totals"]["expired_in_use"] == sum(row["status"] == "expired" for row in used)
    assert data["totals"]["weak"] == sum("weak_key" in row["risks"].split() for row in used)
    assert data["totals"]["unowned"] == sum(not row["owner_team"] for row in used)
    for code in FIGURES:
        assert sum(team[code] for team in data["teams"]) == data["totals"][code]


@pytest.mark.parametrize("query", QUERIES)
def test_the_population_is_the_export_of_the_same_filter(query: str, viewer: User) -> None:
    found = filters.certificates(query, viewer, NOW)
    assert freeze_inventory(viewer, query, NOW)["population"] == "".join(
        exports.write(exports.CERTIFICATES, "csv", found, NOW)
    )


def test_sections_count_what_they_cannot_show(auditor: User, web_team: Team) -> None:
    for n in range(450):
        make_certificate(f"many{n}.example.org", days_left=-2, nodes_serving=1, owner_team=web_team)
    data = freeze_inventory(auditor, "", NOW)
    section = data["sections"]["expired"]
    assert (section["count"], len(section["rows"])) == (data["totals"]["expired_in_use"], 400)
    assert sum(len(section["rows"]) for section in data["sections"].values()) <= 2000


@pytest.mark.parametrize(
    "query", ["status=lost", "unheard=1", "team=unheard", "expires_after=soon", "status=expired&sort=x"]
)
def test_a_filter_that_is_not_understood_freezes_nothing(query: str, auditor: User) -> None:
    with pytest.raises(ValueError, match="Filter “"):
        freeze_inventory(auditor, query, NOW)


def test_a_scope_that_is_too_large_is_refused_with_a_sentence(
    client: Client, auditor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = len(population(freeze_inventory(auditor, "", NOW)))
    monkeypatch.setattr(freezing, "MOST_CERTIFICATES", number)
    assert freeze_inventory(auditor, "", NOW)["scope"]["certificates"] == number
    monkeypatch.setattr(freezing, "MOST_CERTIFICATES", number - 1)
    with pytest.raises(ValueError, match=f"more than {number - 1} certificates"):
        freeze_inventory(auditor, "", NOW)
    client.force_login(auditor)
    answer = client.post("/reports/new/", {"kind": "inventory", "filter": ""})
    assert answer.status_code == 422
    assert f"The scope covers more than {number - 1} certificates" in answer.content.decode()


def test_nobody_freezes_what_they_may_not_see(viewer: User, auditor: User) -> None:
    own, whole = freeze_inventory(viewer, "", NOW), freeze_inventory(auditor, "", NOW)
    assert {row["owner_team"] for row in population(own)} == {"web", ""}
    assert {team["team"] for team in own["teams"]} == {"Web", ""}
    assert b"owner1" not in canonical(own)
    assert (own["scope"]["certificates"], own["scope"]["estate"]) == (24, 36)
    assert (whole["scope"]["certificates"], whole["sees_everything"], own["sees_everything"]) == (36, True, False)
    with pytest.raises(ValueError, match="not known"):
        freeze_inventory(viewer, "team=payments", NOW)


def test_the_same_rows_at_the_same_moment_give_the_same_bytes(auditor: User) -> None:
    first = canonical(freeze_inventory(auditor, "", NOW))
    assert canonical(freeze_inventory(auditor, "", NOW)) == first
    assert canonical(thaw(gzip.compress(first, mtime=0))) == first
    Certificate.objects.filter(name="n0.owner0.example.org").update(nodes_serving=5)
    assert canonical(freeze_inventory(auditor, "", NOW)) != first


def test_the_bytes_are_plain_json(auditor: User) -> None:
    make_hostile()
    data = canonical(freeze_inventory(auditor, "", NOW))
    assert json.loads(data)["kind"] == "inventory"
    assert {row["name"] for row in json.loads(data)["sections"]["expired"]["rows"]} >= set(HOSTILE.values())


def test_the_population_is_inert(auditor: User) -> None:
    make_hostile()
    text = freeze_inventory(auditor, "", NOW)["population"]
    assert not any(character in text for character in "\x00\x07\u202e")
    names = {row["name"] for row in csv.DictReader(io.StringIO(text))}
    assert visible(HOSTILE["bidi"]) in names
    assert f"'{HOSTILE['formula']}" in names


def test_names_in_other_scripts_are_frozen_in_both_forms(auditor: User) -> None:
    make_certificate("xn--bcher-kva.example", days_left=-9, nodes_serving=1, served_ever=True)
    data = freeze_inventory(auditor, "status=expired", NOW)
    first = data["sections"]["expired"]["rows"][0]
    assert (first["name"], first["name_unicode"]) == ("xn--bcher-kva.example", "bücher.example")
    assert {row["name_unicode"] for row in population(data)} == {"", "bücher.example"}


def test_teams_stand_in_the_order_of_their_numbers(auditor: User) -> None:
    for n in (10, 2, 1):
        make_certificate(owner_team=Team.objects.create(name=f"Shop {n}", slug=f"shop{n}"))
    teams = [one["team"] for one in freeze_inventory(auditor, "", NOW)["teams"]]
    assert teams[0] == ""
    assert [team for team in teams if team.startswith("Shop")] == ["Shop 1", "Shop 2", "Shop 10"]


def test_weeks_are_the_lists_behind_the_bars(auditor: User) -> None:
    weeks = freeze_inventory(auditor, "", NOW)["weeks"]
    assert len(weeks) == 26
    for week, following in pairwise(weeks):
        query = {"in_use": "yes", "expires_after": week["start"], "expires_before": following["start"]}
        assert week["owned"] + week["nobody"] == filters.certificates(query, auditor, NOW).count().number
        assert week["nobody"] == filters.certificates({**query, "team": "none"}, auditor, NOW).count().number


def test_what_was_not_judged_is_counted_with_its_reason(auditor: User, web_team: Team) -> None:
    make_endpoint("10.9.0.1", owner_team=web_team)
    make_endpoint("10.9.0.2", owner_team=web_team)
    stale = Endpoint.objects.filter(server_name="www.example.org").exclude(certificate=None)[:3].values("pk")
    Endpoint.objects.filter(pk__in=list(stale.values_list("pk", flat=True))).update(last_seen_at=NOW.replace(month=10))
    freshness = freeze_inventory(auditor, "", NOW)["freshness"]
    assert (freshness["endpoints"], freshness["not_judged"]) == (38, 5)
    assert freshness["reasons"] == [["answered too long ago", 3], ["unreachable: timeout", 2]]
    assert freshness["oldest"] == NOW.replace(month=10).isoformat()


@pytest.mark.parametrize(
    ("query", "endpoints", "reasons"),
    [
        # Twelve of each owner serve something; one of Web and one of nobody never answered.
        ("", 38, [["unreachable: timeout", 2]]),
        ("team=web", 13, [["unreachable: timeout", 1]]),
        ("team=none&kind=any", 13, [["unreachable: timeout", 1]]),
        ("team=payments", 12, []),
        # Of an endpoint that never answered nobody can say whether it serves an expired certificate.
        ("team=web&status=expired", 3, []),
        ("q=n0.owner1", 1, []),
        ("q=nothing-has-this-name", 0, []),
    ],
)
def test_freshness_is_that_of_the_scope(
    query: str, endpoints: int, reasons: list[Any], auditor: User, web_team: Team
) -> None:
    make_endpoint("10.9.0.1", owner_team=web_team)
    make_endpoint("10.9.0.2")
    freshness = freeze_inventory(auditor, query, NOW)["freshness"]
    assert (freshness["endpoints"], freshness["reasons"]) == (endpoints, reasons)
    assert freshness["not_judged"] == sum(count for _, count in reasons)


def test_a_stale_look_counts_where_its_certificate_is_in_scope(auditor: User) -> None:
    stale = Endpoint.objects.get(certificate__name="n1.owner0.example.org")
    Endpoint.objects.filter(pk=stale.pk).update(last_seen_at=NOW.replace(month=10))
    inside, outside = (freeze_inventory(auditor, f"team={team}", NOW)["freshness"] for team in ("web", "payments"))
    assert (inside["not_judged"], inside["oldest"]) == (1, NOW.replace(month=10).isoformat())
    assert (outside["not_judged"], outside["oldest"] > inside["oldest"]) == (0, True)


def test_an_endpoint_is_in_scope_by_each_certificate_that_it_serves(auditor: User) -> None:
    other = make_certificate("ecdsa.example.org", nodes_serving=1)
    endpoint = Endpoint.objects.exclude(certificate=None)[0]
    chain = make_chain(other)
    ServedChain.objects.create(
        endpoint=endpoint, variant="ecdsa", chain=chain, certificate=other, since=NOW, observed_at=NOW
    )
    assert freeze_inventory(auditor, "q=ecdsa.example.org", NOW)["freshness"]["endpoints"] == 1


def test_the_share_of_the_estate_compares_like_with_like(auditor: User) -> None:
    for n in range(4):
        make_certificate(f"Authority {n}", kind="ca")
    shares = {
        query: (scope["kind"], scope["certificates"], scope["estate"])
        for query in ("", "kind=any", "kind=ca", "kind=any&team=web")
        for scope in [freeze_inventory(auditor, query, NOW)["scope"]]
    }
    assert shares == {
        "": ("leaf", 36, 36),
        "kind=any": ("any", 40, 40),
        "kind=ca": ("ca", 4, 4),
        "kind=any&team=web": ("any", 12, 40),
    }


def test_a_certificate_without_readable_dates_is_counted_as_unknown(auditor: User) -> None:
    make_certificate("unread.example.org", not_before=None, not_after=None, nodes_serving=1)
    data = freeze_inventory(auditor, "q=unread.example.org", NOW)
    assert data["statuses"] == {"unknown": 1}
    assert data["sections"]["unowned"]["rows"][0]["days"] is None
