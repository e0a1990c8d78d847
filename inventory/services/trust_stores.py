"""Private roots: kept with an audit event, and every path judged again when they change."""

from __future__ import annotations

import hashlib
from datetime import datetime

from django.db import transaction

from accounts.models import User
from accounts.services import audit
from inventory.models import Endpoint, TrustStore


@transaction.atomic
def keep_trust_store(name: str, pem: str, *, actor: User | None, now: datetime) -> TrustStore:
    """Add a store, or replace the roots of the one with this name; the same roots again change nothing."""
    store = TrustStore.objects.filter(name=name).first()
    if store is not None and store.pem == pem:
        return store
    before = {"sha256": _digest(store.pem)} if store else {}
    store = store or TrustStore(name=name, added_at=now)
    store.pem = pem
    store.save()
    judge_paths_again(now)
    audit(actor, "truststore.kept", store, before, {"sha256": _digest(pem)}, now=now)
    return store


@transaction.atomic
def remove_trust_store(store: TrustStore, *, actor: User | None, now: datetime) -> None:
    """Trust its roots no more."""
    before, pk = {"sha256": _digest(store.pem)}, store.pk
    store.delete()
    store.pk = pk
    judge_paths_again(now)
    audit(actor, "truststore.deleted", store, before, now=now)


def judge_paths_again(now: datetime) -> None:
    """What we trust has changed: every endpoint that is not retired becomes due."""
    Endpoint.objects.alive().update(judge_at=now)


def _digest(pem: str) -> str:
    return hashlib.sha256(pem.encode()).hexdigest()
