"""The overview: every number is the length of the list it leads to; a zero is good only if enough was judged."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Membership, Organisation, Team, User
from inventory import filters
from inventory.filters.base import count_up_to
from inventory.models import Certificate, Endpoint
from inventory.services import recount
from policy.models import Finding
from reports.snapshot import Snapshot, take
from tests.inventory.factories import make_certificate, make_endpoint

DAY = timedelta(days=1)
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def set_up(organisation: Organisation) -> None:
    """Without an organisation every page leads to the first run."""


def plant(number: int, team: Team | None, now: datetime, *, base: int = 0) -> None:
    """Certificates of every kind: expired, expiring, in date, weak, served, silent, never served."""
    for n in range(base, base + number):
        served = n % 5 != 4
        certificate = make_certificate(
            f"n{n}.example.org",
            now=now,
            days_left=(-3, 5, 29, 60, 85)[n % 5] + n % 3,
            issuer=f"CA {n % 9}",
            key_label=("RSA 2048", "ECDSA P-256", "Ed25519")[n % 3],
            owner_team=team,
            risks=["weak_key"] if n % 4 == 0 else [],
            nodes_serving=int(served),
            served_ever=served,
        )
        columns: dict[str, Any] = {"owner_team": team, "now": now}
        columns |= {"last_seen_at": now - 3 * DAY} if n % 6 == 5 else {}
        node = make_endpoint(f"192.0.{n // 250}.{n % 250}", certificate=certificate, **columns)
        if n % 7 == 0:
            Endpoint.objects.filter(pk=node.pk).update(outcome="unreachable", reason="silent")
        for rule, about in (("weak_key", {"certificate": certificate}), ("old_tls", {"endpoint": node})):
            moment = now - n * DAY
            Finding.objects.create(
                rule=rule, severity=1 + n % 4, sentence="So.", opened_at=moment, confirmed_at=moment,
                closed_at=now - DAY if n % 8 == 0 else None, closing="observed" if n % 8 == 0 else "", **about,
            )  # fmt: skip


@pytest.fixture
def estate(web_team: Team, other_team: Team, today: datetime) -> None:
    for at, team in enumerate((web_team, other_team, None)):
        plant(35, team, today, base=35 * at)
    recount()


def listed(client: Client, url: str) -> int:
    """The count that the list itself shows."""
    context = client.get(url).context
    assert not context.get("problem"), url
    return int(context["count"] if isinstance(context["count"], int) else context["count"].number)


PEOPLE = ["administrator", "viewer"]


def links(snapshot: Snapshot) -> list[tuple[str, int, str]]:
    """Every number of the overview that leads somewhere."""
    since = snapshot.since
    found = [(number.code, number.value, number.url) for number in snapshot.numbers]
    found += [(f"week {week.start}", sum(week.counts.values()), week.url) for week in snapshot.weeks]
    found += [(line.rule.code, line.count.number, line.url) for line in snapshot.attention]
    found += [(bar.label, bar.count, bar.url) for bars in (snapshot.issuers, snapshot.keys) for bar in bars.rows]
    if since:
        found += [("new", since.new.number, since.new_url), ("opened", since.opened.number, since.opened_url)]
        found += [("closed", since.closed.number, since.closed_url)]
    return [(what, value, url) for what, value, url in found if url]


@pytest.mark.usefixtures("estate")
@pytest.mark.parametrize("scope", ["everyone", "mine"])
@pytest.mark.parametrize("person", PEOPLE)
def test_every_number_is_the_length_of_the_list_behind_it(
    person: str,
    scope: str,
    client: Client,
    today: datetime,
    web_team: Team,
    request: pytest.FixtureRequest,
) -> None:
    user: User = request.getfixturevalue(person)
    if person == "administrator":
        Membership.objects.create(user=user, team=web_team)
    User.objects.filter(pk=user.pk).update(previous_visit_at=today - 20 * DAY, visited_at=today)
    user.refresh_from_db()
    client.force_login(user)
    numbers = links(take(user, today, mine=scope == "mine"))
    assert len(numbers) > 40
    assert sum(value > 0 for _, value, _ in numbers) > 20
    wrong = [(what, value, url) for what, value, url in numbers if listed(client, url) != value]
    assert not wrong


@pytest.mark.usefixtures("estate")
def test_the_page_shows_the_numbers_of_the_snapshot(client: Client, auditor: User, today: datetime) -> None:
    client.force_login(auditor)
    page = client.get("/")
    for number in take(auditor, today).numbers:
        assert f'href="{number.url.replace("&", "&amp;")}" class="strip-cell' in page.content.decode()
    assert page.context["snapshot"].numbers == take(auditor, page.context["now"]).numbers


def test_what_no_scan_has_found_is_counted_beside_what_is_in_use(auditor: User, today: datetime) -> None:
    make_certificate("sheet.example.org", days_left=5, now=today)
    figures = {figure.code: figure for figure in take(auditor, today).numbers}
    assert (figures["unseen"].value, figures["unseen"].note) == (1, "1 of them expiring")
    assert figures["expiring"].value == 0


@pytest.mark.usefixtures("estate")
def test_mine_is_what_my_teams_own(viewer: User, auditor: User, today: datetime) -> None:
    everyone, mine = take(viewer, today), take(viewer, today, mine=True)
    assert mine.in_use < everyone.in_use < take(auditor, today).in_use
    assert mine.judged.endpoints == 35
    assert mine.unowned is None


@pytest.mark.usefixtures("estate")
def test_who_is_in_no_team_is_not_shown_everyones_numbers_as_theirs(
    client: Client, auditor: User, today: datetime
) -> None:
    snapshot = take(auditor, today, mine=True)
    assert (snapshot.mine, snapshot.has_teams) == (False, False)
    client.force_login(auditor)
    assert "My teams" not in client.get("/?scope=mine").content.decode()


def silent(number: int, of: int, now: datetime) -> None:
    for n in range(of):
        certificate = make_certificate(f"n{n}.example.org", now=now, nodes_serving=1)
        columns: dict[str, Any] = {"last_seen_at": now - 3 * DAY} if n < number else {}
        make_endpoint(f"192.0.2.{n}", certificate=certificate, now=now, **columns)
    recount()


@pytest.mark.parametrize(("not_judged", "tone"), [(0, "ok"), (1, "ok"), (2, "")])
def test_a_zero_is_good_only_if_nearly_everything_was_judged(
    not_judged: int, tone: str, auditor: User, today: datetime
) -> None:
    silent(not_judged, 20, today)
    snapshot = take(auditor, today)
    assert snapshot.expired
    assert (snapshot.expired.value, snapshot.expired.tone, snapshot.judged.not_judged) == (0, tone, not_judged)


def test_a_zero_says_how_much_was_not_judged(client: Client, auditor: User, today: datetime) -> None:
    silent(5, 20, today)
    client.force_login(auditor)
    assert "No expired certificate was found, but 5 endpoints were not judged." in client.get("/").content.decode()


def test_nothing_at_all_is_not_good(client: Client, auditor: User, today: datetime) -> None:
    assert not take(auditor, today).judged.is_enough
    assert {number.tone for number in take(auditor, today).numbers} <= {""}
    client.force_login(auditor)
    assert "Nothing has been looked at yet." in client.get("/").content.decode()


def test_a_scan_is_offered_only_to_those_who_may_start_one(client: Client, viewer: User, operator: User) -> None:
    for person, offered in ((viewer, False), (operator, True)):
        client.force_login(person)
        page = client.get("/").content.decode()
        assert "Nothing has been looked at yet." in page
        assert ('href="/discovery/scans/new/"' in page) is offered, person


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ([5, 20], "2 certificates are expiring: a third of their life is left, 30 days at most."),
        ([5], "1 certificate is expiring: a third of its life is left, 30 days at most."),
        ([-2, 5, 20], "2 more are expiring: a third of their life is left, 30 days at most."),
    ],
)
def test_what_is_expiring_is_told_by_the_rule_that_decides_it(
    days: list[int], words: str, client: Client, auditor: User, today: datetime
) -> None:
    for left in days:
        make_certificate(days_left=left, nodes_serving=1, nodes_total=1, now=today)
    recount()
    client.force_login(auditor)
    assert words in " ".join(re.sub(r"<[^>]+>", " ", client.get("/").content.decode()).split())


def test_what_expires_next_is_called_good_only_once_judged(client: Client, auditor: User, today: datetime) -> None:
    certificate = make_certificate(nodes_serving=1, nodes_total=1, now=today)
    recount()
    client.force_login(auditor)
    for judged_at, due in ((None, today), (today - 8 * DAY, today - 7 * DAY), (today - 8 * DAY, today + DAY)):
        Certificate.objects.filter(pk=certificate.pk).update(judged_at=judged_at, judge_at=due)
        main = client.get("/").content.decode().split("<main")[1].split("</main>")[0]
        assert ("status-in_date" in main) is (due > today)


def test_since_the_last_visit_counts_what_happened_after_it(auditor: User, today: datetime) -> None:
    auditor.previous_visit_at = today - 2 * DAY
    for days in (1, 3):
        certificate = make_certificate(now=today, first_seen_at=today - days * DAY)
        Finding.objects.create(
            rule="weak_key", severity=3, sentence="So.", certificate=certificate, opened_at=today - days * DAY,
            confirmed_at=today, closed_at=today - days * DAY, closing="observed",
        )  # fmt: skip
    since = take(auditor, today).since
    assert since
    assert (since.new.number, since.new.exact, since.opened.number, since.closed.number) == (1, True, 1, 1)


def test_more_new_certificates_than_are_counted_are_called_more(
    auditor: User, today: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filters.Filtered, "count", lambda found: count_up_to(found.queryset, 2))
    auditor.previous_visit_at = today - 2 * DAY
    for _ in range(3):
        make_certificate(now=today, first_seen_at=today - DAY)
    since = take(auditor, today).since
    assert since
    assert (since.new.number, since.new.exact, since.new.shown) == (2, False, "2+")


@pytest.mark.usefixtures("estate")
def test_who_comes_back_reads_on_the_page_what_happened_since(client: Client, auditor: User) -> None:
    User.objects.filter(pk=auditor.pk).update(visited_at=timezone.now() - 2 * DAY)
    client.force_login(auditor)
    assert "Since your last visit" in client.get("/").content.decode()


def test_there_is_no_since_on_the_first_visit(auditor: User, today: datetime) -> None:
    assert take(auditor, today).since is None


def test_weeks_begin_on_monday_and_miss_no_day_between(auditor: User) -> None:
    monday = datetime(2026, 11, 23, tzinfo=UTC)
    now = monday + timedelta(days=2, hours=9)
    for moment in (monday, monday + 7 * DAY - timedelta(seconds=1), monday + 7 * DAY, monday - timedelta(seconds=1)):
        make_certificate(not_after=moment, now=now, nodes_serving=1)
    recount()
    weeks = take(auditor, now).weeks
    assert [week.start for week in weeks[:2]] == [monday.date(), (monday + 7 * DAY).date()]
    assert [week.counts["nobody"] for week in weeks[:3]] == [2, 1, 0]


def test_the_overview_costs_the_same_number_of_queries_whatever_the_estate(
    client: Client, web_team: Team, auditor: User, today: datetime
) -> None:
    client.force_login(auditor)
    counts = []
    for base, number in ((0, 20), (20, 180)):
        plant(number, web_team, today, base=base)
        recount()
        client.get("/")
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/").status_code == 200
        counts.append(len(captured))
    assert counts[1] <= counts[0] <= 40, counts
