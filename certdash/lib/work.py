"""Claimable work: an abstract row that a worker takes for a while, keeps alive, and finishes.

The rule everywhere is *claim, check again, act*: a conditional UPDATE decides which worker does the work, a lease
that runs out gives it back when a worker dies, and a fencing number (``attempts``) keeps a worker that was
believed dead from writing after its successor began.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from time import monotonic
from types import TracebackType
from typing import Any, Generic, Self, TypeAlias, TypeVar

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, models, transaction
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django_q.tasks import async_task

LEASE = timedelta(seconds=60)
# Clocks of several machines differ a little. What is claimed for longer was claimed while a clock was ahead.
LEASE_AT_MOST = 2 * LEASE
BEAT_SECONDS = 10.0  # well inside the lease
LOOK_SECONDS = 1.0

Clock: TypeAlias = Callable[[], datetime]

logger = logging.getLogger(__name__)


class WorkStatus(models.TextChoices):
    QUEUED = "queued", _("waiting")
    RUNNING = "running", _("running")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
    CANCELLED = "cancelled", _("cancelled")


OPEN = (WorkStatus.QUEUED, WorkStatus.RUNNING)


Row = TypeVar("Row", bound=models.Model)
Wanted = TypeVar("Wanted", bound="Work")


def held_q(now: datetime) -> Q:
    """Rows under a lease that runs."""
    return Q(claim_until__gte=now, claim_until__lte=now + LEASE_AT_MOST)


def lapsed_q(now: datetime) -> Q:
    """Rows whose lease has run out, or is none because it was never given for so long."""
    return Q(claim_until__lt=now) | Q(claim_until__gt=now + LEASE_AT_MOST)


class WorkQuerySet(models.QuerySet[Row], Generic[Row]):
    def open(self) -> Self:
        return self.filter(status__in=OPEN)

    def claimable(self, now: datetime) -> Self:
        """Rows that nobody works on: waiting, or running under a lease that has run out."""
        return self.filter(Q(status=WorkStatus.QUEUED) | Q(lapsed_q(now), status=WorkStatus.RUNNING))

    def stranded(self, now: datetime) -> Self:
        """Of these, rows that are not on their way to anybody: their task was lost, or their worker died."""
        return self.claimable(now).filter(Q(claim_until=None) | lapsed_q(now))


class Work(models.Model):
    """One piece of work that a person may wait for.

    ``done`` of ``total`` is the progress; ``attempts`` counts claims and is the fencing number of the claim.
    """

    status = models.CharField(max_length=10, choices=WorkStatus, default=WorkStatus.QUEUED)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    claimed_by = models.CharField(max_length=100, blank=True)
    claim_until = models.DateTimeField(null=True, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    def claim(self, worker: str, now: datetime) -> bool:
        """Take the row for ourselves. False means that another worker was first, or that it has ended."""
        rows = type(self)._default_manager.filter(pk=self.pk, attempts=self.attempts)
        free = Q(status=WorkStatus.QUEUED) | Q(lapsed_q(now), status=WorkStatus.RUNNING)
        taken = rows.filter(free).update(
            status=WorkStatus.RUNNING,
            claimed_by=worker,
            claim_until=now + LEASE,
            attempts=F("attempts") + 1,
            started_at=self.started_at or now,
        )
        if taken == 1:
            self.refresh_from_db()
        return taken == 1

    def beat(self, now: datetime, **changes: Any) -> bool:
        """Keep the claim alive and write progress. False means that the claim is lost: stop at once."""
        return self._ours().update(claim_until=now + LEASE, **changes) == 1

    def end(self, status: WorkStatus, now: datetime, **changes: Any) -> bool:
        """Write the result. False means that the claim was lost and the result belongs to nobody."""
        return self._ours().update(status=status, finished_at=now, claim_until=None, **changes) == 1

    def _ours(self) -> models.QuerySet[Self]:
        return type(self)._default_manager.filter(pk=self.pk, status=WorkStatus.RUNNING, attempts=self.attempts)

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def percent(self) -> int:
        """Whole per cent done, rounded down so that 100 means finished."""
        return self.done * 100 // self.total if self.total else 0


def resume(stranded: models.QuerySet[Wanted], task: str, now: datetime) -> int:
    """Hand over again what nobody works on; return how much it was. Safe to call twice."""
    # The rest of such a row may be megabytes.
    return sum(_hand_over(work, task, now) for work in stranded.only("status", "attempts", "claim_until"))


@transaction.atomic
def _hand_over(work: Work, task: str, now: datetime) -> bool:
    """Put the row back in the queue. False if somebody claimed it meanwhile."""
    same = type(work)._default_manager.filter(
        pk=work.pk, status=work.status, attempts=work.attempts, claim_until=work.claim_until
    )
    if not same.update(status=WorkStatus.QUEUED, claim_until=now + LEASE):
        return False
    transaction.on_commit(partial(logger.info, "%s %s goes on", work._meta.verbose_name, work.pk))
    async_task(task, work.pk)
    return True


class Heart:
    """Keeps a claim alive from a thread and a connection of its own, however long the work inside takes.

    ``is_wanted`` is asked every second whether the work still shall be done, so that a cancelled one stops soon. A
    database that fails for a moment stops nothing: the heart asks again a second later, on a new connection.
    """

    def __init__(self, work: Work, clock: Clock, is_wanted: Callable[[], bool] = lambda: True) -> None:
        self._work = work
        self._clock = clock
        self._is_wanted = is_wanted
        self._over = threading.Event()
        self._stopped = threading.Event()
        self._beat_at = 0.0
        self._thread = threading.Thread(target=self._run, name=f"heart of {work}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def stopped(self) -> bool:
        """Whether the claim was lost or the work is no longer wanted."""
        return self._stopped.is_set()

    def _run(self) -> None:
        self._beat_at = monotonic() + BEAT_SECONDS
        try:
            while not self._over.wait(min(LOOK_SECONDS, BEAT_SECONDS)):
                if not self._goes_on():
                    self._stopped.set()
                    return
        finally:
            connection.close()

    def _goes_on(self) -> bool:
        try:
            if monotonic() < self._beat_at:
                return self._is_wanted()
            goes_on = self._work.beat(self._clock())
        except (DatabaseError, InterfaceError) as error:
            logger.warning("%s missed a beat: %s", self._thread.name, error)
            connection.close()
            return True
        self._beat_at = monotonic() + BEAT_SECONDS
        return goes_on
