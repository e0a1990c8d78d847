"""Several workers that record the same places at the same moment."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import pytest
from django.db import connection, transaction

from accounts.models import User
from discovery.models import Observation
from discovery.probe import Place, Reason, Served, ServedVariant, Unreachable
from discovery.services import Recorded, Recording, record
from inventory.models import Certificate, CertificateName, Endpoint, ServedChain, Sighting
from inventory.services import SeenBy, recount, retire_endpoint
from lab import pki
from tests.conftest import NOW

ROOT = pki.Authority.make("Example Root", seed=4)
PLACES = 40


def served(number: int, renewed: int = 0) -> Served:
    der = ROOT.issue([f"h{number}.example.org"], serial=1000 * (renewed + 1) + number, key="p256").der
    return Served(Place("192.0.2.1", 1 + number), (ServedVariant("default", (der, ROOT.der), "TLSv1.3", "AES"),))


@pytest.mark.django_db(transaction=True)
def test_workers_that_record_the_same_places_at_once_double_nothing() -> None:
    batch = [served(number) for number in range(PLACES)]

    def work(worker: int) -> Recorded:
        # Each in another order, so that rows are met in another order, too.
        mine = batch[worker * 10 :] + batch[: worker * 10]
        try:
            return record(mine, Recording(SeenBy("network", f"worker {worker}")), NOW + timedelta(seconds=worker))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        recorded = list(pool.map(work, range(4)))
    assert Endpoint.objects.count() == ServedChain.objects.count() == PLACES
    assert Observation.objects.filter(ended_at=None).count() == Observation.objects.count() == PLACES
    assert Certificate.objects.count() == PLACES + 1
    assert CertificateName.objects.count() == PLACES
    assert sum(len(one.new) for one in recorded) == PLACES
    assert recount() == []


@pytest.mark.skipif(connection.vendor != "postgresql", reason="on SQLite writers take turns")
@pytest.mark.django_db(transaction=True)
def test_who_records_waits_for_nobody_who_sees_the_same_authority() -> None:
    seen, batch = Recording(SeenBy("network", "both")), [served(1)]
    record(batch, seen, NOW)
    later, authority = NOW + timedelta(days=1), Certificate.objects.filter(name="Example Root")

    def look() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '3s'")
            record(batch, seen, later)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        authority.update(last_seen_at=later)
        Sighting.objects.filter(certificate__in=authority).update(last_at=later)
        pool.submit(look).result(10)
    assert Certificate.objects.exclude(last_seen_at=later).count() == 0


@pytest.mark.django_db(transaction=True)
def test_what_all_servers_send_is_noted_anew_after_some_minutes() -> None:
    seen, authority = Recording(SeenBy("network", "both")), Certificate.objects.filter(name="Example Root")
    noted = []
    for minutes in (0, 4, 6):
        record([served(1)], seen, NOW + timedelta(minutes=minutes))
        noted.append((authority.get().last_seen_at, Sighting.objects.get(certificate__in=authority).last_at))
    assert noted == [(NOW, NOW), (NOW, NOW), (NOW + timedelta(minutes=6), NOW + timedelta(minutes=6))]


@pytest.mark.django_db(transaction=True)
def test_recording_does_not_undo_what_a_person_retires_meanwhile(operator: User) -> None:
    record([served(1)], Recording(SeenBy("network", "first")), NOW)
    retired = Event()

    def look() -> None:
        try:
            assert retired.wait(10)
            silent = Unreachable(Place("192.0.2.1", 2), Reason.SILENT)
            record([silent], Recording(SeenBy("network", "second")), NOW + timedelta(days=1))
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        with transaction.atomic():
            retire_endpoint(Endpoint.objects.get(), "It was taken down.", actor=operator, now=NOW)
            retired.set()
            # Long enough for the other to read, and to wait for us.
            time.sleep(0.5)
        looking.result(20)
    row = Endpoint.objects.get()
    assert (row.outcome, row.retired_at, row.retired_reason) == ("unreachable", NOW, "It was taken down.")
    assert recount() == []
