from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection

from accounts.models import User
from inventory import filters
from inventory.filters import base
from inventory.models import Endpoint
from tests.inventory.factories import make_certificate, make_endpoint

HOUR, DAY = 3_600, 86_400
# Schedule, how old the last answer is (None: there was none), what came of the last look, whether that is evidence.
LOOKS = [
    (DAY, timedelta(hours=30), Endpoint.Outcome.SERVED, True),
    (DAY, timedelta(hours=49), Endpoint.Outcome.SERVED, False),
    (HOUR, timedelta(hours=1), Endpoint.Outcome.SERVED, True),
    (HOUR, timedelta(hours=30), Endpoint.Outcome.SERVED, False),
    (DAY, None, Endpoint.Outcome.SERVED, False),
    (DAY, timedelta(hours=1), Endpoint.Outcome.UNREACHABLE, False),
    (HOUR, timedelta(minutes=1), Endpoint.Outcome.HANDSHAKE_FAILED, False),
    (DAY, None, Endpoint.Outcome.NEVER, False),
]


@pytest.fixture
def looks(db: None, now: datetime) -> list[Endpoint]:
    served = make_certificate("served-name.example.org")
    endpoints = []
    for number, (schedule, age, outcome, _is_evidence) in enumerate(LOOKS):
        endpoint = make_endpoint(f"198.51.100.{number}", server_name=f"host-{number}.example.org", certificate=served)
        seen = None if age is None else now - age
        Endpoint.objects.filter(pk=endpoint.pk).update(schedule_seconds=schedule, last_seen_at=seen, outcome=outcome)
        endpoints.append(endpoint)
    return endpoints


@pytest.mark.parametrize("most", [100, 2], ids=["few", "many"])
def test_what_was_judged_is_told_by_schedule_and_outcome_however_much_it_is(
    most: int, looks: list[Endpoint], administrator: User, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "MOST_COUNTED", most)
    evidence = {endpoint.pk for endpoint, look in zip(looks, LOOKS, strict=True) if look[3]}
    judged = filters.endpoints("judged=yes", administrator, now).queryset
    others = filters.endpoints("judged=no", administrator, now).queryset
    assert {row.pk for row in judged} == evidence
    assert {row.pk for row in others} == {endpoint.pk for endpoint in looks} - evidence


@pytest.mark.parametrize("most", [100, 2], ids=["few", "many"])
@pytest.mark.parametrize(("text", "count"), [("host-", 8), ("host-3", 1), ("served-name", 8), ("nowhere", 0)])
def test_a_search_finds_the_same_endpoints_whether_they_are_few_or_many(
    text: str,
    count: int,
    most: int,
    looks: list[Endpoint],
    administrator: User,
    now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(base, "MOST_COUNTED", most)
    found = filters.endpoints({"q": text}, administrator, now).queryset
    assert found.count() == len({row.pk for row in found}) == count


@pytest.mark.parametrize("query", ["judged=no", "q=host-"])
def test_what_was_retired_does_not_make_a_list_long(
    query: str, looks: list[Endpoint], administrator: User, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "MOST_COUNTED", 4)
    kept = {endpoint.pk for endpoint in looks[-2:]}
    Endpoint.objects.exclude(pk__in=kept).update(retired_at=now)
    found = filters.endpoints(query, administrator, now).queryset
    assert {row.pk for row in found} == kept
    where = str(found.values("pk").query).split("WHERE")[1]
    assert "schedule_seconds" not in where
    assert "service" not in where
    assert filters.endpoints(f"{query}&retired=any", administrator, now).queryset.count() > 4


def test_of_endpoints_of_which_none_is_known_all_were_judged(administrator: User, now: datetime) -> None:
    assert not filters.endpoints("judged=no", administrator, now).queryset.exists()
    assert not filters.endpoints("judged=yes", administrator, now).queryset.exists()


def test_many_words_ask_for_the_ids_that_all_of_them_have(administrator: User, now: datetime) -> None:
    both = make_certificate("one-and-two.example.org")
    for name in ("one.example.org", "two.example.org"):
        make_certificate(name)
    found = filters.certificates("q=one+two+example", administrator, now).queryset
    assert list(found) == [both]
    assert found.query.sql_with_params()[1].count(f"[{both.pk}]" if connection.vendor == "sqlite" else [both.pk]) == 1
