"""The page of a scan tells of open ports without TLS, to whoever sees the scan."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from discovery.models import Candidate, Scan
from discovery.services import Ask, start_scan
from inventory.models import Endpoint
from tests.discovery.scanning import clock, run_all
from tests.discovery.servers import closed_port, says, serving

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("organisation", "loopback")]
HTMX = {"HX-Request": "true"}
SSH = says(b"SSH-2.0-<b>Open\xe2\x80\xaeSSH</b>\r\n")


def sweep(actor: User, *ports: int) -> Scan:
    asked = ",".join(str(port) for port in ports)
    return run_all(start_scan(Ask("127.0.0.1/32", ports=asked), actor=actor, now=clock()))


def test_open_ports_without_tls_are_listed_with_reason_and_time(client: Client, operator: User) -> None:
    client.force_login(operator)
    with serving(SSH) as one, serving(says(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as other:
        scan = sweep(operator, one, other, closed_port())
    part = client.get(f"/discovery/scans/{scan.pk}/", headers=HTMX).content.decode()
    assert "2 open ports that did not speak TLS" in part
    for text in (f"127.0.0.1:{one}", f"127.0.0.1:{other}", "plain HTTP", "SSH", "does not speak TLS"):
        assert text in part
    assert "<b>Open" not in part
    assert not Endpoint.objects.exists()


def test_a_scan_without_any_says_nothing_of_them(client: Client, operator: User, server: int) -> None:
    client.force_login(operator)
    scan = sweep(operator, server, closed_port())
    assert "did not speak TLS" not in client.get(f"/discovery/scans/{scan.pk}/").content.decode()


def test_an_old_page_says_what_became_an_endpoint(client: Client, operator: User) -> None:
    client.force_login(operator)
    with serving(SSH) as port:
        scan = sweep(operator, port, closed_port())
        run_all(start_scan(Ask(f"127.0.0.1:{port}"), actor=operator, now=clock()))
    page = client.get(f"/discovery/scans/{scan.pk}/").content.decode()
    assert "1 open port that did not speak TLS" in page
    assert "an endpoint since" in page


def test_only_so_many_are_shown_and_the_rest_is_counted(client: Client, operator: User) -> None:
    client.force_login(operator)
    scan = start_scan(Ask("127.0.0.1"), actor=operator, now=clock())
    now = timezone.now()
    rows = Candidate.objects.bulk_create(
        Candidate(address=bytes(16), port=n, reason="not_tls", first_seen_at=now, last_seen_at=now + timedelta(n))
        for n in range(1, 61)
    )
    scan.shards.update(candidates=[row.pk for row in rows])
    Scan.objects.update(failed=60)
    page = client.get(f"/discovery/scans/{scan.pk}/").content.decode()
    assert "60 open ports that did not speak TLS" in page
    assert "40 of 60 are shown." in page


def test_candidates_are_seen_by_whoever_sees_their_scan(operator: User, stranger: User, auditor: User) -> None:
    with serving(SSH) as port:
        sweep(operator, port, closed_port())
    seen = {person: Candidate.objects.visible_to(person).count() for person in (operator, stranger, auditor)}
    assert seen == {operator: 1, stranger: 0, auditor: 1}
