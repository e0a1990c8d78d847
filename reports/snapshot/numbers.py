"""The strip of numbers at the top of the overview."""

from __future__ import annotations

from typing import NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from inventory import filters
from reports.snapshot.scope import Scope, list_url
from reports.snapshot.values import WEAK, Judged, Number, is_enough


class Zero(NamedTuple):
    """How a zero is meant: good, or with a note of how much was not judged."""

    tone: str
    note: str = ""


NOTHING = Zero("")


def strip(scope: Scope, in_use: int, judged: Judged) -> list[Number]:
    looked, dated, weighed = (
        _zero(judged),
        _zero(judged, judged.undated),
        _zero(judged, judged.unweighed, exact=judged.is_weighed),
    )
    expired, expired_url = scope.certificates(status="expired", in_use="yes")
    expiring, expiring_url = scope.certificates(status="expiring", in_use="yes")
    weak, weak_url = scope.certificates(risk=WEAK, in_use="yes")
    unowned, unowned_url = scope.certificates(team="none", in_use="yes")
    used_url = list_url("inventory:certificate_list", scope.query(in_use="yes"))
    not_judged_url = list_url("inventory:endpoint_list", scope.query(judged="no"))
    left = _("of %(n)s endpoints") % {"n": f"{judged.endpoints:,}"}
    figures = [
        _number("in_use", _("In use"), filters.Count(in_use), used_url),
        _number("expired", _("Expired in use"), expired, expired_url, "expired", dated, _("clients refuse them")),
        _number(
            "expiring",
            _("Expiring"),
            expiring,
            expiring_url,
            "urgent",
            dated,
            _("30 days or a third left"),
        ),
        _number("unowned", _("Without owner"), unowned, unowned_url, "soon", looked, _share(unowned.number, in_use)),
        _number("weak", _("Weak"), weak, weak_url, "urgent", weighed, _("key or signature")),
        _number("not_judged", _("Not judged"), filters.Count(judged.not_judged), not_judged_url, "soon", looked, left),
    ]
    figures += _unseen(scope)
    # What nobody owns is nobody's "mine".
    return [figure for figure in figures if not (scope.mine and figure.code == "unowned")]


def _unseen(scope: Scope) -> list[Number]:
    """What was imported and no scan has found: the other figures do not count it, so it is told beside them."""
    unseen, url = scope.certificates(in_use="never")
    if not unseen.number:
        return []
    expiring, _url = scope.certificates(in_use="never", status="expiring")
    words = ngettext("%(n)s of them expiring", "%(n)s of them expiring", expiring.number)
    note = words % {"n": filters.in_words(expiring)}
    return [_number("unseen", _("Never seen in use"), unseen, url, "soon", note=note)]


def _zero(judged: Judged, not_judged: int = 0, *, exact: bool = True) -> Zero:
    """What a zero says if of so many certificates in use nobody can say whether they belong to it."""
    if not judged.endpoints:
        return Zero("")
    if not is_enough(not_judged, judged.in_use):
        words = ngettext("0 found, %(n)s certificate not judged", "0 found, %(n)s certificates not judged", not_judged)
        return Zero("", words % {"n": filters.in_words(filters.Count(not_judged, exact))})
    if not judged.is_enough:
        words = ngettext("0 found, %(n)s endpoint not judged", "0 found, %(n)s endpoints not judged", judged.not_judged)
        return Zero("", words % {"n": f"{judged.not_judged:,}"})
    return Zero("ok")


def _number(
    code: str,
    label: str,
    count: filters.Count,
    url: str,
    tone: str = "",
    zero: Zero = NOTHING,
    note: str = "",
) -> Number:
    if count.number:
        return Number(code, label, count.number, count.exact, url, note, tone)
    return Number(code, label, 0, count.exact, url, zero.note or note, zero.tone)


def _share(part: int, whole: int) -> str:
    return _("%(share).1f %% of those in use") % {"share": 100 * part / whole} if whole else ""
