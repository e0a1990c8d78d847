"""DER, walked with bounds: every read stays inside its parent and fails with a place and a reason."""

from functools import lru_cache
from typing import NamedTuple

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, OID = 0x01, 0x02, 0x03, 0x04, 0x06
UTC_TIME, GENERALIZED_TIME, SEQUENCE, SET = 0x17, 0x18, 0x30, 0x31

_LONGEST_OID = 64  # characters of its text; those in use have at most about 40


class DerError(ValueError):
    """These bytes cannot be read as what they should be; `offset` counts from the start."""

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(f"{reason} (at byte {offset})")
        self.reason = reason
        self.offset = offset


class Node(NamedTuple):
    """One element: `head` is where its tag stands, `start` to `end` its content."""

    data: bytes
    tag: int
    head: int
    start: int
    end: int

    @property
    def raw(self) -> bytes:
        return self.data[self.head : self.end]

    @property
    def content(self) -> bytes:
        return self.data[self.start : self.end]

    def fail(self, reason: str) -> DerError:
        return DerError(reason, self.head)

    def children(self) -> list["Node"]:
        if not self.tag & 0x20:
            raise self.fail("a primitive element where a constructed one belongs")
        nodes = []
        at = self.start
        while at < self.end:
            node = read_node(self.data, at, self.end)
            nodes.append(node)
            at = node.end
        return nodes

    def first(self) -> "Node":
        """Return the first element of the content."""
        return read_node(self.data, self.start, self.end)

    def inner(self) -> "Node":
        """Return the single element that the content is made of."""
        node = self.first()
        if node.end != self.end:
            raise DerError("bytes left over inside an element", node.end)
        return node

    def expect(self, tag: int) -> "Node":
        if self.tag != tag:
            raise self.fail(f"tag {self.tag:#04x} where {tag:#04x} belongs")
        return self


def read_node(data: bytes, at: int, limit: int) -> Node:
    """Read the header at `at`; the element must end at or before `limit`."""
    if at + 2 <= limit and data[at] & 0x1F != 0x1F and data[at + 1] < 0x80:
        start, end = at + 2, at + 2 + data[at + 1]
        if end <= limit:
            return Node(data, data[at], at, start, end)
    head = at
    tag, at = _byte(data, at, limit)
    if tag & 0x1F == 0x1F:
        at = _skip_long_tag(data, at, limit)
    length, at = _length(data, at, limit)
    if length > limit - at:
        raise DerError(f"{length} bytes announced, {limit - at} there", head)
    return Node(data, tag, head, at, at + length)


def _byte(data: bytes, at: int, limit: int) -> tuple[int, int]:
    if at >= limit:
        raise DerError("the bytes end too early", at)
    return data[at], at + 1


def _skip_long_tag(data: bytes, at: int, limit: int) -> int:
    more = 0x80
    while more & 0x80:
        more, at = _byte(data, at, limit)
    return at


def _length(data: bytes, at: int, limit: int) -> tuple[int, int]:
    first, at = _byte(data, at, limit)
    if first < 0x80:
        return first, at
    size = first & 0x7F
    if size == 0:
        raise DerError("indefinite length", at - 1)
    if size > 4 or size > limit - at:
        raise DerError("a length that cannot be", at - 1)
    return int.from_bytes(data[at : at + size], "big"), at + size


def oid(node: Node) -> str:
    node.expect(OID)
    text = _oid_text(node.content)
    if not text or len(text) > _LONGEST_OID:
        raise node.fail("an object identifier that cannot be")
    return text


@lru_cache(maxsize=1024)  # the same few stand in every certificate
def _oid_text(content: bytes) -> str:
    """Return the dotted form, or "" where there is none or only an impossibly long one."""
    if not content or len(content) > _LONGEST_OID or content[-1] & 0x80:
        return ""
    arcs: list[int] = []
    arc = 0
    for byte in content:
        arc = arc << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(arc)
            arc = 0
    top = min(arcs[0] // 40, 2)
    return ".".join(map(str, (top, arcs[0] - 40 * top, *arcs[1:])))


def integer(node: Node) -> int:
    node.expect(INTEGER)
    if node.start == node.end:
        raise node.fail("an empty integer")
    return int.from_bytes(node.content, "big", signed=True)


def boolean(node: Node) -> bool:
    node.expect(BOOLEAN)
    if node.end - node.start != 1:
        raise node.fail("a boolean that is not one byte")
    return node.data[node.start] != 0


def bit_string(node: Node) -> bytes:
    """Return the bits as bytes, without the count of unused ones."""
    node.expect(BIT_STRING)
    if node.start == node.end:
        raise node.fail("an empty bit string")
    return node.data[node.start + 1 : node.end]


def whole(data: bytes) -> Node:
    """Read bytes that hold exactly one element."""
    node = read_node(data, 0, len(data))
    if node.end != len(data):
        raise DerError("bytes left over after the element", node.end)
    return node
