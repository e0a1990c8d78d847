"""Rows of a table: matched, refused, waiting, applied over what nobody said, and taken back."""

from __future__ import annotations

import base64
import json
import ssl
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEvent, Membership, Role, Team, User
from inventory.models import Certificate, Endpoint, Import, ImportItem, ImportTouch
from inventory.services import recount
from inventory.services.importing import rows
from inventory.services.importing.changes import Applied
from inventory.services.importing.waiting import Arrived, match_waiting
from inventory.services.totals import kept
from tests.conftest import NOW
from tests.discovery.servers import certificate as real_certificate
from tests.discovery.servers import der
from tests.inventory.factories import make_certificate, make_endpoint
from tests.inventory.planned import outcomes, plan, store, totals_are_true, undo

pytestmark = pytest.mark.django_db
Outcome = ImportItem.Outcome


@pytest.fixture
def web() -> Team:
    return Team.objects.create(name="Web", slug="web")


@pytest.fixture
def payments() -> Team:
    return Team.objects.create(name="Payments", slug="payments")


@pytest.fixture
def ada() -> User:
    return User.objects.create_user("ada@example.org", "x", role=Role.ADMINISTRATOR)


@pytest.fixture
def olga(web: Team) -> User:
    user = User.objects.create_user("olga@example.org", "x", role=Role.OPERATOR)
    Membership.objects.create(user=user, team=web)
    return user


def test_a_row_changes_the_endpoint_and_what_it_serves(ada: User, web: Team, olga: User) -> None:
    served = make_certificate("www.example.org")
    place = make_endpoint("192.0.2.1", 443, "www.example.org", certificate=served)
    other = make_endpoint("192.0.2.1", 8443, "www.example.org")
    recount()
    of = plan(
        "Host,Port,Team,Owner,Environment,Tags,Room\nWWW.example.org,443,web,Olga@example.org,prod,\"shop, eu\",B1\n",
        ada,
        **{"custom:Room": "Room"},
    )  # fmt: skip
    assert outcomes(of) == [Outcome.MATCHED]
    assert [change["kind"] for change in of.items.get().data["changes"]] == ["endpoint", "certificate"]
    assert not Endpoint.objects.filter(owner_team=web).exists()

    assert store(of) == Applied(1, 2)
    for row in (Endpoint.objects.get(pk=place.pk), Certificate.objects.get(pk=served.pk)):
        assert (row.owner_team, row.owner_person, row.owner_origin) == (web, olga, "manual")
        assert row.owner_reason == "Row 2 of estate.csv, imported by ada@example.org."
        assert row.owner_known.startswith("by a row of a spreadsheet")
        assert (row.environment, row.custom_fields, row.judge_at) == ("production", {"Room": "B1"}, NOW)
        assert sorted(tag.name for tag in row.tags.all()) == ["eu", "shop"]
    assert Endpoint.objects.get(pk=other.pk).owner_team is None
    assert AuditEvent.objects.filter(verb="import.rows_applied").count() == 1
    assert totals_are_true()
    # The same again changes nothing.
    assert store(of) == Applied(0, 0)

    assert undo(of) == 0
    for row in (Endpoint.objects.get(pk=place.pk), Certificate.objects.get(pk=served.pk)):
        assert (row.owner_team, row.owner_person, row.owner_origin, row.owner_reason) == (None, None, "", "")
        assert (row.environment, row.custom_fields, row.tags.count()) == ("", {}, 0)
    assert not ImportTouch.objects.exists()
    assert totals_are_true()


def test_what_people_said_stays_unless_told_otherwise(ada: User, web: Team, payments: Team) -> None:
    said: dict[str, Any] = {
        "owner_team": payments,
        "owner_origin": "manual",
        "owner_reason": "ours",
        "application": "shop",
    }
    place = make_endpoint("192.0.2.1", 443, "www.example.org", **said)
    text = "Host,Team,Application,Notes\nwww.example.org,Web,billing,hello\n"
    of = plan(text, ada)
    assert "application, owner" in of.items.get().reason
    store(of)
    place.refresh_from_db()
    assert (place.owner_team, place.application, place.notes) == (payments, "shop", "hello")
    store(plan(text, ada, overwrite="yes"))
    place.refresh_from_db()
    assert (place.owner_team, place.application) == (web, "billing")


