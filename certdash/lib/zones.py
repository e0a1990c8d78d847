"""Time zones in which every moment can be shown."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, available_timezones

NAMES = available_timezones()


class ShownZone(ZoneInfo):
    """A zone that leaves a moment in UTC if its own calendar has no year for it.

    Certificates end at 9999-12-31T23:59:59Z, "no well-defined end" in RFC 5280: east of Greenwich that is the year
    10000, which ``datetime`` cannot express.
    """

    def fromutc(self, moment: datetime) -> datetime:
        try:
            return super().fromutc(moment)
        except OverflowError:
            return moment.replace(tzinfo=UTC)


def zone_of(name: str | None) -> tzinfo:
    """UTC for what is no zone."""
    return ShownZone(name) if name in NAMES else UTC
