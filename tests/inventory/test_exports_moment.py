"""An export is one moment: what is written meanwhile is in it as a whole or not at all, and writers do not wait."""

from __future__ import annotations

import csv
import io
import json
import threading
from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest
from django.db import connection, transaction

from accounts.models import Role, User
from certdash.lib import spool
from inventory import exports, filters
from inventory.models import Certificate, Risk
from inventory.services import one_moment
from tests.conftest import NOW
from tests.inventory.factories import make_certificate

ROWS = 7
pytestmark = pytest.mark.django_db(transaction=True)


def in_another_thread(work: Callable[[], object]) -> None:
    """With a connection of its own, as a worker of the queue has."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(timeout=30)
    assert not thread.is_alive(), "the writer had to wait"


def found() -> filters.Filtered[Certificate]:
    return filters.certificates("sort=name", User(role=Role.ADMINISTRATOR), NOW)


def a_scan_records() -> None:
    for certificate in Certificate.objects.all():
        Risk.objects.create(certificate=certificate, code="weak_key", severity=3)
    Certificate.objects.update(application="written meanwhile")


@pytest.fixture
def estate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "CHUNK", 2)
    for n in range(ROWS):
        make_certificate(f"n{n}.example.org", now=NOW)


def an_export(read: Callable[[Certificate], object]) -> exports.Export[Certificate]:
    """The export of certificates with one more column, which is read first."""
    column: exports.Column[Certificate] = exports.Column("first", "ours", lambda row, _: read(row))
    export = exports.CERTIFICATES
    return replace(export, columns=(column, *export.columns))


@pytest.mark.parametrize("place", [0, 3])
def test_what_a_scan_records_meanwhile_does_not_tear_the_file(place: int, estate: None) -> None:
    numbers = count()

    def read(_: Certificate) -> None:
        if next(numbers) == place:
            in_another_thread(a_scan_records)

    text = "".join(exports.write(an_export(read), "csv", found(), NOW))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {(row["risks"], row["application"]) for row in rows} == {("", "")}
    assert len(rows) == ROWS
    assert Risk.objects.count() == ROWS


def test_the_first_piece_comes_while_the_rest_is_still_being_read(
    estate: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "PIECE", 1)
    taken = threading.Event()

    def read(certificate: Certificate) -> None:
        if certificate.name == f"n{ROWS - 1}.example.org":
            assert taken.wait(30)

    pieces = exports.write(an_export(read), "csv", found(), NOW)
    first = next(pieces)
    taken.set()
    assert (first + "".join(pieces)).count("\r\n") == ROWS + 1


def test_a_reader_who_takes_it_slowly_holds_no_moment(estate: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "PIECE", 1)
    last = threading.Event()

    def read(certificate: Certificate) -> None:
        if certificate.name == f"n{ROWS - 1}.example.org":
            last.set()

    pieces = exports.write(an_export(read), "json", found(), NOW)
    text = next(pieces)
    assert last.wait(30)
    Certificate.objects.all().delete()
    text += "".join(pieces)
    assert len(json.loads(text)["certificates"]) == ROWS


def test_who_leaves_ends_the_reading(estate: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "PIECE", 1)
    read: list[Certificate] = []
    pieces = exports.write(an_export(read.append), "csv", found(), NOW)
    assert next(pieces)
    pieces.close()
    assert not writers()


def writers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith(spool.THREAD)]


def test_a_failure_in_the_middle_leaves_no_transaction_behind(estate: None) -> None:
    def fail(_: Certificate) -> None:
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError):
        list(exports.write(an_export(fail), "csv", found(), NOW))
    with transaction.atomic():
        a_scan_records()
    assert Risk.objects.count() == ROWS


def test_an_export_inside_of_a_moment_is_of_that_moment(estate: None) -> None:
    with one_moment():
        assert Certificate.objects.count() == ROWS
        in_another_thread(lambda: make_certificate(now=NOW))
        inside = "".join(exports.write(exports.CERTIFICATES, "csv", found(), NOW))
    after = "".join(exports.write(exports.CERTIFICATES, "csv", found(), NOW))
    assert (inside.count("\r\n"), after.count("\r\n")) == (ROWS + 1, ROWS + 2)