def test_what_a_rule_or_a_source_said_is_written_over_and_restored(ada: User, web: Team, payments: Team) -> None:
    by_rule: dict[str, Any] = {
        "owner_team": payments,
        "owner_origin": "rule",
        "environment": "test",
        "ruled": {"environment": 7},
    }
    place = make_endpoint("192.0.2.1", 443, "www.example.org", **by_rule)
    of = plan("Host,Team,Environment\nwww.example.org,Web,prod\n", ada)
    store(of)
    place.refresh_from_db()
    assert (place.owner_team, place.environment, place.ruled) == (web, "production", {})
    undo(of)
    place.refresh_from_db()
    assert (place.owner_team, place.owner_origin, place.environment) == (payments, "rule", "test")
    assert place.ruled == {"environment": 7}


def test_undo_leaves_what_somebody_changed_since(ada: User, web: Team, payments: Team) -> None:
    place = make_endpoint("192.0.2.1", 443, "www.example.org")
    of = plan("Host,Team,Application\nwww.example.org,Web,shop\n", ada)
    store(of)
    Endpoint.objects.filter(pk=place.pk).update(owner_team=payments, owner_reason="moved")
    assert undo(of) == 1
    place.refresh_from_db()
    assert (place.owner_team, place.application) == (payments, "")


def test_the_team_of_before_may_be_gone_when_it_is_taken_back(ada: User, web: Team, payments: Team) -> None:
    place = make_endpoint("192.0.2.1", 443, "www.example.org", owner_team=payments, owner_origin="inferred")
    of = plan("Host,Team\nwww.example.org,Web\n", ada)
    store(of)
    payments.delete()
    undo(of)
    place.refresh_from_db()
    assert place.owner_team is None


def test_teams_that_are_unknown_or_of_others_are_refused(ada: User, olga: User, payments: Team) -> None:
    make_endpoint("192.0.2.1", 443, "www.example.org")
    text = "Host,Team\nwww.example.org,Nobodys\nwww.example.org,Payments\nwww.example.org,web\n"
    assert outcomes(plan(text, ada)) == [Outcome.REFUSED, Outcome.MATCHED, Outcome.MATCHED]
    of = plan(text, olga, create_teams="yes")
    assert outcomes(of) == [Outcome.REFUSED, Outcome.REFUSED, Outcome.MATCHED]
    # Who is in none of them is not told which exist.
    reasons = of.items.filter(outcome=Outcome.REFUSED).values_list("reason", flat=True)
    assert len({reason.replace("Nobodys", "Payments") for reason in reasons}) == 1


def test_an_administrator_may_have_teams_created(ada: User, web: Team) -> None:
    make_endpoint("192.0.2.1", 443, "www.example.org")
    of = plan("Host,Team\nwww.example.org,New Team\n", ada, create_teams="yes")
    assert not Team.objects.filter(name="New Team").exists()
    store(of)
    assert Endpoint.objects.get().owner_team == Team.objects.get(slug="new-team")
    assert AuditEvent.objects.filter(verb="team.created").exists()


def test_operators_match_only_what_they_see(olga: User, payments: Team) -> None:
    make_endpoint("192.0.2.1", 443, "www.example.org", owner_team=payments)
    of = plan("Host,Application\nwww.example.org,shop\n", olga)
    assert outcomes(of) == [Outcome.WAITING]
    with kept() as deltas:
        assert rows.apply_rows(of, list(of.items.all()), NOW, deltas).things == 0


def test_people_that_nobody_may_name_become_a_field(olga: User, payments: Team) -> None:
    stranger = User.objects.create_user("sam@example.org", "x", role=Role.OPERATOR)
    Membership.objects.create(user=stranger, team=payments)
    make_endpoint("192.0.2.1", 443, "www.example.org")
    store(plan("Host,Owner\nwww.example.org,sam@example.org\n", olga))
    place = Endpoint.objects.get()
    assert (place.owner_person, place.custom_fields) == (None, {"Owner": "sam@example.org"})


def test_an_expiry_is_never_believed_but_held_against_what_was_found(ada: User) -> None:
    served = make_certificate("www.example.org", days_left=60)
    make_endpoint("192.0.2.1", 443, "www.example.org", certificate=served)
    item = plan("Host,Expiry\nwww.example.org,2031-01-01\n", ada).items.get()
    assert served.not_after is not None
    assert "2031-01-01" in item.reason
    assert served.not_after.date().isoformat() in item.reason


