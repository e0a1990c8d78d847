from datetime import UTC, datetime
from pathlib import Path

from lab import estate
from lab.manifest import FAULTS, OUTCOMES, PROTOCOLS, Manifest

NOW = datetime(2026, 11, 23, 9, 41, tzinfo=UTC)


def manifest() -> Manifest:
    kinds = ("in_date", "nodes", "hostile_names", "tarpit", "ldap", "by_sni")
    plan = estate.plan(estate.Wanted(kinds=kinds), NOW)
    lines = tuple(line for group in plan.groups for site in group for line in site.lines)
    return Manifest(lines, plan.root_pem)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    manifest().write(tmp_path / "lab.jsonl")
    assert Manifest.read(tmp_path / "lab.jsonl") == manifest()
    assert (tmp_path / "lab.jsonl.root.pem").read_text().startswith("-----BEGIN CERTIFICATE-----")


def test_every_endpoint_is_one_line(tmp_path: Path) -> None:
    manifest().write(tmp_path / "lab.jsonl")
    assert len((tmp_path / "lab.jsonl").read_text().splitlines()) == len(manifest().lines)


def test_words_come_from_closed_lists() -> None:
    for line in manifest().lines:
        assert line.outcome in OUTCOMES
        assert line.protocol in PROTOCOLS
        assert set(line.faults) <= set(FAULTS)
        assert line.leaf_sha256 is None or line.chain[0] == line.leaf_sha256
