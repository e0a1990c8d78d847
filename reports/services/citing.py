"""Which certificates stand in a report that is kept: those cannot be forgotten."""

from __future__ import annotations

import gzip
import re
from collections.abc import Collection
from functools import lru_cache

from inventory.models import Certificate
from inventory.services.writing import among
from reports.models import Report

_DIGEST = re.compile(rb'"sha256":"([0-9a-f]{64})"')


def cited(certificates: Collection[int]) -> set[int]:
    """Those of these (primary keys) that a report lists."""
    rows = Certificate.objects.filter(among("pk", certificates)).values_list("sha256", "pk", "first_seen_at")
    by_digest = {sha256: pk for sha256, pk, _ in rows}
    if not by_digest:
        return set()
    since = min(first for _, _, first in rows)
    reports = Report.objects.filter(taken_at__gte=since).exclude(data=None).values_list("pk", "data_sha256")
    return {by_digest[sha256] for pk, digest in reports for sha256 in _listed(pk, digest) & by_digest.keys()}


@lru_cache(maxsize=8)
def _listed(pk: int, data_sha256: str) -> frozenset[str]:
    """The data of a report never changes, so it is read once for many questions."""
    data = Report.objects.filter(pk=pk, data_sha256=data_sha256).values_list("data", flat=True).first()
    if not data:
        return frozenset()
    return frozenset(found.decode() for found in _DIGEST.findall(gzip.decompress(bytes(data))))
