"""The administration of discovery refuses what the pages refuse, and keeps what history needs."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, Organisation, Team, User
from discovery.models import Network, Scan, Source, Zone
from discovery.services import Ask, default_zone, start_scan
from tests.discovery.permitting import permit
from tests.inventory.factories import make_endpoint

pytestmark = pytest.mark.django_db

NETWORKS, SOURCES, ZONES = (f"/admin/discovery/{model}/" for model in ("network", "source", "zone"))


@pytest.fixture
def office(client: Client, organisation: Organisation, administrator: User) -> Client:
    client.force_login(administrator)
    return client


@pytest.fixture
def loopback(administrator: User) -> Network:
    return permit("127.0.0.0/8", actor=None, now=timezone.now(), allows_special=True)


def _house() -> int:
    return Team.objects.get_or_create(slug="house", defaults={"name": "House"})[0].pk


def network(**changes: Any) -> dict[str, Any]:
    values = {"cidr": "127.0.0.0/24", "name": "", "purpose": "probe", "allows_special": "on", "owner_team": _house()}
    return {key: value for key, value in {**values, "zone": default_zone().pk, **changes}.items() if value is not None}


def source(**changes: Any) -> dict[str, Any]:
    values = {
        "name": "Ours",
        "kind": "hosts",
        "targets": "127.0.0.1",
        "ports": "443",
        "every_seconds": "86400",
        "rate_limit": "10",
        "engine": "own",
        "zone": default_zone().pk,
        "enabled": "on",
        **dict.fromkeys(["server_names", "exclusions", "quiet_from", "quiet_until"], ""),
        "owner_team": _house(),
    }
    return {**values, **changes}


def verbs() -> list[str]:
    return list(AuditEvent.objects.order_by("number").values_list("verb", flat=True))


# --- networks -------------------------------------------------------------------------------------


def test_a_network_is_added_changed_and_deleted_with_one_event_each(office: Client, web_team: Team) -> None:
    assert office.post(f"{NETWORKS}add/", network(name="Here")).status_code == 302
    row = Network.objects.get()
    assert (row.cidr, row.name, bytes(row.first)[-4:]) == ("127.0.0.0/24", "Here", b"\x7f\0\0\0")
    change = f"{NETWORKS}{row.pk}/change/"
    assert office.get(change).status_code == 200
    assert office.post(change, network(cidr="127.0.0.0/16", name="Here", owner_team=web_team.pk)).status_code == 302
    event = AuditEvent.objects.latest("number")
    assert (event.before["cidr"], event.after["cidr"]) == ("127.0.0.0/24", "127.0.0.0/16")
    assert (event.before["owner"], event.after["owner"]) == ("House", "Web")
    row.refresh_from_db()
    assert bytes(row.last)[-4:] == b"\x7f\0\xff\xff"
    office.post(f"{NETWORKS}{row.pk}/delete/", {"post": "yes"})
    assert not Network.objects.exists()
    assert verbs() == ["network.added", "network.changed", "network.deleted"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cidr": "nonsense"}, "nonsense"),
        ({"allows_special": None}, "confirm below that you mean it"),
        ({"cidr": "127.0.0.0-127.255.255.255"}, "There is a row for this network"),
        ({"cidr": ""}, "This field is required"),
    ],
)
def test_what_the_page_refuses_is_refused_here(
    changes: dict[str, Any], words: str, office: Client, loopback: Network
) -> None:
    before = AuditEvent.objects.count()
    answer = office.post(f"{NETWORKS}add/", network(**changes))
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert (Network.objects.count(), AuditEvent.objects.count()) == (1, before)


def test_an_exclusion_needs_no_word_about_special_networks(office: Client) -> None:
    values = network(cidr="192.0.2.0/24", is_excluded="on")
    assert office.post(f"{NETWORKS}add/", values).status_code == 302
    assert Network.objects.get().allows_special is False
    page = {"network": "198.51.100.0/24", "is_excluded": "on", "allows_special": "on"}
    assert office.post("/discovery/networks/new/", page).status_code == 302


def test_networks_are_deleted_together_with_an_event_each(office: Client, loopback: Network) -> None:
    other = permit("127.0.0.0/24", actor=None, now=timezone.now(), allows_special=True)
    values = {"action": "delete_selected", "_selected_action": [loopback.pk, other.pk], "post": "yes"}
    assert office.post(NETWORKS, values).status_code == 302
    assert verbs()[-2:] == ["network.deleted", "network.deleted"]


# --- sources --------------------------------------------------------------------------------------


def test_a_source_is_kept_by_the_service_of_its_page(office: Client, loopback: Network) -> None:
    assert f'<option value="{default_zone().pk}" selected>default' in office.get(f"{SOURCES}add/").content.decode()
    assert office.post(f"{SOURCES}add/", source()).status_code == 302
    row = Source.objects.get()
    assert row.next_run_at is not None
    assert office.get(f"{SOURCES}{row.pk}/change/").status_code == 200
    assert office.post(f"{SOURCES}{row.pk}/change/", source(ports="8443")).status_code == 302
    event = AuditEvent.objects.latest("number")
    assert (event.verb, event.before["ports"], event.after["ports"]) == ("source.changed", "443", "8443")
    office.post(f"{SOURCES}{row.pk}/delete/", {"post": "yes"})
    assert not Source.objects.exists()
    assert verbs()[-3:] == ["source.added", "source.changed", "source.deleted"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"targets": "192.0.2.1"}, "is in no network that may be probed"),
        ({"targets": "no such host!"}, "no such host!"),
        ({"ports": "99999"}, "99999"),
        ({"quiet_from": "22:00"}, "Quiet hours need a begin and an end"),
    ],
)
def test_a_source_that_no_run_could_begin_with_is_refused(
    changes: dict[str, Any], words: str, office: Client, loopback: Network
) -> None:
    answer = office.post(f"{SOURCES}add/", source(**changes))
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert not Source.objects.exists()


# --- zones ----------------------------------------------------------------------------------------


def test_a_zone_in_use_stays_and_says_why(office: Client, loopback: Network, administrator: User) -> None:
    dmz = Zone.objects.create(name="dmz")
    Network.objects.filter(pk=loopback.pk).update(zone=dmz)
    make_endpoint(zone="dmz")
    answer = office.post(f"{ZONES}{dmz.pk}/delete/", {"post": "yes"})
    assert "The zone dmz is used by 1 network, 1 endpoint" in answer.content.decode()
    values = {"action": "delete_selected", "_selected_action": [dmz.pk], "post": "yes"}
    assert "The zone dmz is used by" in office.post(ZONES, values).content.decode()
    assert Zone.objects.filter(name="dmz").exists()


def test_the_default_zone_stays(office: Client) -> None:
    zone = default_zone()
    assert "always exists" in office.post(f"{ZONES}{zone.pk}/delete/", {"post": "yes"}).content.decode()
    assert Zone.objects.filter(pk=zone.pk).exists()


def test_a_zone_keeps_its_name_and_goes_when_it_is_empty(office: Client) -> None:
    office.post(f"{ZONES}add/", {"name": "dmz", "description": ""})
    zone = Zone.objects.get(name="dmz")
    office.post(f"{ZONES}{zone.pk}/change/", {"name": "other", "description": "behind the firewall"})
    zone.refresh_from_db()
    assert (zone.name, zone.description) == ("dmz", "behind the firewall")
    assert office.post(f"{ZONES}{zone.pk}/delete/", {"post": "yes"}).status_code == 302
    assert verbs() == ["zone.created", "zone.changed", "zone.deleted"]


# --- scans ----------------------------------------------------------------------------------------


def test_scans_are_read_and_not_changed(office: Client, loopback: Network, administrator: User) -> None:
    scan = start_scan(Ask(targets="127.0.0.1"), actor=administrator, now=timezone.now(), title="a\u202eb")
    listed = office.get("/admin/discovery/scan/?q=a").content.decode()
    assert f"/discovery/scans/{scan.pk}/" in listed
    assert "\u202e" not in listed
    assert office.get(f"/admin/discovery/scan/{scan.pk}/change/").status_code == 200
    assert office.post(f"/admin/discovery/scan/{scan.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Scan.objects.exists()
