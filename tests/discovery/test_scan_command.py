"""``manage.py scan`` against real servers, with and without consent."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import AuditEvent
from discovery.management.commands import scan as command
from discovery.models import Network, Scan, Zone
from discovery.services import Ask, default_zone, start_scan
from inventory.models import Certificate
from lab import servers as lab
from lab.manifest import Line
from tests.discovery.scanning import run_all
from tests.discovery.servers import certificate, closed_port, says, server_context, serving, tls

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server() -> Iterator[int]:
    with serving(tls(server_context(certificate("leaf", names=1)))) as port:
        yield port


def scan(*arguments: str) -> str:
    out = StringIO()
    call_command("scan", *arguments, stdout=out)
    return out.getvalue()


def test_without_consent_nothing_is_scanned_and_it_says_what_to_do(server: int) -> None:
    with pytest.raises(CommandError, match=r"in no network that may be probed.*\n.*--allow"):
        scan(f"127.0.0.1:{server}")
    assert not Scan.objects.exists()


def test_with_consent_it_scans_and_says_so_in_the_audit(server: int) -> None:
    printed = json.loads(scan("127.0.0.1", "--ports", f"{server},{closed_port()}", "--allow", "--wait", "--json"))
    assert printed | {"scan": 0, "reasons": {}} == {
        "scan": 0,
        "status": "done",
        "error": "",
        "asked": 2,
        "answered": 1,
        "refused": 1,
        "silent": 0,
        "excluded": 0,
        "failed": 0,
        "certificates": 1,
        "new": 1,
        "changed": 0,
        "gone": 0,
        "not_tried": 0,
        "reasons": {},
    }
    assert Network.objects.get().allows_special
    assert AuditEvent.objects.get(verb="network.added").after["origin"] == "command line"


def test_the_counts_add_up_in_words(server: int) -> None:
    printed = scan("--network", "127.0.0.0/30", "--ports", str(server), "--exclude", "127.0.0.3", "--allow", "--wait")
    numbers = {line.split()[0]: int(line.split()[-1]) for line in printed.splitlines()[1:] if line.split()}
    assert numbers["asked"] == sum(numbers[name] for name in ("answered", "refused", "silent", "excluded", "failed"))
    assert (numbers["asked"], numbers["answered"], numbers["excluded"]) == (4, 1, 1)


def test_the_output_file_names_what_was_found(server: int, tmp_path: Path) -> None:
    path = tmp_path / "inventory.csv"
    scan(f"127.0.0.1:{server}", "--allow", "--output", str(path))
    (row,) = csv.DictReader(path.read_text().splitlines())
    assert (row["address"], row["port"], row["outcome"]) == ("127.0.0.1", str(server), "served")
    assert row["sha256"] == Certificate.objects.get().sha256


def test_the_output_file_has_each_certificate_of_a_dual_server(tmp_path: Path) -> None:
    places, path = tmp_path / "manifest.jsonl", tmp_path / "found.csv"
    with lab.running(kinds=("dual", "in_date")) as manifest:
        manifest.write(places)
        scan("--places", str(places), "--allow", "--output", str(path))
    rows = list(csv.DictReader(path.read_text().splitlines()))
    found = {(row["address"], row["port"], row["sha256"]) for row in rows}
    wanted = {(line.address, str(line.port), leaf) for line in manifest.lines for leaf in leaves(line)}
    assert found == wanted
    assert len(rows) == len(wanted) > len(manifest.lines)
    assert len({row["sha256"] for row in rows}) == Scan.objects.get().certificates
    assert {row["variant"] for row in rows} == {"default", "rsa"}


def leaves(line: Line) -> set[str]:
    return {leaf for leaf in (line.leaf_sha256, *line.variants.values()) if leaf}


def test_an_output_that_cannot_be_written_is_told_before_anything_is_asked(server: int, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"missing/x\.csv cannot be written: no such file"):
        scan(f"127.0.0.1:{server}", "--allow", "--output", str(tmp_path / "missing" / "x.csv"))
    assert not Network.objects.exists()
    assert not Scan.objects.exists()


def test_a_disk_that_is_full_at_the_end_costs_neither_the_counts_nor_the_inventory(server: int) -> None:
    out = StringIO()
    with pytest.raises(CommandError, match=r"/dev/full could not be written.*manage\.py export endpoints"):
        call_command("scan", f"127.0.0.1:{server}", "--allow", "--output", "/dev/full", stdout=out)
    assert "done" in out.getvalue()
    assert Certificate.objects.exists()


def test_the_output_file_is_of_this_scan_alone(server: int, tmp_path: Path) -> None:
    """Another scan of the same zone looks elsewhere at the same time."""
    path = tmp_path / "inventory.csv"
    with serving(tls(server_context(certificate("other")))) as elsewhere, serving(says(b"SSH-2.0-x\r\n")) as ssh:
        run_all(start_scan(Ask(f"127.0.0.1:{server}"), actor=None, now=timezone.now(), zone=allowed()))

        def meanwhile(scan: Scan) -> None:
            run_all(start_scan(Ask(f"127.0.0.1:{elsewhere}"), actor=None, now=timezone.now()))
            work_on(scan)

        work_on = command.work_on
        with patch.object(command, "work_on", meanwhile):
            scan("127.0.0.1", "--ports", f"{server},{ssh},{closed_port()}", "--allow", "--output", str(path))
    rows = [(row["port"], row["outcome"], row["reason"]) for row in csv.DictReader(path.read_text().splitlines())]
    assert rows == [(str(server), "served", ""), (str(ssh), "handshake_failed", "not_tls")]


def allowed() -> Zone:
    command.allow(["127.0.0.0/8"])
    return default_zone()


def test_a_manifest_of_the_lab_is_found_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "manifest.jsonl"
    kinds = ("in_date", "expired", "by_sni", "dual", "smtp", "nodes", "huge_chain", "ssh")
    with lab.running(kinds=kinds) as manifest:
        manifest.write(path)
        printed = json.loads(scan("--places", str(path), "--allow", "--wait", "--json"))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    found = set(Certificate.objects.values_list("sha256", flat=True))
    assert printed["asked"] == len(lines)
    assert {line["leaf_sha256"] for line in lines if line["leaf_sha256"]} <= found
    assert Scan.objects.get().title == AuditEvent.objects.get(verb="scan.started").after["title"] == "manifest.jsonl"


@pytest.mark.parametrize("arguments", ["", "--places /nowhere", "$(id) --allow", "-oN x", "10.0.0.0/33 --allow"])
def test_what_is_no_address_is_an_error(arguments: str) -> None:
    with pytest.raises(CommandError):
        scan(*arguments.split())
    assert not Network.objects.exists()


def test_allow_is_no_advice_for_what_is_no_address() -> None:
    with pytest.raises(CommandError) as refused:
        scan("127.0.0.1", "--", "-oN x", "$(id)")
    said = str(refused.value).splitlines()
    assert [line.partition("”")[0] for line in said] == ["“127.0.0.1", "“-oN x", "“$(id)", "Nothing was scanned."]


def test_nothing_is_permitted_for_a_scan_that_does_not_begin() -> None:
    with pytest.raises(CommandError, match="begins with a hyphen"):
        scan("--allow", "127.0.0.1", "--", "-oN x")
    assert not Network.objects.exists()


def test_a_name_that_does_not_exist_is_named() -> None:
    with pytest.raises(CommandError, match=r"nowhere\.invalid cannot be looked up"):
        scan("nowhere.invalid", "--allow")


def test_without_waiting_the_queue_does_the_work(server: int) -> None:
    assert "waiting" in scan(f"127.0.0.1:{server}", "--allow")
    assert Scan.objects.get().is_open
