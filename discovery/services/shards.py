"""Running one shard: claim, ask outside any transaction, record in batches, end with the last of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from time import monotonic
from typing import Any

from django.db import transaction
from django.db.models import F

from certdash.lib.drivers import DriverError
from certdash.lib.egress import Changing
from certdash.lib.work import LEASE, Clock, Heart, WorkStatus
from discovery.engines import nmap, own
from discovery.models import Scan, ScanShard, Source
from discovery.probe import Place, ProbeResult, Reason, Served
from discovery.services.networks import PROBE, egress_policy
from discovery.services.plans import asked_of, seen_by
from discovery.services.queue import call_readers, feed, may_go_on, slots
from discovery.services.recording import Recorded, Recording, prepare, record_prepared, tell
from discovery.services.scans import finish_scan
from discovery.services.tallies import KEYS, TALLIED, add_to_scan, count_results, count_rows, tally_of
from inventory.services import kept

BATCH = 250
FLUSH_SECONDS = 1.0
# A shard that took down so many workers is at fault itself.
ATTEMPTS_AT_MOST = 5
# Passes over what could not be tried because we had no file descriptors left, each with fewer connections at once.
PASSES = 4
PARALLEL = 1000
# A check has an answer within five seconds, the way through the queue included.
CHECK_TIMEOUT, TIMEOUT = 3.5, 10.0
# After this the shard goes back in line: well before the queue kills a task that takes too long (Q_CLUSTER, timeout).
RUN_SECONDS = 600.0


class ClaimLostError(Exception):
    """Another worker has the shard, or the scan was cancelled: what we hold belongs to nobody."""


def run_shard(shard_id: int, worker: str, clock: Clock) -> bool:
    """Do one shard. Safe to call twice, at the same time or after a crash; False if there was nothing to do."""
    shard = ScanShard.objects.select_related("scan__zone", "scan__source__owner_team").filter(pk=shard_id).first()
    if shard is None or not may_go_on(shard.scan_id, clock()) or not shard.claim(worker, clock()):
        return False
    Scan.objects.filter(pk=shard.scan_id, status=WorkStatus.QUEUED).update(
        status=WorkStatus.RUNNING, started_at=clock()
    )
    run = _Run(shard, clock)
    try:
        run.conduct()
    except ClaimLostError:
        return False
    return True


class InterruptedShardError(Exception):
    """The scan was cancelled, its quiet hours began, or this run has taken long enough."""


class _Run:
    """One claim of one shard. Counts are of the whole shard, what earlier claims recorded included."""

    def __init__(self, shard: ScanShard, clock: Clock) -> None:
        self.shard = shard
        self.scan = shard.scan
        self.clock = clock
        self.asked = asked_of(self.scan)
        self.gate = Changing(egress_policy(PROBE, self.scan.zone.name))
        self.bits = self.bits_at_first = int(shard.recorded, 16)
        self.until = monotonic() + RUN_SECONDS
        # Answers not yet in the database, with the number of their place; None for a further address of a name.
        self.waiting: list[tuple[int | None, ProbeResult]] = []
        # A name may have several addresses: its results wait for each other, or a crash between them would count wrong.
        self.of_names: dict[int, list[ProbeResult]] = defaultdict(list)
        self.not_tried: set[int] = set()
        self.flush_at = monotonic() + FLUSH_SECONDS
        self.recording = Recording(
            by=seen_by(self.scan),
            zone=self.scan.zone.name,
            schedule=_schedule(self.scan),
            began=clock(),
            scan=self.scan,
            was_named=self.asked.was_named,
            team=self.scan.source.owner_team if self.scan.source else None,
        )

    def conduct(self) -> None:
        if self.shard.attempts > ATTEMPTS_AT_MOST:
            self._end(WorkStatus.FAILED, f"Given up after {ATTEMPTS_AT_MOST} attempts: each ended without a word.")
            return
        try:
            with Heart(self.shard, self.clock, self._goes_on) as heart:
                self._ask_all(heart)
        except DriverError as error:
            self._end(WorkStatus.FAILED, str(error))
            return
        except InterruptedShardError:
            self._stop()
            return
        if heart.stopped():
            self._stop()
        elif self._missing(beside=self.waiting):
            self._end(WorkStatus.FAILED, "This machine had no file descriptors or ports left for more connections.")
        else:
            self._end(WorkStatus.DONE)

    def _goes_on(self) -> bool:
        """Asked every second, while places are asked. What may be asked at all is read anew as often."""
        self.gate.renew(egress_policy(PROBE, self.scan.zone.name))
        return monotonic() < self.until and may_go_on(self.scan.pk, self.clock())

    def _stop(self) -> None:
        """Cancelled is over; for any other reason, what was not asked waits for its next turn."""
        if Scan.objects.open().filter(pk=self.scan.pk).exists():
            self._pause()
        else:
            self._end(WorkStatus.CANCELLED)

    def _ask_all(self, heart: Heart) -> None:
        for attempt in range(PASSES):
            missing = self._missing(beside=self.waiting)
            if not missing or heart.stopped():
                return
            self._index(missing)
            self._probe(list(missing.values()), PARALLEL // 4**attempt, heart)
            if not heart.stopped():
                self._release_names()

    def _missing(self, beside: Iterable[tuple[int | None, ProbeResult]] = ()) -> dict[int, Place]:
        """Places without an answer, by number."""
        here = {number for number, _ in beside}
        places = enumerate(self.asked.places(self.shard.first, self.shard.last))
        return {number: place for number, place in places if not self.bits >> number & 1 and number not in here}

    def _index(self, places: dict[int, Place]) -> None:
        self.not_tried = set()
        self.of_names.clear()
        self.number_of = {place: number for number, place in places.items()}

    def _probe(self, places: Sequence[Place], parallel: int, heart: Heart) -> None:
        engine = nmap if self.scan.engine == Source.Engine.NMAP else own
        rate = self.scan.plan["rate_limit"]
        engine.probe_many(
            places,
            self.gate,
            on_result=self._take,
            should_stop=lambda: self._should_stop(heart),
            parallel=parallel,
            rate=max(1.0, rate / slots()) if rate else None,
            timeout=CHECK_TIMEOUT if self.scan.kind == Scan.Kind.CHECK else TIMEOUT,
        )

    def _should_stop(self, heart: Heart) -> bool:
        """Asked about twice a second: what has answered is kept then, too, and does not wait for what is slow."""
        if self.waiting and monotonic() >= self.flush_at:
            self._flush()
        return heart.stopped()

    def _take(self, result: ProbeResult) -> None:
        name = result.place.of
        number = self.number_of[name or result.place]
        if not isinstance(result, Served) and result.reason == Reason.TOO_MANY_FILES:
            self.not_tried.add(number)
        elif name is not None:
            self.of_names[number].append(result)
        else:
            self.waiting.append((number, result))
        if len(self.waiting) >= BATCH or monotonic() >= self.flush_at:
            self._flush()

    def _release_names(self) -> None:
        """A name with an address that could not be tried is asked again as a whole."""
        for number, results in self.of_names.items():
            if number not in self.not_tried:
                self.waiting += zip([number, *[None] * (len(results) - 1)], results, strict=True)

    def _flush(self) -> None:
        if not self._goes_on():
            raise InterruptedShardError
        if self.waiting:
            prepared = prepare([result for _, result in self.waiting])
            now = self.clock()
            with transaction.atomic():
                with kept() as deltas:
                    recorded = record_prepared(prepared, self.recording, now, deltas)
                    self._keep(recorded)
                tell(recorded, self.recording, now)
            self.waiting.clear()
        self.flush_at = monotonic() + FLUSH_SECONDS

    def _end(self, status: WorkStatus, error: str = "") -> None:
        """Record the last batch and end the shard in one transaction, and hand on the next one with it."""
        prepared = prepare([result for _, result in self.waiting])
        now = self.clock()
        with transaction.atomic():
            with kept() as deltas:
                recorded = record_prepared(prepared, self.recording, now, deltas)
                self._keep(recorded, status=status, error=error, finished_at=now, claim_until=None, done=1)
                Scan.objects.filter(pk=self.scan.pk).update(done=F("done") + 1)
                finish_scan(self.scan.pk, now)
                feed(self.scan.zone.name, now)
                call_readers(now)
            tell(recorded, self.recording, now)

    def _pause(self) -> None:
        """Record the last batch and put the shard back in line. A run that got somewhere is no failed attempt."""
        prepared = prepare([result for _, result in self.waiting])
        now = self.clock()
        with transaction.atomic():
            with kept() as deltas:
                recorded = record_prepared(prepared, self.recording, now, deltas)
                self._keep(recorded, status=WorkStatus.QUEUED, claimed_by="", claim_until=None)
                if self.bits != self.bits_at_first:
                    ScanShard.objects.filter(pk=self.shard.pk).update(attempts=F("attempts") - 1)
                feed(self.scan.zone.name, now)
                call_readers(now)
            tell(recorded, self.recording, now)

    def _keep(self, recorded: Recorded, **ending: Any) -> None:
        """Write counts of shard and scan; raises ClaimLostError, so that nothing of the batch stays, if not ours."""
        shard, before = self.shard, tally_of(self.shard)
        bits = count_results(shard, self.waiting)
        count_rows(shard, recorded)
        columns = {name: getattr(shard, name) for name in (*TALLIED, *KEYS, "reasons")}
        columns |= {"recorded": f"{self.bits | bits:x}", "claim_until": self.clock() + LEASE, **ending}
        ours = ScanShard.objects.filter(pk=shard.pk, status=WorkStatus.RUNNING, attempts=shard.attempts)
        if not ours.update(**columns):
            raise ClaimLostError
        self.bits |= bits
        add_to_scan(self.scan.pk, before, tally_of(shard))


def _schedule(scan: Scan) -> timedelta | None:
    seconds = scan.plan["schedule_seconds"]
    return timedelta(seconds=seconds) if seconds else None
