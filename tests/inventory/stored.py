"""One certificate, or one chain, as the services keep many of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from inventory.models import Certificate, Chain
from inventory.services import chain_digest, store_certificates, store_chains
from inventory.services.facts import digest_of


def store_certificate(der: bytes, now: datetime) -> Certificate:
    stored = store_certificates([der], now)
    return Certificate.objects.get(pk=stored.ids[digest_of(der)])


def store_chain(ders: Sequence[bytes], now: datetime) -> Chain:
    """Keep one chain (not empty) and its certificates; the same bytes again give the same row."""
    store_chains([ders], now)
    return Chain.objects.get(sha256=chain_digest(ders))
