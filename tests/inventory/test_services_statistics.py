"""By which index the database reads."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from inventory.services import recount, refresh_statistics, refresh_statistics_if_outgrown, statistics
from tests.inventory.factories import make_certificate, make_endpoint

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif("connection.vendor != 'sqlite'", reason="PostgreSQL measures its tables by itself"),
]


def test_indexes_are_measured_whole() -> None:
    for _ in range(1_100):
        make_certificate()
    refresh_statistics()
    with connection.cursor() as cursor:
        cursor.execute("SELECT stat FROM sqlite_stat1 WHERE idx = 'cert_by_name'")
        assert cursor.fetchone()[0].split()[0] == "1100"


def endpoints(*ports: int) -> None:
    for port in ports:
        make_endpoint(port=port)
    recount()


def test_an_estate_that_has_doubled_is_measured_before_the_night(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "FIRST_MEASURED", 2)
    endpoints(1)
    assert not refresh_statistics_if_outgrown()
    endpoints(2)
    assert refresh_statistics_if_outgrown()
    endpoints(3)
    assert not refresh_statistics_if_outgrown()
    endpoints(4)
    assert refresh_statistics_if_outgrown()


def test_the_indexes_of_an_upgrade_are_measured_before_the_night(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "FIRST_MEASURED", 1)
    endpoints(1)
    assert refresh_statistics_if_outgrown()
    assert not refresh_statistics_if_outgrown()
    MigrationRecorder(connection).record_applied("inventory", "9999_another_index")
    assert refresh_statistics_if_outgrown()
    assert not refresh_statistics_if_outgrown()


def test_a_small_estate_is_left_to_the_night() -> None:
    endpoints(1)
    assert not refresh_statistics_if_outgrown()
