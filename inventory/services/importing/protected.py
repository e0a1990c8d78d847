"""Files that need a password are opened while their person waits: the password is used once and kept nowhere.

What was found takes the place of the upload, as lines of JSON, so that a worker reads it like any other file.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace

from inventory.services.importing import spool
from inventory.sources import NEEDS_PASSWORD, WRONG_PASSWORD, Budget, Buffer, Found, is_alone, is_pkcs12, read_file
from inventory.sources.value import MIB

_OPENED = ".opened"
# A person waits, and everybody behind in the queue of this server: one small file is opened, in this time.
# All else goes to a worker, without the password; the preview asks for it again.
LARGEST = 2 * MIB
SECONDS = 4.0


class PasswordError(ValueError):
    """The file does not open without its password, or not with this one."""


def is_opened(upload: str) -> bool:
    return upload.endswith(_OPENED)


def open_upload(kept: spool.Spooled, password: str) -> spool.Spooled:
    """The upload as it was, or what was found in it where it is one PKCS#12 file.

    Raises PasswordError, and keeps nothing then.
    """
    path = spool.path_of(kept.upload)
    with path.open("rb") as file:
        if kept.size > LARGEST or not is_pkcs12(file.read(64)):
            return kept
        file.seek(0)
        raw = file.read()
    if not is_alone(raw):
        return kept
    found = list(read_file(raw, Budget(password=password, opened=1, one_seconds=SECONDS)))
    spool.remove(kept.upload)
    reasons = {each.reason for each in found}
    for reason in (NEEDS_PASSWORD, WRONG_PASSWORD):
        if reason in reasons and not any(each.der for each in found):
            raise PasswordError(reason)
    opened = spool.spool(io.BytesIO(b"".join(_lines(found))), _OPENED)
    # What was uploaded is what people know it by.
    return replace(opened, size=kept.size, sha256=kept.sha256)


def _lines(found: Iterable[Found]) -> Iterator[bytes]:
    for path, offset, der, reason, _renewal in found:
        yield json.dumps([path, offset, base64.b64encode(der).decode() if der else "", reason]).encode() + b"\n"


def read_opened(data: Buffer) -> Iterator[Found]:
    for line in bytes(data[:]).splitlines():
        path, offset, der, reason = json.loads(line)
        yield Found(path, offset, base64.b64decode(der) if der else None, reason)
