"""What a page says of an expired certificate is true on each of sixty days, although the facts hardly change."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import Organisation, User
from tests.conftest import NOW
from tests.policy.looks import DAY, HOUR, finding, issue, judge, look, node, row, trust_root

ENDS = "3 December 2026"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def set_up(organisation: Organisation, client: Client, auditor: User) -> None:
    client.force_login(auditor)
    trust_root()


def said(client: Client, pk: int) -> str:
    answer = client.get(f"/certificates/{pk}/findings/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_what_the_page_says_is_true_on_each_of_sixty_days(client: Client) -> None:
    issued = issue(begins=-80, ends=10.5)
    for day in range(60):
        look(issued, NOW + day * DAY)
        judge(NOW + day * DAY)
        page = said(client, row(issued).pk)
        expired = f"It expired on {ENDS} and is still served on 1 node."
        assert day > 10 or f"It ends on {ENDS}." in page, day
        assert (expired in page) == (day > 10), day


def test_the_first_look_after_the_end_is_told_once_and_later_looks_judge_nothing_again(client: Client) -> None:
    issued = issue(begins=-80, ends=10.5)
    look(issued, NOW + 10 * DAY)
    judge(NOW + 10.6 * DAY)
    told = finding("expired", row(issued)).sentence
    assert told == f"It expired on {ENDS}; 1 node served it before that, and no look has shown it since."
    look(issued, NOW + 11 * DAY)
    assert row(issued).judge_at == NOW + 11 * DAY
    judge(NOW + 11 * DAY)
    assert f"It expired on {ENDS} and is still served on 1 node." in said(client, row(issued).pk)
    look(issued, NOW + 11 * DAY + HOUR)
    assert row(issued).judge_at is None
    assert node().judge_at is not None
