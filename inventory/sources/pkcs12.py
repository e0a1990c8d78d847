"""PKCS#12 (.p12, .pfx): opened in a child process that may be killed, and that never opens a private key."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from inventory.sources.ber import Element
from inventory.sources.value import LOCKED, MIB, Budget, Buffer, Found

LARGEST = 32 * MIB
_KILLED = "Opening it takes more work or memory than any honest file asks for."
TOO_MANY = "Too many PKCS#12 files at once: import them in parts."
_ROOT = Path(__file__).parents[2]


def read_pkcs12(data: Buffer, of: Element, path: str, offset: int, budget: Budget) -> Iterator[Found]:
    at = offset + of.head
    if of.after - of.head > LARGEST:
        yield Found(path, at, None, "It is larger than 32 MiB.")
        return
    if not budget.take_opening():
        yield Found(path, at, None, TOO_MANY)
        return
    raw = bytes(data[of.head : of.after])
    began = time.monotonic()
    answers = _opened(raw, budget.password, budget.one_seconds)
    budget.opened_seconds -= time.monotonic() - began
    if budget.locked and any(reason in LOCKED for _der, reason in answers):
        budget.locked(path, at, raw)
    for der, reason in answers:
        yield Found(path, at, der, reason)


def _opened(raw: bytes, password: str, seconds: float) -> list[tuple[bytes | None, str]]:
    """What the child found. The password goes through its standard input: arguments can be seen by others.

    The child may use two seconds of the processor; a busy machine may let it wait longer.
    """
    command = [sys.executable, "-m", "inventory.sources.opener"]
    question = json.dumps(password).encode() + b"\n" + raw
    try:
        ended = subprocess.run(  # noqa: S603 (our own command)
            command, input=question, capture_output=True, timeout=seconds, check=False, cwd=_ROOT, env={}
        )
    except subprocess.TimeoutExpired:
        return [(None, _KILLED)]
    if ended.returncode:
        return [(None, _KILLED)]
    answers = json.loads(ended.stdout)
    return [(base64.b64decode(der) if der else None, reason) for der, reason in answers]
