"""The frame of ASN.1: where elements begin and end, indefinite lengths included, in time linear in the bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from inventory.sources.value import Buffer

_DEEPEST = 64


class BerError(ValueError):
    """No element begins here; ``offset`` says where reading stopped."""

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(reason)
        self.offset = offset


class Element(NamedTuple):
    """``start`` to ``end`` is the content; the next element begins at ``after``."""

    tag: int
    head: int
    start: int
    end: int
    after: int


def element(data: Buffer, at: int, limit: int) -> Element:
    """The element at ``at``, which must end at or before ``limit``."""
    tag, start, length = _header(data, at, limit)
    if length >= 0:
        return Element(tag, at, start, start + length, start + length)
    end = _end_of_contents(data, start, limit)
    return Element(tag, at, start, end, end + 2)


def children(data: Buffer, of: Element) -> Iterator[Element]:
    at = of.start
    while at < of.end:
        child = element(data, at, of.end)
        yield child
        at = child.after


def first_children(data: Buffer, of: Element, number: int) -> list[Element]:
    """The first ones; fewer where the rest is none or unreadable."""
    found: list[Element] = []
    try:
        for child in children(data, of):
            found.append(child)
            if len(found) == number:
                break
    except BerError:
        pass
    return found


def content(data: Buffer, of: Element) -> bytes:
    return bytes(data[of.start : of.end])


def _header(data: Buffer, at: int, limit: int) -> tuple[int, int, int]:
    """Tag, where the content begins, and its length; -1 where that is not said."""
    if at + 2 > limit:
        raise BerError("the bytes end too early", at)
    tag, first, start = data[at], data[at + 1], at + 2
    if tag & 0x1F == 0x1F or tag == 0:
        raise BerError("no certificate begins with this tag", at)
    if first == 0x80 and tag & 0x20:
        return tag, start, -1
    size = first & 0x7F if first & 0x80 else 0
    if first == 0x80 or size > 4 or start + size > limit:
        raise BerError("a length that cannot be", at)
    length = int.from_bytes(data[start : start + size], "big") if size else first
    if length > limit - start - size:
        raise BerError(f"{length} bytes announced, {limit - start - size} there", at)
    return tag, start + size, length


def _end_of_contents(data: Buffer, at: int, limit: int) -> int:
    """Where the two zero bytes stand that end an element whose length is not said."""
    depth = 1
    while at + 2 <= limit:
        if data[at] == 0 and data[at + 1] == 0:
            depth -= 1
            if not depth:
                return at
            at += 2
            continue
        _, start, length = _header(data, at, limit)
        at = start + max(length, 0)
        depth += length < 0
        if depth > _DEEPEST:
            raise BerError("nested too deep", at)
    raise BerError("the bytes end too early", at)
