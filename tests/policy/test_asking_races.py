"""Two ticks that call for changed rules at the same moment: what the one has ended, the other does not begin again."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from time import sleep
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection

from policy.services import asking, call_for_changed_rules
from policy.services.calling import call
from tests.conftest import NOW
from tests.inventory.factories import make_certificate
from tests.policy.looks import HOUR

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def slowly(began: Event) -> Iterator[list[object]]:
    """Each batch is held until a second caller has had the time to come as far as the lock."""
    called: list[object] = []

    def wait(*given: Any) -> None:
        called.append(given[0])
        began.set()
        sleep(0.5)
        call(*given)

    with patch.multiple(asking, call=wait, _code=lambda: "another"):
        yield called


def ask() -> None:
    try:
        call_for_changed_rules(NOW + HOUR)
    finally:
        connection.close()


def test_of_two_callers_at_the_last_batch_the_second_finds_that_all_is_done() -> None:
    make_certificate("www.example.org")
    began = Event()
    with slowly(began) as called, ThreadPoolExecutor(2) as pool:
        first = pool.submit(ask)
        assert began.wait(10)
        second = pool.submit(ask)
        first.result()
        second.result()
    assert len(called) == 1
