"""`manage.py serve --prepare` started twice at once, and beside one that runs: one alone touches the database."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from django.conf import settings

from tests.certdash.test_serve import Served, clean_up, free_port, start, until


@pytest.fixture
def var(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "var"
    folder.mkdir(mode=0o700)
    shutil.copytree(settings.STATIC_ROOT, folder / "static")
    yield folder
    clean_up(folder)


def end(*served: Served) -> None:
    for one in served:
        one.process.terminate()
    for one in served:
        one.process.wait(30)


def test_of_two_first_starts_at_once_one_serves_and_the_other_says_a_sentence(var: Path) -> None:
    both = [start(var, free_port(), "--prepare") for _ in range(2)]
    try:
        until(lambda: any(one.process.poll() is not None for one in both), 120)
        loser, winner = sorted(both, key=lambda one: one.process.poll() is None)
        until(winner.answers, 120)
        assert (loser.process.poll(), winner.process.poll()) == (1, None)
        said = winner.said()
        assert said.count("certdash runs already") == 1
        assert said.count("are ready in") == 1
        assert "Traceback" not in said
    finally:
        end(*both)


def test_a_second_one_changes_nothing_under_the_one_that_runs(var: Path) -> None:
    running = start(var, free_port(), "--prepare")
    try:
        until(running.answers, 120)
        with closing(sqlite3.connect(var / "certdash.sqlite3", timeout=20)) as database, database:
            database.execute("DROP TABLE certdash_cache")
        second = start(var, free_port(), "--prepare")
        assert second.process.wait(60) == 1
        with closing(sqlite3.connect(var / "certdash.sqlite3", timeout=20)) as database:
            found = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'certdash_cache'").fetchall()
        assert found == []
        assert "certdash runs already" in running.said()
    finally:
        end(running)
