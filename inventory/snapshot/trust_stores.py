"""What paths are built to: the bundled roots and those that the organisation brought."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from inventory.models import TrustStore as TrustStoreRow
from inventory.trust import TrustStore, mozilla_roots, store_from_pem


def trust_stores() -> list[TrustStore]:
    rows = TrustStoreRow.objects.order_by("name")
    return [mozilla_roots(), *(_private(row.name, row.pem, row.added_at.date()) for row in rows)]


@lru_cache(maxsize=32)
def _private(name: str, pem: str, day: date) -> TrustStore:
    return store_from_pem(name, pem, day)
