"""The benchmarks run: on a small estate, so that the large one does not fail after ten minutes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from accounts.models import User
from bench import downloads, facets, judging, pages, recording, report, scan
from bench.asked import timed as measured
from bench.multiply import multiply
from bench.rows import Row, keep
from bench.tables import tables
from inventory.models import Certificate, Endpoint
from inventory.services import recount
from policy.models import Finding

SMALL = 200


@pytest.mark.django_db
def test_an_estate_is_recorded_judged_and_its_pages_are_timed(tmp_path: Path) -> None:
    recorded = recording.measure(SMALL)
    judged = judging.measure(patience=60)
    assert [row.name for row in recorded[::2]] == [
        "record: 300 observations of new certificates",
        "record: 300 of the same answers again",
    ]
    # Endpoints, certificates, authorities; and again the certificates on whose endpoints something was found.
    assert int(judged[0].name.split()[1].replace(",", "")) >= 300 + SMALL
    assert all(row.value > 0 for row in (*recorded, *judged))
    _time_some_pages()
    known = Certificate.objects.leaves().count(), Endpoint.objects.count(), Finding.objects.count()
    multiply(3)
    larger = Certificate.objects.leaves().count(), Endpoint.objects.count(), Finding.objects.count()
    assert larger == tuple(3 * number for number in known)
    assert recount() == [], "a copy left something out that is counted"
    laid_out = report.measure(tmp_path, size=5)
    assert laid_out[-1].value == 0, "the same data gave other bytes"
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def _time_some_pages() -> None:
    """Each page, filter and order is named; a few are asked."""
    member = User.objects.get(email=pages.PEOPLE["member of a team"])
    every = [*pages.pages(member), *facets.of(member)]
    client = Client(headers={"host": "localhost"})
    client.force_login(member, backend=settings.AUTHENTICATION_BACKENDS[0])
    asked = [*every[::25], *(each for each in every if each.data)]
    timed = [row for each in asked for row in measured(client, each, "member", SMALL, most=1)]
    assert {row.unit for row in timed} == {"ms", "CPU ms", "queries"}
    assert all(row.value > 0 for row in timed)
    written = downloads.measure(client, member, "member", SMALL)
    assert {row.unit for row in written} == {"rows", "ms", "rows per second", "MiB"}
    assert "member: p95" in tables([*timed, *written]), "the figures make a table"


def test_our_engine_and_nmap_find_the_same_certificates() -> None:
    cpu, wall, found = scan.compared(endpoints=len(scan.KINDS), rounds=1)
    assert (cpu.ratio or 0) > 0
    assert (wall.ratio or 0) > 0
    assert found.value == found.peer_value == found.goal


def test_rows_are_printed_with_their_goals_and_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        Row("slow", 300, "ms", 200, "lower"),
        Row("fast", 2000, "per second", 1000, "higher", "peer", 500, 4.0),
        Row("neither", 1, "MiB", None, "lower"),
    ]
    keep(rows, tmp_path / "results.json")
    slow, fast, neither = capsys.readouterr().out.splitlines()[1:4]
    assert "NOT MET" in slow
    assert " met " in fast
    assert "peer 500.0 per second, ratio 4.0" in fast
    assert "goal" not in neither
    assert [row["name"] for row in json.loads((tmp_path / "results.json").read_text())] == ["slow", "fast", "neither"]
