"""Workers that meet at the same rows: one after the other, and once more where they waited in a circle."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext

from inventory.models import Certificate
from inventory.services import recount, store_chains
from inventory.services.races import hold, settled
from lab import pki
from tests.conftest import NOW
from tests.inventory.factories import make_certificate
from tests.inventory.stored import store_chain

ROOT = pki.Authority.make("Example Root", seed=6)
OTHER = pki.Authority.make("Other Root", seed=7)

pytestmark = pytest.mark.django_db(transaction=True)
with_row_locks = pytest.mark.skipif(
    "not connection.features.has_select_for_update", reason="on SQLite writers take turns, so none waits in a circle"
)


def test_authorities_at_the_head_of_chains_are_met_in_the_order_of_their_keys() -> None:
    for authority in (ROOT, OTHER):
        store_chain([authority.issue(["www.example.org"]).der, authority.der], NOW)
    with CaptureQueriesContext(connection) as queries:
        store_chains([[OTHER.der], [ROOT.der]], NOW)
    asked = [query["sql"] for query in queries if """"kind" = 'ca'""" in query["sql"]]
    assert len(asked) == 1
    assert 'ORDER BY "inventory_certificate"."id" ASC' in asked[0]
    assert set(Certificate.objects.values_list("kind", flat=True)) == {Certificate.Kind.LEAF}
    assert recount() == []


def crossing(pks: tuple[int, int], meet: Barrier, tries: list[int], *, is_first: bool) -> None:
    """Lock two rows one by one, the first time after somebody else has locked the second."""
    mine: list[int] = []

    def write() -> None:
        mine.append(pks[0])
        tries.append(pks[0])
        for pk in pks:
            hold(Certificate.objects.filter(pk=pk))
            if len(mine) == 1 and pk == pks[0]:
                meet.wait(10)

    try:
        with transaction.atomic():
            settled(write, is_first=is_first)
    finally:
        connection.close()


def cross(*, is_first: bool) -> tuple[int, list[BaseException | None]]:
    one, other = make_certificate().pk, make_certificate().pk
    meet = Barrier(2)
    tries: list[int] = []
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(crossing, pks, meet, tries, is_first=is_first) for pks in ((one, other), (other, one))]
        errors = [each.exception(30) for each in both]
    return len(tries), errors


@with_row_locks
def test_who_was_chosen_to_end_a_deadlock_looks_again() -> None:
    tries, errors = cross(is_first=True)
    assert errors == [None, None]
    assert tries == 3


@with_row_locks
def test_who_holds_more_than_it_can_free_gives_up_instead() -> None:
    tries, errors = cross(is_first=False)
    assert [type(error) for error in errors if error] == [OperationalError]
    assert tries == 2


@with_row_locks
def test_a_chain_is_kept_while_another_worker_turns_its_authority_into_a_leaf() -> None:
    store_chain([ROOT.issue(["www.example.org"]).der, ROOT.der], NOW)

    def refer() -> int:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '5s'")
            return store_chain([ROOT.issue(["other.example.org"]).der, ROOT.der], NOW).pk
        finally:
            connection.close()

    into: Counter[Any] = Counter()
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        # Totals, which all writers share, are left to its end.
        store_chains([[ROOT.der]], NOW, into=into)
        assert pool.submit(refer).result(20)
