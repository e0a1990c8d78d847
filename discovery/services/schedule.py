"""When a source may run: quiet hours, on the clock of the organisation."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from accounts.models import Organisation


def quiet_until(start: time | None, end: time | None, local: datetime) -> datetime | None:
    """Return when the quiet hours around ``local`` end, or None outside of them. They may go over midnight."""
    if start is None or end is None or start == end:
        return None
    clock = local.time()
    within = start <= clock < end if start < end else clock >= start or clock < end
    if not within:
        return None
    day = local.date() + timedelta(days=1 if clock >= end else 0)
    return datetime.combine(day, end, tzinfo=local.tzinfo)


def organisation_zone() -> ZoneInfo:
    name = Organisation.objects.filter(pk=1).values_list("timezone", flat=True).first()
    return ZoneInfo(name or "UTC")
