"""Spans of how endpoints speak TLS: begun, confirmed and ended in the transaction that records what they serve."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TypeAlias

from django.db.models import F, QuerySet

from discovery.models import Posture
from discovery.probe.results import ProbeResult, Served
from inventory.models import Endpoint
from inventory.services.writing import among, insert

LIGHT = Posture.Profile.LIGHT.value
# Version, cipher, key exchange.
Spoken: TypeAlias = tuple[str, str, str]
_BEGINNING = (
    "endpoint_id",
    "profile",
    "tls_version",
    "cipher",
    "key_exchange",
    "first_seen_at",
    "last_seen_at",
    "confirmations",
)


def keep_postures(looks: Iterable[tuple[Endpoint, ProbeResult]], now: datetime) -> None:
    """Keep how endpoints spoke to the light probe.

    As before: one statement for each way to speak, of which there are few, and nothing is read. Only the rest is looked
    at one by one.
    """
    alike: dict[tuple[Spoken, int], list[int]] = defaultdict(list)
    for row, result in looks:
        if isinstance(result, Served) and result.variants[0].tls_version:
            alike[_spoken(result), row.schedule_seconds].append(row.pk)
    for (said, seconds), endpoints in alike.items():
        oldest = now - 2 * timedelta(seconds=seconds)
        count = (
            _spoke(said, endpoints)
            .filter(last_seen_at__gte=oldest)
            .update(last_seen_at=now, confirmations=F("confirmations") + 1)
        )
        if count < len(endpoints):
            _begin(said, endpoints, now, any_known=bool(count))


def _begin(said: Spoken, endpoints: Sequence[int], now: datetime, *, any_known: bool) -> None:
    """End what is no longer true of these, and begin what is; those just confirmed stay as they are."""
    same = _spoke(said, endpoints).filter(last_seen_at=now)
    known = set(same.values_list("endpoint_id", flat=True)) if any_known else set()
    others = [pk for pk in endpoints if pk not in known]
    _open(others).update(ended_at=now)
    insert(Posture, _BEGINNING, ((pk, LIGHT, *said, now, now, 1) for pk in others))


def _spoken(result: Served) -> Spoken:
    variant = result.variants[0]
    return variant.tls_version[:10], variant.cipher[:80], variant.group[:40]


def _open(endpoints: Collection[int]) -> QuerySet[Posture]:
    return Posture.objects.filter(among("endpoint_id", endpoints), profile=LIGHT, ended_at=None)


def _spoke(said: Spoken, endpoints: Collection[int]) -> QuerySet[Posture]:
    version, cipher, key_exchange = said
    return _open(endpoints).filter(tls_version=version, cipher=cipher, key_exchange=key_exchange)
