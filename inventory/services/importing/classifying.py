"""What becomes of each thing in a file: new, known, stored in part or refused, each with its reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from certdash.lib.inert import shorten, visible
from inventory import x509
from inventory.models import Certificate, Import, ImportItem
from inventory.services.facts import digest_of
from inventory.services.importing.lineages import plan_settings
from inventory.services.writing import among
from inventory.sources import Found
from inventory.x509 import NotACertificate

Outcome = ImportItem.Outcome
AGAIN = "It stands in this file more than once."
_LONGEST_REASON, _LONGEST_LABEL, _LONGEST_PATH = 500, 255, 500


def classify(of: Import, position: int, found: Sequence[Found], seen: set[str]) -> list[ImportItem]:
    """Unsaved items from this position on. ``seen`` are the digests in the file so far, and is added to."""
    digests = [digest_of(each.der) if each.der else "" for each in found]
    rows = Certificate.objects.filter(among("sha256", set(digests) - seen - {""}))
    known = {sha256: (pk, name) for sha256, pk, name in rows.values_list("sha256", "pk", "name")}
    items = []
    for at, (each, sha256) in enumerate(zip(found, digests, strict=True), position):
        item = ImportItem(of=of, position=at, path=each.path[-_LONGEST_PATH:], offset=max(each.offset, 0))
        if each.renewal:
            plan_settings(item, each.renewal, _words([each.reason]))
        else:
            _judge(item, each, sha256, seen, known)
        items.append(item)
    return items


def _judge(item: ImportItem, found: Found, sha256: str, seen: set[str], known: dict[str, tuple[int, str]]) -> None:
    if found.der is None:
        refuse(item, found.reason)
        return
    item.sha256 = sha256
    if sha256 in seen:
        item.outcome, item.reason = Outcome.KNOWN, AGAIN
        return
    if sha256 in known:
        item.outcome, (item.certificate_id, item.label) = Outcome.KNOWN, known[sha256]
    else:
        _read(item, found.der)
    if item.outcome != Outcome.REFUSED:
        seen.add(sha256)
        item.der = found.der


def _read(item: ImportItem, der: bytes) -> None:
    try:
        parsed = x509.parse(der)
    except NotACertificate as error:
        refuse(item, f"It is not a certificate: {error}.")
        return
    item.label = shorten(parsed.name, _LONGEST_LABEL)
    item.outcome = Outcome.NEW if parsed.conforming else Outcome.PARTIAL
    item.reason = _words(f"{problem.property}: {problem.reason}" for problem in parsed.problems)


def refuse(item: ImportItem, reason: str) -> None:
    item.outcome, item.reason, item.sha256 = Outcome.REFUSED, _words([reason]), ""


def _words(reasons: Iterable[str]) -> str:
    return shorten(visible("; ".join(reasons)), _LONGEST_REASON)
