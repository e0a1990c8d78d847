"""Private roots: kept with an audit event, and every path judged again when they change."""

from __future__ import annotations

import hashlib
from datetime import datetime

from django.db import transaction

from accounts.models import User
from accounts.services import audit
from inventory.models import Endpoint, TrustStore


@transaction.atomic
def keep_trust_store(
    name: str, pem: str, *, actor: User | None, now: datetime, store: TrustStore | None = None
) -> TrustStore:
    """Add a store, or replace the roots of the one with this name; the same roots again change nothing.

    ``store`` is one that gets this name, too.
    """
    store = store or TrustStore.objects.filter(name=name).first()
    if store is not None and (store.name, store.pem) == (name, pem):
        return store
    before = _words(store) if store else {}
    store = store or TrustStore(added_at=now)
    store.name, store.pem = name, pem
    store.save()
    judge_paths_again(now)
    audit(actor, "truststore.kept", store, before, _words(store), now=now)
    return store


@transaction.atomic
def remove_trust_store(store: TrustStore, *, actor: User | None, now: datetime) -> None:
    """Trust its roots no more."""
    before, pk = _words(store), store.pk
    store.delete()
    store.pk = pk
    judge_paths_again(now)
    audit(actor, "truststore.deleted", store, before, now=now)


def judge_paths_again(now: datetime) -> None:
    """What we trust has changed: every endpoint that is not retired becomes due."""
    Endpoint.objects.alive().update(judge_at=now)


def _words(store: TrustStore) -> dict[str, str]:
    return {"name": store.name, "sha256": hashlib.sha256(store.pem.encode()).hexdigest()}
