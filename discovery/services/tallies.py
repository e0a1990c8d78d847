"""Counting answers: of a shard, and of its scan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from discovery.models import Scan, ScanShard
from discovery.probe import HandshakeFailed, ProbeResult, Reason, Served
from discovery.services.recording import Recorded

COUNTED_AS = {
    Reason.REFUSED: "refused",
    Reason.SILENT: "silent",
    Reason.EXCLUDED: "excluded",
    Reason.NOT_ALLOWED: "excluded",
}
KEYS = ("seen", "stored", "lost", "endpoints", "candidates")
TALLIED = ("asked", "answered", "refused", "silent", "excluded", "failed", "certificates", "new", "changed")


@dataclass(frozen=True, slots=True)
class Tally:
    counts: Mapping[str, int]
    reasons: Mapping[str, int]


def tally_of(row: ScanShard) -> Tally:
    return Tally({name: getattr(row, name) for name in TALLIED}, dict(row.reasons))


def count_results(shard: ScanShard, results: Iterable[tuple[int | None, ProbeResult]]) -> int:
    """Count answers into the shard; return the bits of the places that have theirs now.

    A further address of a name is a further place that was asked.
    """
    bits = 0
    reasons = Counter(shard.reasons)
    for number, result in results:
        if number is None:
            shard.asked += 1
        else:
            bits |= 1 << number
        counted_as = _counted_as(result)
        setattr(shard, counted_as, getattr(shard, counted_as) + 1)
        if not isinstance(result, Served):
            reasons[result.reason.value] += 1
    shard.reasons = dict(sorted(reasons.items()))
    return bits


def _counted_as(result: ProbeResult) -> str:
    if isinstance(result, Served):
        return "answered"
    return "failed" if isinstance(result, HandshakeFailed) else COUNTED_AS.get(result.reason, "failed")


def count_rows(shard: ScanShard, recorded: Recorded) -> None:
    shard.seen = _with(shard.seen, recorded.seen)
    shard.stored = _with(shard.stored, recorded.new)
    shard.lost = _with(shard.lost, recorded.lost)
    shard.endpoints = _with(shard.endpoints, recorded.endpoints)
    shard.candidates = _with(shard.candidates, recorded.candidates)
    shard.certificates, shard.new = len(shard.seen), len(shard.stored)
    shard.changed += len(recorded.changed)


def _with(known: Collection[int], more: Collection[int]) -> list[int]:
    return sorted({*known, *more})


def add_to_scan(scan_id: int, before: Tally, after: Tally) -> None:
    """Add what changed to the scan, in the transaction that writes the shard.

    A certificate that several shards saw counts in each until the scan ends.
    """
    scan = Scan.objects.select_for_update().only(*TALLIED, "reasons").get(pk=scan_id)
    for name in TALLIED:
        setattr(scan, name, getattr(scan, name) + after.counts[name] - before.counts[name])
    reasons = Counter(scan.reasons)
    reasons.update(after.reasons)
    reasons.subtract(before.reasons)
    scan.reasons = dict(sorted(reasons.items()))
    scan.save(update_fields=[*TALLIED, "reasons"])
