"""Whatever may be scanned has an owner: the team of the house where nobody chose another."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from accounts.models import AuditEvent, Organisation, Team, User
from certdash.management.examinations.data import owners
from discovery.models import Network, Source
from discovery.services import OwnerMissingError, default_zone, house_team, save_network, save_source
from discovery.services.owners import owners_of_places
from inventory.addresses import pack
from tests.certdash.declaring import apply
from tests.conftest import NOW

pytestmark = pytest.mark.django_db


def test_the_first_run_makes_a_team_and_says_so(as_administrator: Client, administrator: User) -> None:
    page = as_administrator.get("/setup/networks/").content.decode()
    assert "a team named “Example Group”, with you in it" in page
    after = as_administrator.post("/setup/networks/", {"networks": "192.0.2.0/24"}, follow=True)
    team = Team.objects.get()
    assert (team.name, team.slug, list(administrator.teams.all())) == ("Example Group", "example-group", [team])
    assert Network.objects.get().owner_team == team
    assert "the team “Example Group” owns what is found there" in str(next(iter(after.context["messages"])))
    asked = {"targets": "192.0.2.0/24", "ports": "443", "every_seconds": "86400"}
    as_administrator.post("/setup/first-scan/", asked)
    assert Source.objects.get().owner_team == team
    assert AuditEvent.objects.filter(verb="team.created").count() == 1


def test_a_team_that_is_there_is_taken(organisation: Organisation, web_team: Team) -> None:
    assert house_team(actor=None, now=NOW) == web_team
    named = Team.objects.create(name=organisation.name, slug="group")
    assert house_team(actor=None, now=NOW) == named


def test_the_command_line_gives_networks_an_owner(organisation: Organisation, web_team: Team) -> None:
    call_command("setup", admin_email="ada@example.org", network=["192.0.2.0/24"], noinput=True)
    assert Network.objects.get().owner_team == web_team
    assert Source.objects.get().owner_team == web_team
    other = Team.objects.create(name="Other", slug="other")
    Network.objects.update(owner_team=other)
    call_command("setup", admin_email="ada@example.org", network=["192.0.2.0/24"], noinput=True)
    assert Network.objects.get().owner_team == other


def test_who_has_no_owner_yet_is_shown_and_leads_to_the_choice(as_administrator: Client) -> None:
    row = Network.objects.create(
        cidr="192.0.2.0/24", name="Lab", first=pack("192.0.2.0"), last=pack("192.0.2.255"), zone=default_zone()
    )
    Source.objects.create(name="Old", kind="hosts", targets="x", zone=default_zone(), created_at=NOW)
    page = as_administrator.get("/discovery/networks/").content.decode()
    link = f"/discovery/networks/new/?network=192.0.2.0/24&amp;name=Lab&amp;zone={row.zone_id}"
    assert "no owner" in page
    assert link in page
    form = as_administrator.get(link.replace("&amp;", "&")).context["form"]
    assert (form.initial["network"], form.initial["name"]) == ("192.0.2.0/24", "Lab")
    assert "1 network that may be probed has no owner" in page
    sources = as_administrator.get("/discovery/").content.decode()
    assert "choose one" in sources
    assert "1 source has no owner" in sources
    queue = as_administrator.get("/ownership/").content.decode()
    assert "1 network without owner" in queue
    assert "1 source without owner" in queue
    assert owners(NOW).text.startswith("without an owner: 1 network (/discovery/networks/), 1 source (/discovery/)")
    Network.objects.update(is_excluded=True)
    Source.objects.all().delete()
    assert 'id="ownerless"' not in as_administrator.get("/ownership/").content.decode()
    assert owners(NOW).state == "good"


def test_no_way_of_writing_leaves_out_the_owner(administrator: User, web_team: Team) -> None:
    given: dict[str, Any] = {"actor": administrator, "now": NOW, "allows_special": True}
    with pytest.raises(OwnerMissingError, match="Choose the team"):
        save_network("127.3.0.0/24", **given)
    save_network("127.3.0.9", actor=None, now=NOW, is_excluded=True)
    save_network("127.3.0.8", actor=None, now=NOW, purpose="fetch")
    network = save_network("127.3.0.0/24", **given, owner_team=web_team)
    assert save_network("127.3.0.0/24", **given, network=network, name="Lab").owner_team == web_team
    with pytest.raises(OwnerMissingError):
        save_network("127.3.0.0/24", **given, owner_team=None)
    row = Source(name="East", kind="hosts", targets="127.3.0.1", zone=default_zone())
    with pytest.raises(OwnerMissingError):
        save_source(row, actor=administrator, now=NOW)
    assert not Source.objects.exists()


@pytest.mark.parametrize(
    "asked", ["networks: [{cidr: 127.3.0.0/24, special: true}]", "sources: [{name: East, targets: [127.3.0.1]}]"]
)
def test_a_file_without_the_owner_is_refused_with_its_line(asked: str, db: None) -> None:
    outcome = apply(asked)
    assert [(problem.line, "Choose the team that owns" in problem.sentence) for problem in outcome.problems] == [
        (1, True)
    ]
    assert not Network.objects.exists()


def test_only_what_may_be_probed_and_has_a_team_stands_in(web_team: Team) -> None:
    given = {"first": pack("192.0.2.0"), "last": pack("192.0.2.255"), "zone": default_zone(), "cidr": "192.0.2.0/24"}
    Network.objects.create(**given, owner_team=web_team)
    Network.objects.create(**given, owner_team=web_team, purpose="fetch")
    Network.objects.create(**given, owner_team=web_team, is_excluded=True)
    for name, team in (("East", web_team), ("West", None)):
        Source.objects.create(
            name=name, kind="hosts", targets="x", zone=default_zone(), created_at=NOW, owner_team=team
        )
    sources, places = owners_of_places()
    assert (sources, [place.name for place in places]) == ({"East": web_team.pk}, ["192.0.2.0/24"])
