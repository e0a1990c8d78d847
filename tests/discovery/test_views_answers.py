"""What "check now" says: one sentence for every way in which there is no certificate."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import Organisation, User
from discovery.models import Candidate, Scan
from discovery.probe import Place, Reason, Unreachable
from discovery.services import Recording, record
from discovery.views.answers import OTHERWISE, SENTENCES, sentence
from inventory.models import Endpoint
from inventory.services import SeenBy
from tests.conftest import NOW
from tests.discovery.permitting import permit
from tests.discovery.scanning import resolving, run_all
from tests.discovery.servers import says, serving, tarpits

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("organisation", "loopback")]


@pytest.fixture
def as_operator(client: Client, operator: User, organisation: Organisation) -> Client:
    client.force_login(operator)
    return client


def check(client: Client, place: str) -> str:
    url = client.post("/discovery/check/", {"place": place}).headers["Location"]
    run_all(Scan.objects.latest("pk"))
    return " ".join(client.get(url).content.decode().split())


def test_every_reason_has_a_sentence_of_its_own() -> None:
    assert {reason.value for reason in Reason} == SENTENCES.keys()
    assert len({sentence(reason) for reason in Reason}) == len(Reason)
    assert sentence("something new") == str(OTHERWISE)


def test_a_name_that_does_not_exist(as_operator: Client) -> None:
    page = check(as_operator, "nowhere.invalid:8443")
    assert "nowhere.invalid:8443</b> has no address: the resolver of this machine does not know the name." in page


def test_a_name_that_leads_where_we_may_not_go(as_operator: Client) -> None:
    with resolving(["10.66.66.66"]):
        page = check(as_operator, "www.example.org")
    assert "www.example.org</b>" in page
    assert "was not asked: its address is in no network that may be probed." in page


def test_a_name_that_leads_to_what_is_excluded(as_operator: Client) -> None:
    permit("127.0.0.9", actor=None, now=NOW, is_excluded=True)
    with resolving(["127.0.0.9"]):
        assert "was not asked: a network that must never be connected to" in check(as_operator, "www.example.org")


def test_a_place_that_is_not_allowed_is_refused_before_anything_is_asked(as_operator: Client) -> None:
    answer = as_operator.post("/discovery/check/", {"place": "192.0.2.1:443"})
    assert answer.status_code == 422
    assert "is in no network that may be probed; let an administrator add the network" in answer.content.decode()


def test_what_speaks_no_tls_says_what_it_is(as_operator: Client) -> None:
    with serving(says(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        page = check(as_operator, f"127.0.0.1:{port}")
    assert "answers, but does not speak TLS on this port." in page
    assert "(the server speaks plain HTTP)" in page


def test_a_tarpit_has_its_sentence_within_the_time_of_a_check(as_operator: Client) -> None:
    """Both addresses of the name at the same time."""
    with tarpits(["127.0.0.1", "127.0.0.2"]) as port, resolving(["127.0.0.1", "127.0.0.2"]):
        page = check(as_operator, f"www.example.org:{port}")
    assert page.count("accepted the connection, but sent no certificate in time.") == 2
    scan = Scan.objects.get()
    assert scan.finished_at is not None
    assert scan.started_at is not None
    assert scan.finished_at - scan.started_at < timedelta(seconds=5)


def test_a_check_that_no_worker_takes_says_so(as_operator: Client) -> None:
    url = as_operator.post("/discovery/check/", {"place": "127.0.0.1:1"}).headers["Location"]
    assert "Asking now." in as_operator.get(url).content.decode()
    Scan.objects.update(created_at=NOW)
    assert "Is the worker running?" in as_operator.get(url).content.decode()


def test_an_endpoint_of_another_team_is_not_shown(as_operator: Client, other_team: object) -> None:
    port = Place("127.0.0.1", 1)
    record([Unreachable(port, Reason.REFUSED)], Recording(SeenBy("hosts", "Web"), was_named=lambda _: True), NOW)
    page = check(as_operator, "127.0.0.1:1")
    assert "127.0.0.1:1</b>" in page
    Endpoint.objects.update(owner_team=other_team)
    page = as_operator.get(f"/discovery/scans/{Scan.objects.get().pk}/").content.decode()
    assert "refused the connection" not in page
    assert "kept with the endpoint" in page


def test_a_check_of_a_closed_port_makes_no_endpoint(as_operator: Client) -> None:
    page = check(as_operator, "127.0.0.1:1")
    assert "127.0.0.1:1</b> refused the connection" in page
    assert not Endpoint.objects.exists()


def test_a_check_of_what_speaks_no_tls_makes_a_candidate_alone(as_operator: Client) -> None:
    with serving(says(b"220 mail.example.org ESMTP\r\n")) as port:
        check(as_operator, f"127.0.0.1:{port}")
    assert Candidate.objects.get().port == port
    assert not Endpoint.objects.exists()