def test_a_certificate_in_a_cell_is_new_then_known_and_gets_what_the_row_says(ada: User, web: Team) -> None:
    raw = der(real_certificate("cell.example.org"))
    folded = base64.encodebytes(raw).decode().strip()
    text = f'Common Name,RawCertificate,Team\ncell.example.org,"{folded}",Web\nx.example.org,"{folded[:-40]}",Web\n'
    of = plan(text, ada)
    assert outcomes(of) == [Outcome.NEW, Outcome.REFUSED]
    item = of.items.first()
    assert item is not None
    assert (bytes(item.der or b""), item.label) == (raw, "cell.example.org")
    certificate = make_certificate("cell.example.org", sha256=item.sha256)
    store(of)
    certificate.refresh_from_db()
    assert certificate.owner_team == web
    assert outcomes(plan(text, ada))[0] == Outcome.KNOWN


def test_an_export_of_lemur_brings_certificates_and_their_owners(ada: User, web: Team, olga: User) -> None:
    pem = ssl.DER_cert_to_PEM_cert(der(real_certificate("lemur.example.org")))
    item = {
        "id": 7,
        "name": "x",
        "body": pem,
        "owner": "olga@example.org",
        "authority": {"name": "CA"},
        "privateKey": None,
    }
    of = plan(json.dumps({"items": [item], "total": 1}), ada)
    assert outcomes(of) == [Outcome.NEW]
    planned = of.items.get()
    made = make_certificate("lemur.example.org", sha256=planned.sha256)
    store(of)
    made.refresh_from_db()
    assert (made.owner_team, made.owner_person) == (web, olga)


def test_serial_numbers_find_certificates(ada: User, web: Team) -> None:
    wanted = make_certificate("a.example.org", serial_number="0abc")
    make_certificate("b.example.org", serial_number="0d")
    make_certificate("c.example.org", serial_number="0d")
    of = plan("Serial,Team\nA:BC,Web\n0d,Web\nffff,Web\n", ada)
    assert outcomes(of) == [Outcome.MATCHED, Outcome.REFUSED, Outcome.REFUSED]
    store(of)
    wanted.refresh_from_db()
    assert wanted.owner_team == web


def test_rows_wait_for_the_scan_that_finds_their_place(ada: User, web: Team) -> None:
    of = plan("Host,Port,Team\nlate.example.org,443,Web\n192.0.2.9,,Web\nnever.example.org,,Web\n", ada)
    Import.objects.filter(pk=of.pk).update(waiting=3)
    store(of)
    Import.objects.filter(pk=of.pk).update(step=Import.Step.PREVIEW)
    place = make_endpoint("192.0.2.8", 443, "late.example.org")
    address = make_endpoint("192.0.2.9", 8443, "")
    wrong = make_endpoint("192.0.2.8", 8443, "late.example.org")
    found = [place.pk, address.pk, wrong.pk]

    def look() -> None:
        with kept() as deltas:
            match_waiting(Arrived(found), NOW, deltas)

    look()
    assert not Endpoint.objects.filter(owner_team=web).exists()  # nobody agreed to it yet
    Import.objects.filter(pk=of.pk).update(step=Import.Step.STORED)
    look()
    assert set(Endpoint.objects.filter(owner_team=web)) == {place, address}
    of.refresh_from_db()
    assert (of.waiting, of.applied) == (1, 2)
    assert outcomes(of) == [Outcome.MATCHED, Outcome.MATCHED, Outcome.WAITING]
    undo(of)
    assert not Endpoint.objects.filter(owner_team=web).exists()


def test_nothing_is_asked_if_no_row_waits_and_many_rows_cost_as_many_queries_as_few(ada: User, web: Team) -> None:
    place = make_endpoint("192.0.2.1", 443, "www.example.org")
    with kept() as deltas, CaptureQueriesContext(connection) as asked:
        match_waiting(Arrived([place.pk]), NOW, deltas)
    assert len(asked) == 1

    def cost(number: int) -> int:
        for each in range(number):
            make_endpoint(f"192.0.2.{each + 2}", 443, f"n{number}-{each}.example.org")
        of = plan("Host,Team,Tags\n" + "".join(f"n{number}-{each}.example.org,Web,t\n" for each in range(number)), ada)
        with CaptureQueriesContext(connection) as asked:
            assert store(of).things == number
        return len(asked)

    cost(1)
    assert cost(30) == cost(5)


def test_two_rows_about_one_thing_are_undone_in_turn(ada: User, web: Team, payments: Team) -> None:
    place = make_endpoint("192.0.2.1", 443, "www.example.org")
    of = plan("Host,Team\nwww.example.org,Web\nwww.example.org,Payments\n", ada, overwrite="yes")
    store(of)
    place.refresh_from_db()
    assert place.owner_team == payments
    assert undo(of) == 0
    place.refresh_from_db()
    assert place.owner_team is None
