"""kill -9 of a worker at any point of an import: its successor goes on, and nothing is there twice or missing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django_q.models import OrmQ
from pytest_django import Settings

from accounts.models import AuditEvent, Organisation, Team, User
from certdash.lib.work import LEASE
from inventory.models import Certificate, Import, Sighting
from inventory.services import recount
from inventory.services.importing import begin_import, resume_imports, run_import, running, store_import, undo_import
from tests.inventory.brought import clock, leaf, leaves, worked

pytestmark = pytest.mark.django_db(transaction=True)

LONG = pytest.mark.long
NUMBER = 5
FILE = leaves(NUMBER) + leaf(1).pem.encode()


@pytest.fixture(autouse=True)
def _place(settings: Settings, tmp_path: Path, organisation: Organisation) -> None:
    settings.VAR = tmp_path


@pytest.fixture
def begun(operator: User, web_team: Team, tmp_path: Path) -> Import:
    file = tmp_path / "bundle.pem"
    file.write_bytes(FILE)
    with file.open("rb") as stream:
        return begin_import(file.name, stream, password="", team=web_team, actor=operator, now=clock())


def later() -> datetime:
    """After the dead worker's lease."""
    return clock() + LEASE + timedelta(seconds=5)


def die(of: Import, point: str, calls: int = 1) -> None:
    env = os.environ | {"CERTDASH_DATABASE_URL": _database(), "CERTDASH_VAR": str(django_settings.VAR)}
    command = [sys.executable, "-m", "tests.inventory.dying_importer", str(of.pk), point, str(calls)]
    place = django_settings.BASE_DIR
    ended = subprocess.run(command, env=env, cwd=place, timeout=60, check=False, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()


def _database() -> str:
    name = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{Path(name['NAME']).resolve()}"
    return f"postgres://{name['USER']}:{name['PASSWORD']}@{name['HOST']}:{name['PORT']}/{name['NAME']}"


def go_on(of: Import) -> None:
    """What the next tick and the next worker do; the row of the dead worker's task is gone from the queue."""
    OrmQ.objects.all().delete()
    resume_imports(later())
    for task in OrmQ.objects.all():
        run_import(task.task["args"][0], "successor", later)
    of.refresh_from_db()


@pytest.mark.parametrize(
    ("point", "calls"),
    [
        ("holding a batch", 2),
        pytest.param("claimed", 1, marks=LONG),
        pytest.param("kept a batch", 2, marks=LONG),
        pytest.param("ended reading", 1, marks=LONG),
    ],
)
def test_reading_goes_on_behind_the_last_item(point: str, calls: int, begun: Import) -> None:
    die(begun, point, calls)
    go_on(begun)
    assert (begun.step, begun.status, begun.new, begun.known) == ("preview", "done", NUMBER, 1)
    assert list(begun.items.values_list("position", flat=True)) == list(range(NUMBER + 1))
    assert begun.items.exclude(der=None).count() == NUMBER


@pytest.mark.parametrize(
    ("point", "calls"),
    [
        ("marked a batch", 2),
        pytest.param("stored a batch", 2, marks=LONG),
        pytest.param("stored", 1, marks=LONG),
        pytest.param("ended storing", 1, marks=LONG),
    ],
)
def test_storing_goes_on_behind_the_last_batch(point: str, calls: int, begun: Import, operator: User) -> None:
    store_import(worked(begun), actor=operator, now=clock())
    die(begun, point, calls)
    go_on(begun)
    assert (begun.step, begun.status) == ("stored", "done")
    assert Certificate.objects.count() == Sighting.objects.count() == NUMBER
    assert begun.items.filter(made=True).count() == NUMBER
    assert begun.items.exclude(der=None).count() == 0
    assert recount() == []
    assert AuditEvent.objects.filter(verb="import.stored").count() == 1


@pytest.mark.parametrize(
    ("point", "calls"),
    [
        ("forgetting", 2),
        pytest.param("undone a batch", 2, marks=LONG),
        pytest.param("undone", 1, marks=LONG),
    ],
)
def test_taking_back_goes_on_behind_the_last_batch(point: str, calls: int, begun: Import, operator: User) -> None:
    store_import(worked(begun), actor=operator, now=clock())
    undo_import(worked(begun), actor=operator, now=clock())
    die(begun, point, calls)
    go_on(begun)
    assert (begun.step, begun.status) == ("undone", "done")
    assert not Certificate.objects.exists()
    assert not Sighting.objects.exists()
    assert recount() == []
    told = AuditEvent.objects.get(verb="import.undone").after
    assert (told["forgotten"], told["kept"]) == (NUMBER, 0)


def test_an_import_that_kills_each_worker_ends_with_a_sentence(begun: Import) -> None:
    die(begun, "claimed")
    Import.objects.update(attempts=running.MOST_ATTEMPTS[Import.Step.READING])
    go_on(begun)
    assert begun.status == "failed"
    assert begun.error.startswith("Given up: each time, the worker that did this was ended.")
    assert list((Path(django_settings.VAR) / "imports").iterdir()) == []
