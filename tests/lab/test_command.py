"""`manage.py lab` as a user starts and ends it."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from lab.manifest import Manifest
from tests.lab.clients import leaf_by_ssl

MANAGE = Path(__file__).parents[2] / "manage.py"


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, MANAGE, "lab", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_what_the_manifest_says_until_it_is_told_to_end(tmp_path: Path, end: int) -> None:
    file = tmp_path / "lab.jsonl"
    with start("--endpoints", "5", "--seed", "3", "--manifest", str(file)) as lab:
        assert lab.stdout is not None
        assert next(lab.stdout).startswith("The lab is open: 5 endpoints")
        lines = Manifest.read(file).lines
        assert [leaf_by_ssl(line) for line in lines] == [line.leaf_sha256 for line in lines]
        lab.send_signal(end)
        rest = lab.stdout.read()
        assert lab.wait(timeout=20) == 0
    hints = (
        rest.index(f"Scan it: manage.py scan --places {file} --wait"),
        rest.index("manage.py scan --network 127.0.0.1/32 "),
    )
    assert hints == tuple(sorted(hints))
    assert f"manage.py trust lab {file}.root.pem" in rest
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((lines[0].address, lines[0].port), timeout=5)


def test_a_wrong_wish_is_answered_in_words() -> None:
    with start("--kinds", "nonsense") as lab:
        _, errors = lab.communicate(timeout=60)
    assert lab.returncode == 1
    assert errors.startswith("CommandError: unknown kinds ['nonsense']")


def test_a_manifest_that_cannot_be_written_is_told_before_the_lab_opens(tmp_path: Path) -> None:
    with start("--endpoints", "5", "--manifest", str(tmp_path / "missing" / "lab.jsonl")) as lab:
        printed, errors = lab.communicate(timeout=60)
    assert (lab.returncode, printed) == (1, "")
    assert errors.startswith(f"CommandError: {tmp_path}/missing/lab.jsonl cannot be written: no such file or directory")
