"""Addresses that stand for many teams or for none, and mails that cannot be written: each other one gets theirs."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Membership, Organisation, Role, Team, TickRun, User
from alerts import tasks
from alerts.models import Day, Letter
from alerts.services import About, compose, write_daily, write_letter
from alerts.services import daily as daily_service
from alerts.snapshot import Scope, take
from certdash.management.examinations import data
from inventory.models import Certificate
from inventory.services import recount
from tests.alerts.test_daily import DAY, SUNDAY, run, serve
from tests.conftest import NOW, MakeUser

pytestmark = pytest.mark.django_db

TEAMS = 51


@pytest.fixture(autouse=True)
def _house(organisation: Organisation) -> None:
    Organisation.objects.update(base_url="https://certdash.example.org")


@pytest.fixture
def many() -> list[Team]:
    """51 teams with one contact; things of the first and of the last."""
    names = [f"t{number:02}" for number in range(TEAMS)]
    made = Team.objects.bulk_create(Team(name=name, slug=name, contact_email="soc@example.org") for name in names)
    serve("first.example.org", -2.5, made[0], timezone.now())
    serve("last.example.org", -3.5, made[-1], timezone.now())
    return made


def test_the_contact_of_more_teams_than_a_list_takes_is_told_and_so_is_who_comes_after(
    many: list[Team], web_team: Team
) -> None:
    serve("old.example.org", -3.5, web_team)
    assert run() == ["soc@example.org", "web@example.org"]
    assert Day.objects.get().finished_at == NOW
    letter = Letter.objects.get(recipient="soc@example.org")
    assert "2 expired in use" in letter.subject
    assert "first.example.org" in letter.body
    assert "old.example.org" not in letter.body


def test_the_links_of_a_person_of_many_teams_together_show_what_the_mail_tells(
    client: Client, many: list[Team], make_user: MakeUser, other_team: Team
) -> None:
    serve("theirs.example.org", -1, other_team, timezone.now())
    serve("nobody.example.org", -1, None, timezone.now())
    client.force_login(make_user("busy@example.org", Role.OPERATOR, *many))
    page = client.get("/alerts/daily/")
    assert page.status_code == 200
    body = page.context["mail"].body
    links = re.findall(r"https://certdash\.example\.org(/certificates/\?status=expired\S+)", body)
    assert len(links) == 2
    shown = [re.findall(r"(\w+)\.example\.org</a>", client.get(link).content.decode()) for link in links]
    assert shown == [["first"], ["last"]]


def test_of_no_team_is_nothing_unless_it_is_everything(viewer: User, administrator: User, web_team: Team) -> None:
    serve("old.example.org", -3.5, web_team)
    serve("nobody.example.org", -3.5)
    Membership.objects.all().delete()
    recount()
    assert take(Scope.of_person(administrator, NOW), SUNDAY, NOW).population == 2
    for scope in (Scope.of_person(viewer, NOW), Scope.of_teams((), NOW)):
        assert not scope.is_everything
        assert not scope.certificates()[0].queryset.exists()
        assert not scope.certificates(team="none")[0].queryset.exists()
        assert not scope.nodes().filter(server_name="old.example.org").exists()
        assert compose(scope, DAY, NOW) is None


def test_a_mail_that_cannot_be_written_is_seen_by_administrators_and_stops_no_other(
    client: Client, administrator: User, operator: User, web_team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve("old.example.org", -3.5, web_team)

    def broken(scope: Scope, *asked: Any) -> Any:
        if scope.user == operator:
            raise ValueError("a list does not understand that")
        return compose(scope, *asked)

    monkeypatch.setattr(daily_service, "compose", broken)
    assert run() == ["ada@example.org", "olga@example.org", "web@example.org"]
    assert run() == []
    assert Day.objects.get().finished_at == NOW
    assert Day.objects.get().written == 2
    client.force_login(administrator)
    page = client.get("/alerts/letters/?state=failed").content.decode()
    assert "olga@example.org" in page
    assert "a list does not understand that" in page
    assert "1 letters failed" in str(data.letters(NOW))


def test_each_job_runs_if_another_fails_and_the_failure_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []

    def fails(*_asked: object) -> None:
        ran.append("failed")
        raise RuntimeError("no daily mail")

    monkeypatch.setattr("alerts.services.resume_mailings", fails)
    monkeypatch.setattr("alerts.services.write_daily", fails)
    monkeypatch.setattr("alerts.services.send_letters", lambda *_asked: ran.append("sent"))
    with pytest.raises(RuntimeError):
        tasks.tick()
    assert ran == ["failed", "failed", "sent"]
    assert "no daily mail" in TickRun.objects.get(name="letters").error


def test_people_of_each_team_of_a_shared_contact_see_its_mails(
    client: Client, many: list[Team], make_user: MakeUser, other_team: Team
) -> None:
    Team.objects.filter(pk=many[1].pk).update(contact_email="SOC@example.org")
    certificate = Certificate.objects.get(name="last.example.org")
    Certificate.objects.update(owner_team=many[1])
    about = About(Letter.Kind.DAILY, None, many[0], None, [certificate.pk])
    write_letter("soc@example.org", "2 expired", "…", key="shared", now=NOW, about=about)
    client.force_login(make_user("second@example.org", Role.OPERATOR, many[1]))
    told = client.get(f"/certificates/{certificate.pk}/told/").content.decode()
    assert "soc@example.org" in told
    assert "outside your teams" not in told
    strangers = make_user("other@example.org", Role.OPERATOR, other_team)
    Team.objects.filter(pk=other_team.pk).update(contact_email="")
    assert not Letter.objects.told_to(strangers).exists()


def test_a_day_without_addresses_ends() -> None:
    assert write_daily(lambda: NOW, 60) == 0
    assert Day.objects.get().finished_at == NOW
