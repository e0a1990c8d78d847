"""Who sees a report: its author while they may see what it shows, and those who see everything."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import Membership, Organisation, Role, Team, User
from reports.models import Report
from reports.services import make_report, making, request_report
from tests.conftest import NOW, MakeUser
from tests.reports.estate import make_estate

PAGES = ["", "preview/", "report.pdf", "data.json"]
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def estate(organisation: Organisation, web_team: Team, other_team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    make_estate(web_team, other_team, None, number=2)
    monkeypatch.setattr(making, "_render", lambda *_: b"%PDF-1.7 made")


@pytest.fixture
def author(make_user: MakeUser, web_team: Team, other_team: Team) -> User:
    """Somebody in both teams."""
    return make_user("both@example.org", Role.OPERATOR, web_team, other_team)


def made(user: User, query: str = "") -> Report:
    report = request_report(user, query, NOW)
    make_report(report.pk, "test", lambda: NOW)
    report.refresh_from_db()
    assert report.error == ""
    return report


def sees(user: User, report: Report) -> bool:
    return Report.objects.visible_to(User.objects.get(pk=user.pk)).filter(pk=report.pk).exists()


def leave(user: User, team: Team) -> None:
    Membership.objects.filter(user=user, team=team).delete()


def test_a_report_knows_whose_certificates_it_shows(author: User, web_team: Team, other_team: Team) -> None:
    everything, of_web, of_nobody = made(author), made(author, "team=web"), made(author, "team=none")
    assert set(everything.teams.all()) == {web_team, other_team}
    assert (everything.teams_shown, everything.shows_unowned, everything.shows_everything) == (2, True, False)
    assert ([*of_web.teams.all()], of_web.shows_unowned) == ([web_team], False)
    assert ([*of_nobody.teams.all()], of_nobody.shows_unowned) == ([], True)


def test_who_leaves_a_team_loses_the_reports_that_show_it_and_no_others(
    author: User, auditor: User, other_team: Team
) -> None:
    everything, of_web = made(author), made(author, "team=web")
    assert [sees(author, everything), sees(author, of_web)] == [True, True]
    leave(author, other_team)
    assert [sees(author, everything), sees(author, of_web)] == [False, True]
    assert sees(auditor, everything)
    Membership.objects.create(user=author, team=other_team)
    assert sees(author, everything)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_of_it_is_closed_to_them(path: str, client: Client, author: User, other_team: Team) -> None:
    report = made(author)
    client.force_login(author)
    assert client.get(f"/reports/{report.pk}/{path}").status_code == 200
    leave(author, other_team)
    assert client.get(f"/reports/{report.pk}/{path}").status_code == 404
    assert not client.get("/reports/").context["reports"]


def test_a_removed_team_opens_nothing(author: User, other_team: Team, auditor: User) -> None:
    report = made(author)
    leave(author, other_team)
    other_team.delete()
    assert not sees(author, report)
    assert sees(auditor, report)


def test_who_no_longer_sees_everything_loses_what_was_made_then(administrator: User, web_team: Team) -> None:
    report = made(administrator, "team=web")
    assert report.shows_everything
    Membership.objects.create(user=administrator, team=web_team)
    User.objects.filter(pk=administrator.pk).update(role=Role.OPERATOR)
    assert not sees(administrator, report)


def test_where_unowned_is_hidden_a_report_that_shows_it_is_too(author: User, settings: Settings) -> None:
    everything, of_web = made(author), made(author, "team=web")
    settings.HIDE_UNOWNED = True
    assert [sees(author, everything), sees(author, of_web)] == [False, True]


def test_a_report_that_waits_is_seen_by_its_author(author: User, stranger: User) -> None:
    report = request_report(author, "", NOW)
    assert [sees(author, report), sees(stranger, report)] == [True, False]
