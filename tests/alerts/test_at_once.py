"""Two workers at once: one letter each, sent once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

import pytest
from django.db import DatabaseError, connection

from accounts.models import Organisation, Team, User
from alerts.models import Letter
from alerts.services import send_letters, write_daily
from inventory.services import recount
from tests.alerts.post import Post
from tests.conftest import NOW
from tests.inventory.factories import make_certificate

pytestmark = pytest.mark.django_db(transaction=True)

WORKERS = 2


def at_once(work: Callable[[], object]) -> None:
    begin = threading.Barrier(WORKERS)
    faults: list[DatabaseError] = []

    def run() -> None:
        try:
            begin.wait()
            work()
        except DatabaseError as error:
            faults.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults, faults


def test_two_workers_write_and_send_each_letter_once(
    organisation: Organisation, operator: User, viewer: User, administrator: User, web_team: Team, post: Post
) -> None:
    make_certificate("old.example.org", days_left=-2, owner_team=web_team, nodes_serving=1, served_ever=True)
    recount()
    at_once(lambda: write_daily(lambda: NOW, 60))
    assert Letter.objects.count() == 4
    post.mood = "take"
    at_once(lambda: send_letters(lambda: NOW, 60))
    assert Counter(post.recipients) == {
        "ada@example.org": 1,
        "olga@example.org": 1,
        "victor@example.org": 1,
        "web@example.org": 1,
    }
    assert set(Letter.objects.values_list("state", flat=True)) == {"sent"}
