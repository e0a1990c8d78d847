"""The daily mail: to whom, what stands in it, once a day, as each of them sees it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.models import Membership, Organisation, Role, Team, TickRun, User
from alerts.models import Day, Letter
from alerts.services import addressees, compose, write_daily
from alerts.snapshot import Scope
from certdash.lib.work import WorkStatus
from discovery.models import Network, Source
from discovery.services import default_zone
from inventory.addresses import pack
from inventory.models import Certificate, Import
from inventory.services import recount
from tests.conftest import NOW, MakeUser
from tests.inventory.factories import make_certificate, make_endpoint

pytestmark = pytest.mark.django_db

# A Monday.
DAY = date(2026, 11, 23)
SUNDAY = DAY - timedelta(days=1)
numbers: Iterator[int] = iter(range(1, 250))


@pytest.fixture(autouse=True)
def _house(organisation: Organisation) -> None:
    Organisation.objects.update(base_url="https://certdash.example.org")


def serve(name: str, days_left: float, team: Team | None = None, now: datetime = NOW, **columns: Any) -> None:
    row = make_certificate(
        name, days_left=days_left, now=now, owner_team=team, nodes_serving=1, served_ever=True, **columns
    )
    make_endpoint(f"192.0.2.{next(numbers)}", server_name=name, certificate=row, now=now, owner_team=team)


def told(scope: Scope, day: date = SUNDAY) -> tuple[str, str]:
    recount()
    written = compose(scope, day, NOW - timedelta(days=1))
    return (written.subject, written.body) if written else ("", "")


def run(now: datetime = NOW) -> list[str]:
    """Write the letters of the day; return to whom they go."""
    before = Letter.objects.count()
    write_daily(lambda: now, 60)
    return sorted(Letter.objects.order_by("pk").values_list("recipient", flat=True)[before:])


def test_what_was_imported_and_never_found_is_told_before_it_ends(operator: User, web_team: Team) -> None:
    make_certificate("sheet.example.org", days_left=5.5, now=NOW, owner_team=web_team)
    subject, body = told(Scope.of_person(operator, NOW))
    assert subject == "1 expiring, never seen in use · certdash"
    assert "sheet.example.org: 5 days left (2026-11-28)" in body


def test_an_owner_is_told_of_their_own_things_worst_first(operator: User, web_team: Team, other_team: Team) -> None:
    serve("old.example.org", -3.5, web_team)
    serve("soon.example.org", 5.5, web_team)
    serve("later.example.org", 20.5, web_team)
    serve("fine.example.org", 60, web_team)
    serve("theirs.example.org", -1, other_team)
    serve("nobody.example.org", 60)
    subject, body = told(Scope.of_person(operator, NOW))
    assert subject == "1 expired in use, 1 expires within 7 days · certdash"
    assert re.search(r"old\.example\.org: expired 3 days ago \(2026-11-19\), on 192\.0\.2\.\d+:443\n", body)
    assert "soon.example.org: 5 days left (2026-11-28), on" in body
    assert body.index("old.") < body.index("soon.") < body.index("later.") < body.index("without owner")
    assert "In use and without owner: 1\n" in body
    for hidden in ("theirs", "fine", "nobody.example.org", "Payments"):
        assert hidden not in body
    assert "What is told here is of: Web." in body
    assert "https://certdash.example.org/profile/" in body


def test_the_contact_of_a_team_is_told_what_its_people_are_told(web_team: Team, other_team: Team) -> None:
    serve("old.example.org", -3.5, web_team)
    serve("theirs.example.org", -1, other_team)
    serve("nobody.example.org", -1)
    subject, body = told(Scope.of_teams([web_team], NOW))
    assert subject == "1 expired in use · certdash"
    assert "old.example.org" in body
    assert "theirs" not in body
    assert "nobody" not in body
    assert "contact address of a team" in body


def test_an_administrator_is_told_of_everything_and_of_what_did_not_run(administrator: User, web_team: Team) -> None:
    serve("old.example.org", -3.5, web_team)
    serve("nobody.example.org", 60)
    Network.objects.create(cidr="198.51.100.0/24", first=pack("198.51.100.0"), last=pack("198.51.100.255"),
                           name="Office", zone=default_zone())  # fmt: skip
    long_ago = NOW - timedelta(hours=5)
    TickRun.objects.create(name="policy", started_at=long_ago, finished_at=long_ago)
    TickRun.objects.create(name="discovery", started_at=NOW, finished_at=NOW, error="ValueError: no\nsuch thing")
    Source.objects.create(name="Shop", kind="hosts", targets="192.0.2.9", zone=default_zone(), created_at=long_ago)
    Source.objects.create(name="Mill", kind="hosts", targets="192.0.2.9", zone=default_zone(),
                          created_at=NOW - timedelta(days=3))  # fmt: skip
    imports = {"status": WorkStatus.FAILED, "created_at": long_ago, "error": "no such column"}
    Import.objects.create(name="hosts\u202e.csv", finished_at=NOW - timedelta(hours=1), **imports)
    Import.objects.create(name="older.csv", finished_at=NOW - timedelta(days=2), **imports)
    subject, body = told(Scope.of_person(administrator, NOW))
    assert subject == "1 expired in use, 2 jobs did not run, 2 scans with a gap · certdash"
    assert "old.example.org: expired 3 days ago (2026-11-19), on 192.0.2." in body
    assert ", Web\n" in body
    assert "nobody.example.org" in body
    assert "“policy” has not finished in zone default since 2026-11-23 04:41 UTC." in body
    assert "“discovery” failed in zone default: such thing" in body
    assert "Network Office: No scan of it has ended yet." in body
    assert "Source Mill: No scan of it has ended yet." in body
    assert "Source Shop" not in body
    assert "Import “hosts‹U+202E›.csv”: no such column" in body
    assert "older.csv" not in body


def test_unknown_is_said_as_unknown(operator: User, web_team: Team) -> None:
    """Nothing is expired, because nobody looked."""
    serve("fine.example.org", 60, web_team)
    make_endpoint("192.0.2.250", owner_team=web_team)
    subject, body = told(Scope.of_person(operator, NOW))
    assert subject == "1 of 2 not judged in time · certdash"
    assert "Unknown: of 1 of 2 endpoints nobody can say whether all is well" in body
    assert "/endpoints/?judged=no&team=web" in body


def test_all_is_well_is_said_on_mondays_alone(operator: User, web_team: Team) -> None:
    serve("fine.example.org", 60, web_team)
    assert told(Scope.of_person(operator, NOW)) == ("", "")
    subject, body = told(Scope.of_person(operator, NOW), DAY)
    assert subject == "Nothing to report, 1 of 1 judged in time · certdash"
    assert body.startswith("Nothing to report: 1 of 1 endpoints were judged in time")


def test_twenty_lines_and_a_link_to_exactly_the_list(client: Client, operator: User, web_team: Team) -> None:
    now = timezone.now()
    for number in range(23):
        serve(f"n{number}.example.org", -number - 1, web_team, now)
    recount()
    written = compose(Scope.of_person(operator, now), SUNDAY, now)
    assert written is not None
    assert written.body.count("  - n") == 20
    assert "  and 3 more\n" in written.body
    assert len(written.daily.certificates) == 20
    client.force_login(operator)
    for address in re.findall(r"^https://certdash.example.org(/\S+)$", written.body, re.MULTILINE):
        if urlsplit(address).path == "/certificates/":
            assert "Export 23" in client.get(address).content.decode().replace("\n", " ").replace("  ", "")


def test_a_hostile_name_is_harmless_in_subject_and_text(operator: User, web_team: Team) -> None:
    serve("a.example.org\r\nBcc: eve@example.org \u202e<b>", -1, web_team)
    _subject, body = told(Scope.of_person(operator, NOW))
    assert "a.example.org‹U+000D›‹U+000A›Bcc: eve@example.org ‹U+202E›<b>: expired" in body


def test_who_gets_it(administrator: User, operator: User, viewer: User, auditor: User, make_user: MakeUser) -> None:
    off = make_user("off@example.org", Role.OPERATOR, *operator.teams.all())
    User.objects.filter(pk=off.pk).update(daily_mail=False)
    closed = make_user("closed@example.org", Role.ADMINISTRATOR)
    User.objects.filter(pk=closed.pk).update(is_active=False)
    ended = make_user("ended@example.org", Role.ADMINISTRATOR)
    User.objects.filter(pk=ended.pk).update(ends_at=NOW)
    Team.objects.create(name="A", slug="a", contact_email="Off@example.org")
    Team.objects.create(name="B", slug="b", contact_email="both@example.org")
    Team.objects.create(name="C", slug="c", contact_email="Both@example.org")
    found = list(addressees(NOW))
    assert [one.address for one in found] == [
        "ada@example.org",
        "both@example.org",
        "olga@example.org",
        "victor@example.org",
        "web@example.org",
    ]
    assert [team.slug for team in found[1].teams] == ["b", "c"]


def test_one_letter_a_day_whoever_asks_and_how_often(operator: User, web_team: Team, administrator: User) -> None:
    serve("old.example.org", -3.5, web_team)
    assert run(NOW.replace(hour=6, minute=59)) == []
    assert run() == ["ada@example.org", "olga@example.org", "web@example.org"]
    assert run() == []
    # A worker that died before it noted the day, and one that runs beside it.
    Day.objects.update(finished_at=None, last_address="")
    assert run() == []
    assert run(NOW + timedelta(days=1)) == ["ada@example.org", "olga@example.org", "web@example.org"]
    assert Letter.objects.filter(person=operator).count() == 2
    assert Letter.objects.filter(team=web_team).first().certificates.get().name == "old.example.org"  # type: ignore[union-attr]  # there is one


def test_a_worker_that_died_in_between_is_gone_on_behind(operator: User, web_team: Team) -> None:
    serve("old.example.org", -3.5, web_team)
    Day.objects.create(day=DAY, started_at=NOW, last_address="olga@example.org")
    assert run() == ["web@example.org"]
    assert Day.objects.get().finished_at == NOW


def test_a_missed_week_is_made_up_once(operator: User, web_team: Team) -> None:
    serve("old.example.org", -3.5, web_team)
    start = NOW - timedelta(days=8)
    Day.objects.create(day=start.date(), started_at=start, finished_at=start)
    assert run() == ["olga@example.org", "web@example.org"]
    assert run() == []


def test_the_hour_and_the_zone_of_the_organisation_decide(operator: User, web_team: Team) -> None:
    serve("old.example.org", -3.5, web_team)
    Organisation.objects.update(timezone="Pacific/Auckland", daily_mail_hour=22)
    # 21:59 and 22:00 in New Zealand, which is 13 hours ahead in November.
    assert run(datetime(2026, 11, 23, 8, 59, tzinfo=UTC)) == []
    assert run(datetime(2026, 11, 23, 9, 0, tzinfo=UTC)) == ["olga@example.org", "web@example.org"]
    assert Day.objects.get().day == DAY


def test_without_a_mail_server_nothing_is_written_and_nobody_counts_as_told(
    client: Client, operator: User, web_team: Team, settings: Any
) -> None:
    serve("old.example.org", -3.5, web_team)
    settings.EMAIL_BACKEND, settings.EMAIL_HOST = "django.core.mail.backends.filebased.EmailBackend", ""
    assert run() == []
    assert not Day.objects.exists()
    client.force_login(operator)
    told = client.get(f"/certificates/{Certificate.objects.get().pk}/told/").text
    assert "No mail server is set, so nobody can be told." in told


def test_looking_at_the_preview_sends_nothing(client: Client, operator: User, web_team: Team) -> None:
    serve("old.example.org", -3.5, web_team, timezone.now())
    client.force_login(operator)
    page = client.get("/alerts/daily/").content.decode()
    assert "1 expired in use" in page
    assert not Letter.objects.exists()
    assert not mail.outbox
    Membership.objects.all().delete()
    assert "You are in no team" in client.get("/alerts/daily/").content.decode()


def test_times_are_in_utc_whatever_zone_a_page_shows(operator: User, web_team: Team) -> None:
    serve("old.example.org", -3.5, web_team)
    with timezone.override("Asia/Tokyo"):
        _subject, body = told(Scope.of_person(operator, NOW))
    assert "as of 2026-11-23 09:41 UTC." in body
