"""PEM: blocks in any text, found by searching forward only, so that hostile text costs no more than its length."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from inventory.sources.der import read_first
from inventory.sources.value import KEY_REASON, MIB, Budget, Buffer, Found

BEGIN, END = b"-----BEGIN ", b"-----END "
LARGEST_BLOCK = 64 * MIB
_LONGEST_LABEL = 64
_SPACE = b" \t\r\n\v\f"
_CERTIFICATES = {"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"}
_CONTAINERS = {"PKCS7", "PKCS #7 SIGNED DATA", "CMS", "PKCS12"}
_NO_END = "The END line is missing."


def read_pem(data: Buffer, path: str, budget: Budget) -> Iterator[Found]:
    """Each block in order. Blocks without an end that follow each other are one item."""
    broken, number = -1, 0
    start = data.find(BEGIN)
    while start >= 0:
        following = data.find(BEGIN, start + len(BEGIN))
        label, body, end = _bounds(data, start, following if following >= 0 else len(data))
        if end < 0:
            broken, number = (broken, number + 1) if number else (start, 1)
        else:
            yield from _told(path, broken, number)
            number = 0
            yield from _block(label, data, (start, body, end), path, budget)
        start = following
    yield from _told(path, broken, number)


def _bounds(data: Buffer, start: int, limit: int) -> tuple[str, int, int]:
    """The label, where the body begins and where it ends; -1 where it does not."""
    after = start + len(BEGIN)
    label_end = data.find(b"-----", after, min(limit, after + _LONGEST_LABEL + 5))
    if label_end < 0:
        return "", 0, -1
    raw = data[after:label_end]
    return raw.decode("ascii", "replace"), label_end + 5, data.find(END + raw + b"-----", label_end, limit)


def _told(path: str, at: int, number: int) -> Iterator[Found]:
    if number:
        yield Found(path, at, None, _NO_END if number == 1 else f"{number:,} BEGIN lines have no END line.")


def _block(label: str, data: Buffer, place: tuple[int, int, int], path: str, budget: Budget) -> Iterator[Found]:
    start, body, end = place
    reason = _refusal(label) or ("It is larger than 64 MiB." if end - body > LARGEST_BLOCK else "")
    if reason:
        yield Found(path, start, None, reason)
        return
    try:
        content = base64.b64decode(_plain(data[body:end]), validate=True)
    except binascii.Error:
        yield Found(path, start, None, "The text between the lines is not base64.")
        return
    yield from read_first(content, path, budget, start)


def _refusal(label: str) -> str:
    if label.endswith("PRIVATE KEY"):
        return KEY_REASON
    if label in _CERTIFICATES or label in _CONTAINERS:
        return ""
    return f"A block of “{label}” is not a certificate." if label.isprintable() else "This block is not a certificate."


def _plain(body: bytes) -> bytes:
    """Without spaces, headers (RFC 1421, they end with an empty line), and line ends written as in JSON."""
    if b":" in body:
        body = body.replace(b"\r\n", b"\n").partition(b"\n\n")[2]
    if b"\\" in body:
        body = body.replace(b"\\r", b"").replace(b"\\n", b"")
    return body.translate(None, _SPACE)
