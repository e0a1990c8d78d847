"""What a mail says of certificates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from alerts.snapshot.scope import Paths, Scope
from alerts.snapshot.values import Part
from certdash.lib.inert import shorten, visible
from inventory.filters import Count, Filtered
from inventory.models import Certificate
from inventory.status import days_left

LINES = 20
PLACES = 2
LONGEST_NAME = 100
SOON_DAYS = 7


def expired(scope: Scope) -> Part:
    found, paths = scope.certificates(status="expired", in_use="yes")
    count = found.count()
    words = ngettext("%(n)s expired in use", "%(n)s expired in use", count.number)
    return _part("expired", _("Expired and still in use"), words, found, paths, count, scope)


def expiring(scope: Scope) -> Part:
    found, paths = scope.certificates(status="expiring", in_use="yes")
    count = found.count()
    soon = (
        scope.certificates(status="expiring", in_use="yes", days__lte=str(SOON_DAYS))[0].count()
        if count.number
        else count
    )
    if soon.number:
        words = ngettext("%(n)s expires within 7 days", "%(n)s expire within 7 days", soon.number)
        words %= {"n": soon.shown}
    else:
        words = ngettext("%(n)s expiring", "%(n)s expiring", count.number)
    return _part("expiring", _("Expiring, in use"), words, found, paths, count, scope)


def unseen(scope: Scope) -> Part:
    """What was imported and no scan has found: it may be in use where nobody looks."""
    found, paths = scope.certificates(status="expiring", in_use="never")
    count = found.count()
    words = ngettext("%(n)s expiring, never seen in use", "%(n)s expiring, never seen in use", count.number)
    return _part("unseen", _("Expiring, never seen in use: no scan has found where"), words, found, paths, count, scope)


def unowned(scope: Scope) -> Part:
    """Line by line for administrators; a number for those who may take something over, beside other news."""
    found, paths = scope.certificates(team="none", in_use="yes")
    count = found.count()
    words = ngettext("%(n)s without owner", "%(n)s without owner", count.number)
    title = _("In use and without owner")
    if scope.is_everything:
        return _part("unowned", title, words, found, paths, count, scope)
    return Part("unowned", title, _counted(words, count), count, (), paths, beside=True)


def _part(
    code: str, title: str, words: str, found: Filtered[Certificate], paths: Paths, count: Count, scope: Scope
) -> Part:
    rows = list(found.ordered().select_related("owner_team")[:LINES]) if count.number else []
    lines = [_line(row, scope) for row in rows]
    return Part(code, title, _counted(words, count), count, lines, paths, certificates=[row.pk for row in rows])


def _counted(words: str, count: Count) -> str:
    return words % {"n": count.shown} if "%(" in words else words


def _line(row: Certificate, scope: Scope) -> str:
    name = shorten(visible(row.name), LONGEST_NAME)
    owner = visible(row.owner_team.name) if row.owner_team and scope.is_everything else ""
    said = [ends(row.not_after, scope.now), _served(row, scope), owner]
    return f"{name}: {', '.join(filter(None, said))}"


def ends(not_after: datetime | None, now: datetime) -> str:
    """When it ends or ended, as days and as a date."""
    if not_after is None:
        return _("nobody can read when it ends")
    days = abs(days_left(not_after, now) or 0)
    date = f"{not_after:%Y-%m-%d}"
    if not_after < now:
        words = ngettext("expired %(n)s day ago (%(date)s)", "expired %(n)s days ago (%(date)s)", days)
    else:
        words = ngettext("%(n)s day left (%(date)s)", "%(n)s days left (%(date)s)", days)
    return words % {"n": days, "date": date}


def _served(row: Certificate, scope: Scope) -> str:
    """Some of the places where it is served that the reader may know, and how many there are."""
    nodes = scope.nodes().filter(certificate=row, retired_at=None).order_by("pk")[:PLACES]
    places: Sequence[str] = [visible(node.place) for node in nodes]
    if not places:
        number = row.nodes_serving
        return ngettext("on %(n)s node", "on %(n)s nodes", number) % {"n": f"{number:,}"} if number else ""
    left = row.nodes_serving - len(places)
    more = _(" and %(n)s more") % {"n": f"{left:,}"} if left > 0 else ""
    return _("on %(places)s%(more)s") % {"places": ", ".join(places), "more": more}
