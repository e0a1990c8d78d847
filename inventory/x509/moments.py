"""Times of a certificate (RFC 5280, section 4.1.2.5), read more widely than they may be written."""

import re
from datetime import UTC, datetime, timedelta

from inventory.x509.der import GENERALIZED_TIME, SEQUENCE, UTC_TIME, Node

_TIME = re.compile(
    r"(?P<year>\d{2}|\d{4})(?P<month>\d\d)(?P<day>\d\d)(?P<hour>\d\d)(?P<minute>\d\d)"
    r"(?P<second>\d\d)?(?:[.,]\d{1,9})?(?:Z|(?P<sign>[+-])(?P<hours>\d\d)(?P<minutes>\d\d))?",
    re.ASCII,
)


def validity(node: Node) -> tuple[Node, Node]:
    times = node.expect(SEQUENCE).children()
    if len(times) != 2:
        raise node.fail("a validity that is not two times")
    return times[0], times[1]


def moment(node: Node) -> datetime:
    """Return the time in UTC, to the second; a time without a zone is taken as UTC."""
    if node.tag not in {UTC_TIME, GENERALIZED_TIME}:
        raise node.fail("not a time")
    digits = 2 if node.tag == UTC_TIME else 4
    found = _TIME.fullmatch(node.content.decode("latin-1"))
    if found is None or len(found["year"]) != digits:
        raise node.fail("a time of wrong form")
    try:
        return _moment(found)
    except (ValueError, OverflowError) as error:
        raise node.fail(f"a time that does not exist: {error}") from error


def _moment(found: re.Match[str]) -> datetime:
    year = int(found["year"])
    if len(found["year"]) == 2:
        year += 2000 if year < 50 else 1900
    month, day, hour, minute = (int(found[part]) for part in ("month", "day", "hour", "minute"))
    local = datetime(year, month, day, hour, minute, int(found["second"] or 0), tzinfo=UTC)
    if found["sign"] is None:
        return local
    offset = timedelta(hours=int(found["hours"]), minutes=int(found["minutes"]))
    return local - offset if found["sign"] == "+" else local + offset
