"""kill -9 of a worker at any point: nothing doubled, nothing lost, nothing counted twice, and the scan ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection
from django_q.models import OrmQ

from certdash.lib.work import LEASE
from discovery.models import Observation, Scan
from discovery.probe import Place
from discovery.services import run_shard, start_listed_scan, tick
from inventory.models import Certificate, Endpoint, ServedChain
from inventory.services import recount
from tests.conftest import NOW
from tests.discovery.permitting import permit
from tests.discovery.servers import certificate, server_context, serving, tls

PLACES = 23
REPEATED = ["answered", "prepared", "recorded", "counted", "committed"]
POINTS = [(point, at) for point in REPEATED for at in (1, 2, 4)]
POINTS += [(point, 1) for point in ("claimed", "ending", "finished", "fed", "called", "ended")]


def clock() -> datetime:
    return datetime.now(UTC)


def later() -> datetime:
    """After the dead worker's lease."""
    return clock() + LEASE + timedelta(seconds=5)


def die(scan: Scan, point: str, at: int) -> None:
    """Run the scan's only shard in a process that dies on its way."""
    env = os.environ | {"CERTDASH_DATABASE_URL": _database()}
    command = [sys.executable, "-m", "tests.discovery.dying_worker", str(scan.shards.get().pk), point, str(at)]
    ended = subprocess.run(command, env=env, cwd=settings.BASE_DIR, timeout=60, check=False, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()


def _database() -> str:
    name = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{Path(name['NAME']).resolve()}"
    return f"postgres://{name['USER']}:{name['PASSWORD']}@{name['HOST']}:{name['PORT']}/{name['NAME']}"


@pytest.fixture
def scan(transactional_db: None) -> Iterator[Scan]:
    permit("127.0.0.0/8", actor=None, now=NOW, allows_special=True)
    with serving(tls(server_context(certificate("leaf")))) as port:
        places = [Place("127.0.0.1", port, f"h{n}.example.org") for n in range(PLACES)]
        yield start_listed_scan(places, actor=None, now=clock(), title="by hand")


def complete(scan: Scan) -> None:
    """What the next ticks and workers do."""
    OrmQ.objects.all().delete()
    tick(later())
    for task in OrmQ.objects.all():
        if task.func() == "discovery.tasks.run_shard":
            run_shard(task.task["args"][0], "successor", later)
    tick(later())
    scan.refresh_from_db()
    assert (scan.status, scan.error) == ("done", "")
    assert (scan.asked, scan.answered, scan.not_tried, scan.done) == (PLACES, PLACES, 0, 1)
    assert (scan.certificates, scan.new, scan.changed) == (1, 1, 0)
    assert Endpoint.objects.count() == ServedChain.objects.count() == Observation.objects.count() == PLACES
    assert Certificate.objects.get().nodes_serving == PLACES
    assert recount() == []


@pytest.mark.parametrize(("point", "at"), [("recorded", 2), ("committed", 2), ("fed", 1)])
def test_the_scan_of_a_killed_worker_ends_complete(scan: Scan, point: str, at: int) -> None:
    die(scan, point, at)
    complete(scan)


@pytest.mark.long
@pytest.mark.parametrize(("point", "at"), POINTS)
def test_a_worker_may_die_at_any_point(scan: Scan, point: str, at: int) -> None:
    die(scan, point, at)
    complete(scan)


def test_answers_that_were_recorded_are_not_asked_for_again(scan: Scan) -> None:
    die(scan, "committed", 2)
    recorded = Observation.objects.count()
    assert 0 < recorded < PLACES
    complete(scan)
    assert set(Observation.objects.values_list("confirmations", flat=True)) == {1}
