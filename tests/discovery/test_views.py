"""The pages of discovery: what may be started, by whom, and what is said when it may not."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, Organisation, Team, User
from certdash.lib.work import WorkStatus
from discovery.models import Network, Observation, Scan, Source
from discovery.services import Ask, default_zone, start_scan
from tests.inventory.factories import make_certificate, make_chain, make_endpoint

HTMX = {"HX-Request": "true"}
SCAN = {"targets": "10.0.0.1", "ports": "443", "engine": "own", "rate_limit": "500"}
SOURCE = {
    "name": "Web servers", "kind": "hosts", "targets": "10.0.0.1", "ports": "443", "every_seconds": "86400",
    "rate_limit": "500", "engine": "own", "enabled": "on",
}  # fmt: skip
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def set_up(organisation: Organisation, any_address: None) -> None:
    """10.0.0.0/8 may be probed."""


@pytest.fixture
def as_operator(client: Client, operator: User) -> Client:
    client.force_login(operator)
    return client


def begin(actor: User, targets: str = "10.0.0.1", **columns: Any) -> Scan:
    return start_scan(Ask(targets), actor=actor, now=timezone.now(), **columns)


def make_source(team: Team | None, name: str = "Web servers") -> Source:
    return Source.objects.create(
        name=name, kind="hosts", targets="10.0.0.1", zone=default_zone(), owner_team=team, created_at=timezone.now()
    )


def source_data(**changes: Any) -> dict[str, Any]:
    blank = dict.fromkeys(["server_names", "exclusions", "quiet_from", "quiet_until", "owner_team"], "")
    return {**blank, **SOURCE, "zone": default_zone().pk, **changes}


def test_a_scan_is_started_and_leads_to_its_page(as_operator: Client, operator: User) -> None:
    answer = as_operator.post("/discovery/scans/new/", SCAN)
    scan = Scan.objects.get()
    assert answer.headers["Location"] == f"/discovery/scans/{scan.pk}/"
    assert (scan.requested_by, scan.asked, scan.status) == (operator, 1, WorkStatus.QUEUED)
    assert AuditEvent.objects.filter(verb="scan.started").count() == 1


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        ("-oN x", "-oN"),
        ("$(id)", "$(id)"),
        ("192.0.2.1", "is in no network that may be probed"),
        ("10.0.0.1\n192.0.2.0/24", "is in no network"),
        ("127.0.0.1", "127.0.0.1"),
        ("169.254.169.254", "169.254.169.254"),
        ("10.0.0.0/33", "10.0.0.0/33"),
    ],
)
def test_what_may_not_be_scanned_is_refused_beside_the_field(targets: str, said: str, as_operator: Client) -> None:
    answer = as_operator.post("/discovery/scans/new/", {**SCAN, "targets": targets})
    assert answer.status_code == 422
    errors = answer.context["form"].errors
    assert set(errors) == {"targets"}
    assert any(said in sentence or said.split()[-1] in sentence for sentence in errors["targets"]), errors
    assert 'id="id_targets_error"' in answer.content.decode()
    assert not Scan.objects.exists()


def test_all_that_is_refused_is_told_at_once_with_its_line(as_operator: Client) -> None:
    typed = "169.254.169.254\n-oN x\n$(id)\n10.0.0.1\n127.0.0.77"
    answer = as_operator.post("/discovery/scans/new/", {**SCAN, "targets": typed})
    sentences = [sentence.partition("”")[0] for sentence in answer.context["form"].errors["targets"]]
    assert sentences == [f"Line {n}: “{typed.splitlines()[n - 1]}" for n in (1, 2, 3, 5)]


def test_a_check_of_one_place_names_no_line(as_operator: Client) -> None:
    answer = as_operator.post("/discovery/check/", {"place": "$(id)"})
    assert [problem.partition("”")[0] for problem in answer.context["problems"]] == ["“$(id)"]


@pytest.mark.parametrize("field", ["ports", "server_names", "exclusions"])
def test_every_other_field_is_read_as_strictly(field: str, as_operator: Client) -> None:
    answer = as_operator.post("/discovery/scans/new/", {**SCAN, field: "$(id)"})
    assert answer.status_code == 422
    assert "$(id)" in str(answer.context["form"].errors)
    assert not Scan.objects.exists()


CHANGES = [
    "/discovery/scans/new/",
    "/discovery/scans/{scan}/cancel/",
    "/discovery/check/",
    "/discovery/sources/new/",
    "/discovery/sources/{source}/",
    "/discovery/sources/{source}/run/",
    "/discovery/sources/{source}/delete/",
    "/discovery/networks/new/",
    "/discovery/networks/{network}/delete/",
]


@pytest.mark.parametrize("person", ["viewer", "auditor"])
@pytest.mark.parametrize("url", CHANGES)
def test_who_only_reads_changes_nothing(
    url: str, person: str, client: Client, operator: User, web_team: Team, request: pytest.FixtureRequest
) -> None:
    scan, source = begin(operator), make_source(web_team)
    address = url.format(scan=scan.pk, source=source.pk, network=Network.objects.get().pk)
    events = AuditEvent.objects.count()
    client.force_login(request.getfixturevalue(person))
    assert client.post(address, {**SCAN, "place": "10.0.0.1", "network": "10.1.0.0/16"}).status_code == 403
    assert (Scan.objects.count(), Source.objects.count(), Network.objects.count()) == (1, 1, 1)
    assert Scan.objects.get().status == WorkStatus.QUEUED
    assert AuditEvent.objects.count() == events


def test_a_scan_is_cancelled_by_its_team_alone(client: Client, operator: User, stranger: User) -> None:
    scan = begin(operator)
    client.force_login(stranger)
    assert client.post(f"/discovery/scans/{scan.pk}/cancel/").status_code == 404
    client.force_login(operator)
    assert client.post(f"/discovery/scans/{scan.pk}/cancel/").status_code == 302
    scan.refresh_from_db()
    assert (scan.status, scan.cancelled_by) == (WorkStatus.CANCELLED, operator)
    assert client.post(f"/discovery/scans/{scan.pk}/cancel/").status_code == 302
    assert AuditEvent.objects.filter(verb="scan.cancelled").count() == 1


def test_scans_and_sources_of_other_teams_are_not_shown(
    client: Client, operator: User, viewer: User, stranger: User, auditor: User, web_team: Team
) -> None:
    own, of_source = begin(operator), begin(operator, source=make_source(web_team))
    for user, scans, sources in ((operator, {own, of_source}, 1), (viewer, {of_source}, 1), (stranger, set(), 0)):
        client.force_login(user)
        context = client.get("/discovery/").context
        assert set(context["scans"]) == scans
        assert len(context["sources"]) == sources
        for scan in (own, of_source):
            assert client.get(f"/discovery/scans/{scan.pk}/").status_code == (200 if scan in scans else 404)
    client.force_login(auditor)
    assert len(client.get("/discovery/").context["scans"]) == 2


def test_the_page_of_a_scan_asks_for_itself_until_it_has_ended(as_operator: Client, operator: User) -> None:
    scan = begin(operator)
    url = f"/discovery/scans/{scan.pk}/"
    part = as_operator.get(url, headers=HTMX).content.decode()
    assert f'hx-get="{url}"' in part
    assert "<html" not in part
    Scan.objects.update(status=WorkStatus.DONE, finished_at=timezone.now())
    page = as_operator.get(url).content.decode()
    assert f'hx-get="{url}"' not in page
    assert "cancel/" not in page


def test_a_scan_shows_only_what_the_person_may_see_of_its_finds(
    client: Client, operator: User, web_team: Team, other_team: Team
) -> None:
    scan = begin(operator)
    for at, team in enumerate((web_team, other_team)):
        certificate = make_certificate(f"{team.slug}.example.org", owner_team=team)
        endpoint = make_endpoint(f"10.0.0.{at}", certificate=certificate, owner_team=team)
        Observation.objects.create(
            endpoint=endpoint, outcome="served", chain=make_chain(certificate), scan=scan,
            first_seen_at=scan.created_at, last_seen_at=scan.created_at,
        )  # fmt: skip
    client.force_login(operator)
    page = client.get(f"/discovery/scans/{scan.pk}/").content.decode()
    assert "web.example.org" in page
    assert "payments.example.org" not in page


def test_an_operator_keeps_a_source_for_their_own_team(
    as_operator: Client, operator: User, web_team: Team, other_team: Team
) -> None:
    assert as_operator.post("/discovery/sources/new/", source_data(owner_team=other_team.pk)).status_code == 422
    assert as_operator.post("/discovery/sources/new/", source_data()).status_code == 422
    assert not Source.objects.exists()
    assert as_operator.post("/discovery/sources/new/", source_data(owner_team=web_team.pk)).status_code == 302
    source = Source.objects.get()
    assert (source.owner_team, source.targets) == (web_team, "10.0.0.1")
    assert AuditEvent.objects.filter(verb="source.added").count() == 1


@pytest.mark.parametrize("action", ["", "run/", "delete/"])
def test_a_source_of_another_team_does_not_exist(action: str, as_operator: Client, other_team: Team) -> None:
    source = make_source(other_team)
    assert as_operator.post(f"/discovery/sources/{source.pk}/{action}", source_data()).status_code == 404
    assert not Scan.objects.exists()


def test_an_operator_gives_no_source_away(as_operator: Client, web_team: Team, other_team: Team) -> None:
    source = make_source(web_team)
    data = source_data(owner_team=other_team.pk, targets="10.0.0.2")
    assert as_operator.post(f"/discovery/sources/{source.pk}/", data).status_code == 422
    source.refresh_from_db()
    assert (source.owner_team, source.targets) == (web_team, "10.0.0.1")


def test_a_source_outside_of_the_networks_is_refused_with_its_reason(as_operator: Client, web_team: Team) -> None:
    data = source_data(owner_team=web_team.pk, targets="192.0.2.7")
    answer = as_operator.post("/discovery/sources/new/", data)
    assert answer.status_code == 422
    assert "is in no network that may be probed" in str(answer.context["form"].errors["targets"])


def test_a_source_runs_now_when_somebody_asks(as_operator: Client, web_team: Team) -> None:
    source = make_source(web_team)
    answer = as_operator.post(f"/discovery/sources/{source.pk}/run/")
    scan = Scan.objects.get()
    assert answer.headers["Location"] == f"/discovery/scans/{scan.pk}/"
    assert scan.source == source


def test_a_source_is_removed_from_its_page(as_operator: Client, web_team: Team) -> None:
    source = make_source(web_team)
    page = as_operator.get(f"/discovery/sources/{source.pk}/").content.decode()
    assert f'action="/discovery/sources/{source.pk}/delete/"' in page
    answer = as_operator.post(f"/discovery/sources/{source.pk}/delete/", follow=True)
    assert "is removed; what it found stays" in answer.content.decode()
    assert not Source.objects.exists()


def test_saving_says_whether_it_runs(as_operator: Client, web_team: Team) -> None:
    data = source_data(owner_team=web_team.pk)
    assert "runs within a minute" in as_operator.post("/discovery/sources/new/", data, follow=True).content.decode()
    del data["enabled"]
    url = f"/discovery/sources/{Source.objects.get().pk}/"
    assert "switched off: it looks nowhere" in as_operator.post(url, data, follow=True).content.decode()


def test_a_source_of_which_a_part_did_not_arrive_stays_as_it_was(as_operator: Client, web_team: Team) -> None:
    source = make_source(web_team)
    data = source_data(owner_team=web_team.pk)
    del data["exclusions"]
    refused = as_operator.post(f"/discovery/sources/{source.pk}/", data)
    assert refused.status_code == 422
    assert "The form was incomplete" in refused.content.decode()


def test_a_name_that_is_taken_is_not_told_to_be_a_source(as_operator: Client, other_team: Team, web_team: Team) -> None:
    theirs = make_source(other_team)
    refused = as_operator.post("/discovery/sources/new/", source_data(name=theirs.name, owner_team=web_team.pk))
    assert refused.status_code == 422
    page = refused.content.decode()
    assert "This name cannot be used. Choose another." in page
    assert "already exists" not in page


def test_a_source_that_may_no_longer_run_says_why(as_operator: Client, web_team: Team) -> None:
    source = make_source(web_team)
    Network.objects.all().delete()
    answer = as_operator.post(f"/discovery/sources/{source.pk}/run/", follow=True)
    assert "is in no network that may be probed" in answer.content.decode()
    assert not Scan.objects.exists()


def test_only_administrators_open_and_close_networks(
    client: Client, operator: User, administrator: User, web_team: Team
) -> None:
    network = Network.objects.get()
    client.force_login(operator)
    assert client.get("/discovery/networks/").status_code == 200
    assert client.post("/discovery/networks/new/", {"network": "10.1.0.0/16"}).status_code == 403
    assert client.post(f"/discovery/networks/{network.pk}/delete/").status_code == 403
    client.force_login(administrator)
    lab = {"network": "192.0.2.0/24", "name": "Lab"}
    assert client.post("/discovery/networks/new/", lab).status_code == 422
    assert client.post("/discovery/networks/new/", {**lab, "owner_team": web_team.pk}).status_code == 302
    row = Network.objects.get(cidr="192.0.2.0/24")
    assert (row.name, row.allows_special, row.owner_team) == ("Lab", False, web_team)
    assert client.post(f"/discovery/networks/{network.pk}/delete/").status_code == 302
    assert not Network.objects.filter(pk=network.pk).exists()
    verbs = set(AuditEvent.objects.filter(actor=administrator).values_list("verb", flat=True))
    assert verbs >= {"network.added", "network.deleted"}


def test_a_special_network_is_added_only_on_purpose(as_administrator: Client, web_team: Team) -> None:
    given = {"network": "127.0.0.0/8", "owner_team": web_team.pk}
    answer = as_administrator.post("/discovery/networks/new/", given)
    assert answer.status_code == 422
    assert "confirm below that you mean it" in answer.content.decode()
    answer = as_administrator.post("/discovery/networks/new/", {**given, "allows_special": "on"})
    assert answer.status_code == 302
    assert Network.objects.get(cidr="127.0.0.0/8").allows_special
