"""The first run, the check of one place, and the panels of history."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Organisation, Team, User
from discovery.models import Network, Observation, Scan, Source
from inventory.models import Certificate, Endpoint
from tests.discovery.scanning import run_all
from tests.inventory.factories import make_certificate, make_chain, make_endpoint

HTMX = {"HX-Request": "true"}
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def set_up(organisation: Organisation, any_address: None) -> None:
    """10.0.0.0/8 may be probed."""


@pytest.fixture
def as_operator(client: Client, operator: User) -> Client:
    client.force_login(operator)
    return client


@pytest.mark.usefixtures("loopback")
def test_a_check_shows_what_the_place_serves_now(as_operator: Client, server: int) -> None:
    answer = as_operator.post("/discovery/check/", {"place": f"127.0.0.1:{server}"})
    url = answer.headers["Location"]
    assert "Asking now." in as_operator.get(url).content.decode()
    run_all(Scan.objects.get())
    part = as_operator.get(url, headers=HTMX).content.decode()
    leaf = Certificate.objects.get(kind="leaf")
    assert f'href="/certificates/{leaf.pk}/"' in part
    assert f"127.0.0.1:{server}" in part
    assert "TLSv1.3" in part


@pytest.mark.usefixtures("loopback")
def test_a_check_of_a_closed_port_says_so(as_operator: Client) -> None:
    url = as_operator.post("/discovery/check/", {"place": "127.0.0.1:1"}).headers["Location"]
    run_all(Scan.objects.get())
    page = as_operator.get(url).content.decode()
    assert "refused the connection: nothing listens on this port" in page


@pytest.mark.parametrize(
    "place", ["", "-oN x", "$(id)", "10.0.0.0/24", "192.0.2.1", "10.0.0.1, 10.0.0.2", "10.0.0.1:99999"]
)
def test_a_check_of_no_single_allowed_place_is_refused(place: str, as_operator: Client) -> None:
    answer = as_operator.post("/discovery/check/", {"place": place})
    assert answer.status_code == 422
    assert answer.context["problems"]
    assert 'id="place_error"' in answer.content.decode()
    assert not Scan.objects.exists()


def test_a_link_fills_in_the_place_and_asks_nothing(as_operator: Client) -> None:
    answer = as_operator.get("/discovery/check/?place=%3Cscript%3E10.0.0.1")
    assert 'value="&lt;script&gt;10.0.0.1"' in answer.content.decode()
    assert not Scan.objects.exists()


def test_the_first_run_opens_networks_and_starts_a_scan(as_administrator: Client) -> None:
    answer = as_administrator.post("/setup/networks/", {"networks": "192.0.2.0/24\n198.51.100.7"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/setup/first-scan/")
    assert set(Network.objects.values_list("cidr", flat=True)) == {"10.0.0.0/8", "192.0.2.0/24", "198.51.100.7"}
    assert "192.0.2.0/24" in as_administrator.get("/setup/first-scan/").content.decode()
    asked = {"targets": "192.0.2.0/30", "ports": "443, 8443", "every_seconds": "86400"}
    answer = as_administrator.post("/setup/first-scan/", asked)
    scan = Scan.objects.get()
    assert answer.headers["Location"] == f"/discovery/scans/{scan.pk}/"
    source = Source.objects.get()
    assert (scan.source, source.name, source.every_seconds) == (source, "First networks", 86_400)
    for url in (f"/discovery/scans/{scan.pk}/", "/setup/first-scan/"):
        assert f'href="/discovery/sources/{source.pk}/"' in as_administrator.get(url).content.decode()


@pytest.mark.parametrize("networks", ["127.0.0.0/8", "$(id)", "10.0.0.0/8\n169.254.169.254"])
def test_the_first_run_opens_nothing_by_mistake(networks: str, as_administrator: Client) -> None:
    assert as_administrator.post("/setup/networks/", {"networks": networks}).status_code == 422
    assert Network.objects.count() == 1


def test_a_line_that_is_no_network_is_named(as_administrator: Client) -> None:
    answer = as_administrator.post("/setup/networks/", {"networks": "10.0.0.0/8\n$(id)"})
    assert "Line 2: “$(id)” is not" in answer.text


def test_the_first_scan_is_refused_with_its_reason(as_administrator: Client) -> None:
    asked = {"targets": "192.0.2.1", "ports": "443", "every_seconds": "86400"}
    answer = as_administrator.post("/setup/first-scan/", asked)
    assert answer.status_code == 422
    assert "is in no network that may be probed" in answer.content.decode()


@pytest.mark.parametrize("step", ["networks", "first-scan"])
def test_the_first_run_is_for_administrators(step: str, as_operator: Client) -> None:
    assert as_operator.get(f"/setup/{step}/").status_code == 403
    assert as_operator.post(f"/setup/{step}/", {"networks": "192.0.2.0/24", "targets": "10.0.0.1"}).status_code == 403


def _history(team: Team) -> tuple[Certificate, Endpoint]:
    now = timezone.now()
    certificate = make_certificate("<b>served</b>.example.org", owner_team=team, now=now)
    endpoint = make_endpoint("10.0.0.1", certificate=certificate, owner_team=team, now=now)
    Observation.objects.create(
        endpoint=endpoint, outcome="served", chain=make_chain(certificate), confirmations=7,
        first_seen_at=now - timedelta(days=3), last_seen_at=now,
    )  # fmt: skip
    Observation.objects.create(
        endpoint=endpoint, outcome="unreachable", reason="silent", detail="<script>\u202e",
        first_seen_at=now - timedelta(days=4), last_seen_at=now - timedelta(days=3), ended_at=now,
    )  # fmt: skip
    return certificate, endpoint


def test_history_shows_spans_newest_first_and_inert(as_operator: Client, web_team: Team) -> None:
    certificate, endpoint = _history(web_team)
    page = as_operator.get(f"/endpoints/{endpoint.pk}/history/")
    assert [span.outcome for span in page.context["spans"]] == ["served", "unreachable"]
    text = as_operator.get(f"/endpoints/{endpoint.pk}/history/", headers=HTMX).content.decode()
    assert "<script>" not in text
    assert "\u202e" not in text
    assert "‹U+202E›" in text
    of_certificate = as_operator.get(f"/certificates/{certificate.pk}/history/").context["spans"]
    assert [span.outcome for span in of_certificate] == ["served"]


def test_history_of_another_team_does_not_exist(as_operator: Client, other_team: Team, web_team: Team) -> None:
    certificate, endpoint = _history(other_team)
    assert as_operator.get(f"/endpoints/{endpoint.pk}/history/").status_code == 404
    assert as_operator.get(f"/certificates/{certificate.pk}/history/").status_code == 404
    Certificate.objects.update(owner_team=web_team)
    shared = as_operator.get(f"/certificates/{certificate.pk}/history/")
    assert (shared.status_code, len(shared.context["spans"])) == (200, 0)
