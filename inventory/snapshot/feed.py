"""A calendar that other programs read: one event for each certificate, on the day of its end (RFC 5545)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo

import icalendar
from django.utils.translation import gettext as _

from certdash.lib.inert import visible
from inventory.filters import Filtered
from inventory.models import Certificate, Severity

MOST_EVENTS = 2_000
# What ended longer ago is for the list, not for a calendar.
KEPT = timedelta(days=30)


def feed(result: Filtered[Certificate], name: str, base: str, zone: tzinfo, now: datetime) -> bytes:
    """The calendar as a file: the same bytes while nothing changes, so that it can be asked for by its digest.

    ``base``: where the pages of certificates lie, up to their number.
    """
    ending = result.queryset.filter(not_after__gte=now - KEPT).select_related("owner_team", "issuer")
    rows = list(ending.order_by("not_after", "pk")[: MOST_EVENTS + 1])
    shown = rows[:MOST_EVENTS]
    made = icalendar.Calendar()
    made.add("prodid", "-//certdash//expiry//EN")
    made.add("version", "2.0")
    made.add("method", "PUBLISH")
    made.add("x-wr-calname", visible(name))
    made.add("x-wr-caldesc", _about(shown, is_cut=len(rows) > MOST_EVENTS))
    made.add("refresh-interval", timedelta(hours=6), parameters={"VALUE": "DURATION"})
    for row in shown:
        made.add_component(_event(row, base, zone))
    if len(rows) > MOST_EVENTS:
        made.add_component(_cut(rows[MOST_EVENTS], zone))
    return bytes(made.to_ical())


def _about(rows: Sequence[Certificate], *, is_cut: bool) -> str:
    if is_cut:
        return _("Only the first %(n)s expiries; narrow the filter to see later ones.") % {"n": len(rows)}
    return _("All expiries of this filter that its owner may see.")


def _event(row: Certificate, base: str, zone: tzinfo) -> icalendar.Event:
    event = _on(_day(row, zone), f"{row.sha256}@certdash", row.first_seen_at)
    event.add("summary", _("Expires: %(name)s") % {"name": visible(row.name)})
    event.add("description", "\n".join(_lines(row)))
    event.add("url", f"{base}{row.pk}/")
    return event


def _lines(row: Certificate) -> list[str]:
    at = row.not_after.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if row.not_after else ""
    lines = [
        _("Ends %(at)s") % {"at": at},
        _("Owner: %(team)s") % {"team": visible(row.owner_team.name) if row.owner_team else _("no owner")},
        _("Issuer: %(issuer)s") % {"issuer": visible(row.issuer.label) if row.issuer else _("unknown")},
        _("Nodes that serve it: %(n)s") % {"n": row.nodes_serving},
    ]
    if row.worst_severity:
        lines.append(_("Worst finding: %(severity)s") % {"severity": Severity(row.worst_severity).label})
    return lines


def _cut(row: Certificate, zone: tzinfo) -> icalendar.Event:
    """The first day that is not whole says so itself: few programs show what a calendar says of itself."""
    event = _on(_day(row, zone), "cut@certdash", row.first_seen_at)
    event.add("summary", _("More expiries follow that this calendar does not hold"))
    return event


def _on(day: date, uid: str, stamp: datetime) -> icalendar.Event:
    event = icalendar.Event()
    event.add("uid", uid)
    event.add("dtstamp", stamp.astimezone(UTC))
    event.add("dtstart", day)  # without an end: this one day
    event.add("transp", "TRANSPARENT")
    return event


def _day(row: Certificate, zone: tzinfo) -> date:
    return row.not_after.astimezone(zone).date() if row.not_after else date.max
