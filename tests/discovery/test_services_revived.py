"""A retired endpoint that answers counts again, and both the audit and its page say so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import AuditEvent, Organisation, User
from accounts.services import AuditRefusedError
from discovery.probe import Reason, Unreachable
from discovery.services import Recording, record, recording
from inventory.models import Endpoint
from inventory.services import SeenBy, recount, retire_endpoint
from tests.conftest import NOW
from tests.discovery.scanning import clock, run_all, start
from tests.discovery.test_services_candidates import PLACE, SERVED

DAY = timedelta(days=1)
BY = Recording(SeenBy("network", "Data centre"), schedule=DAY)


@pytest.fixture
def retired(administrator: User) -> Endpoint:
    record([SERVED], BY, NOW)
    endpoint = Endpoint.objects.get()
    retire_endpoint(endpoint, "switched <b>off</b>", actor=administrator, now=NOW + DAY)
    return endpoint


def revivals() -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(verb="endpoint.revived"))


@pytest.mark.django_db
def test_the_system_writes_that_it_counts_again_and_why_it_did_not(retired: Endpoint) -> None:
    record([SERVED], BY, NOW + 2 * DAY)
    (event,) = revivals()
    assert (event.actor, event.at) == (None, NOW + 2 * DAY)
    assert (event.subject_type, event.subject_id) == ("inventory.endpoint", str(retired.pk))
    assert event.before == {"reason": "switched <b>off</b>", "retired_at": (NOW + DAY).isoformat()}
    assert event.after == {"service": retired.service, "source": "Data centre", "scan": None}
    retired.refresh_from_db()
    assert (retired.retired_at, retired.retired_reason) == (None, "")
    assert recount() == []


@pytest.mark.django_db
def test_silence_and_a_second_look_write_nothing(retired: Endpoint) -> None:
    record([Unreachable(PLACE, Reason.SILENT)], BY, NOW + 2 * DAY)
    assert revivals() == []
    record([SERVED], BY, NOW + 3 * DAY)
    record([SERVED], BY, NOW + 4 * DAY)
    assert len(revivals()) == 1


@pytest.mark.django_db
def test_a_look_that_began_before_it_was_retired_does_not_take_that_back(retired: Endpoint) -> None:
    running = replace(BY, began=NOW + DAY - timedelta(minutes=5))
    record([SERVED], running, NOW + DAY + timedelta(minutes=5))
    retired.refresh_from_db()
    assert (retired.retired_at, revivals()) == (NOW + DAY, [])
    assert recount() == []
    record([SERVED], replace(BY, began=NOW + DAY + timedelta(minutes=6)), NOW + DAY + timedelta(minutes=7))
    retired.refresh_from_db()
    assert (retired.retired_at, len(revivals())) == (None, 1)


@pytest.mark.django_db
def test_what_cannot_be_written_to_the_audit_does_not_happen(
    retired: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise AuditRefusedError

    monkeypatch.setattr(recording, "audit", refuse)
    with pytest.raises(AuditRefusedError):
        record([SERVED], BY, NOW + 2 * DAY)
    retired.refresh_from_db()
    assert retired.retired_at is not None
    assert recount() == []


@pytest.mark.django_db(transaction=True)
def test_a_scan_writes_it_too_and_the_history_tells_it(
    client: Client, loopback: None, organisation: Organisation, administrator: User, server: int
) -> None:
    run_all(start(f"127.0.0.1:{server}"))
    endpoint = Endpoint.objects.get()
    retire_endpoint(endpoint, "switched <b>off</b>", actor=administrator, now=clock())
    scan = run_all(start(f"127.0.0.1:{server}"))
    (event,) = revivals()
    assert event.after["scan"] == scan.pk
    client.force_login(administrator)
    page = client.get(f"/endpoints/{endpoint.pk}/history/").content.decode()
    assert f"retired by {administrator.email}: switched &lt;b&gt;off" in page
    assert "answered again although it was retired (switched &lt;b&gt;off&lt;/b&gt;), so it counts again" in page
