"""What a team's source finds and nobody owns becomes the team's, and says how it is known."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.models import AuditEvent, Team, User
from discovery.models import Scan, Source
from discovery.services import Recording, record
from inventory.models import Certificate, Endpoint
from inventory.services import SeenBy, assign_endpoint_owner, assign_owner, recount
from tests.conftest import NOW
from tests.discovery.scanning import run_all, start
from tests.discovery.test_services_candidates import SERVED

DAY = timedelta(days=1)
WHY = "Found by the source “Data centre” of this team."


def look(team: Team | None, days: int = 0) -> None:
    record([SERVED], Recording(SeenBy("network", "Data centre"), schedule=DAY, team=team), NOW + days * DAY)


def owners() -> set[tuple[str, str, str]]:
    rows = [*Endpoint.objects.all(), *Certificate.objects.leaves()]
    return {(row.owner_team.slug if row.owner_team else "", row.owner_origin, row.owner_reason) for row in rows}


@pytest.mark.django_db
def test_what_nobody_owns_becomes_the_teams(web_team: Team, other_team: Team) -> None:
    look(web_team)
    assert owners() == {("web", "inferred", WHY)}
    assert recount() == []
    events = {event.verb: event for event in AuditEvent.objects.all()}
    assert set(events) == {"endpoints.owner_inferred", "certificates.owner_inferred"}
    assert events["endpoints.owner_inferred"].actor is None
    assert events["endpoints.owner_inferred"].after["reason"] == WHY
    look(other_team, days=1)
    assert owners() == {("web", "inferred", WHY)}
    assert AuditEvent.objects.count() == 2


@pytest.mark.django_db
def test_without_a_team_nothing_is_inferred_and_later_it_is(web_team: Team) -> None:
    look(None)
    assert owners() == {("", "", "")}
    Endpoint.objects.update(judge_at=None)
    look(web_team, days=1)
    assert owners() == {("web", "inferred", WHY)}
    assert Endpoint.objects.get().judge_at == NOW + DAY
    assert recount() == []


@pytest.mark.django_db
def test_what_a_person_decided_stays(web_team: Team, other_team: Team, administrator: User) -> None:
    look(None)
    certificates = list(Certificate.objects.leaves().values_list("pk", flat=True))
    assign_owner(certificates, other_team, None, "theirs", actor=administrator, now=NOW)
    endpoints = list(Endpoint.objects.values_list("pk", flat=True))
    for team, reason in ((web_team, "first"), (None, "nobody's on purpose")):
        assign_endpoint_owner(endpoints, team, None, reason, actor=administrator, now=NOW)
    look(web_team, days=1)
    assert owners() == {("payments", "manual", "theirs"), ("", "manual", "nobody's on purpose")}


@pytest.mark.django_db
def test_nobody_is_a_choice_also_without_a_word(web_team: Team, administrator: User) -> None:
    look(None)
    endpoints = list(Endpoint.objects.values_list("pk", flat=True))
    assert assign_endpoint_owner(endpoints, None, None, "", actor=administrator, now=NOW) == len(endpoints)
    look(web_team, days=1)
    assert owners() == {("", "manual", ""), ("web", "inferred", WHY)}
    assert not Endpoint.objects.exclude(owner_team=None).exists()


@pytest.mark.django_db
def test_nobody_as_an_earlier_version_kept_it_stays(web_team: Team) -> None:
    look(None)
    Endpoint.objects.update(owner_reason="nobody's on purpose")
    look(web_team, days=1)
    assert owners() == {("", "", "nobody's on purpose"), ("web", "inferred", WHY)}


@pytest.mark.django_db(transaction=True)
def test_a_scan_takes_the_team_of_its_source(loopback: None, server: int, web_team: Team) -> None:
    place = f"127.0.0.1:{server}"
    scan = start(place)
    source = Source.objects.create(
        name="Data centre", kind="hosts", targets=place, zone=scan.zone, owner_team=web_team, created_at=NOW
    )
    Scan.objects.filter(pk=scan.pk).update(source=source)
    run_all(scan)
    assert owners() == {("web", "inferred", WHY)}
