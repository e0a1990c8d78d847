"""Files that people bring, and what becomes of them: a worker that does all that waits."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, NoEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates

from accounts.models import Team, User
from inventory.models import Import
from inventory.services.importing import begin_import, run_import
from inventory.sources import Budget, Found, read_file
from lab import pki
from tests.inventory.corpus import ISSUING


@cache
def leaf(number: int) -> pki.Issued:
    return ISSUING.issue([f"brought{number}.example.org"])


def leaves(count: int) -> bytes:
    return "".join(leaf(number).pem for number in range(1, count + 1)).encode()


def pkcs12(password: str = "", issued: pki.Issued | None = None) -> bytes:
    one = issued or leaf(1)
    key: Any = one.key  # of a kind that PKCS#12 can hold
    how = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return serialize_key_and_certificates(b"one", key, one.certificate, [ISSUING.certificate], how)


def found_in(data: bytes, password: str = "") -> list[Found]:
    return list(read_file(data, Budget(password=password)))


def told(found: Iterable[Found]) -> list[tuple[str, int, str]]:
    """Path, offset, and what became of it."""
    return [(each.path, each.offset, each.reason or "taken") for each in found]


def clock() -> datetime:
    return datetime.now(UTC)


def bring(
    data: bytes, actor: User, *, name: str = "bundle.pem", team: Team | None = None, password: str = ""
) -> Import:
    """Begin an import and let a worker read it."""
    begun = begin_import(name, io.BytesIO(data), password=password, team=team, actor=actor, now=clock())
    return worked(begun)


def worked(of: Import) -> Import:
    run_import(of.pk, "worker", clock)
    of.refresh_from_db()
    return of
