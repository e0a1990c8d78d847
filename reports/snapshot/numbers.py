"""The strip of numbers at the top of the overview."""

from __future__ import annotations

from django.utils.translation import gettext as _

from inventory import filters
from reports.snapshot.scope import Scope, list_url
from reports.snapshot.values import Judged, Number

WEAK = ("weak_key", "sha1_signature")


def strip(scope: Scope, in_use: int, judged: Judged) -> list[Number]:
    zero = "ok" if judged.is_enough else ""
    expired, expired_url = scope.certificates(status="expired", in_use="yes")
    expiring, expiring_url = scope.certificates(status="expiring", in_use="yes")
    weak, weak_url = scope.certificates(risk=WEAK, in_use="yes")
    unowned, unowned_url = scope.certificates(team="none", in_use="yes")
    used_url = list_url("inventory:certificate_list", scope.query(in_use="yes"))
    not_judged_url = list_url("inventory:endpoint_list", scope.query(judged="no"))
    left = _("of %(n)s endpoints") % {"n": f"{judged.endpoints:,}"}
    figures = [
        _number("in_use", _("In use"), filters.Count(in_use), used_url),
        _number("expired", _("Expired in use"), expired, expired_url, "expired", zero, _("clients refuse them")),
        _number("expiring", _("Expiring"), expiring, expiring_url, "urgent", zero, _("under a third of life left")),
        _number("unowned", _("Without owner"), unowned, unowned_url, "soon", zero, _share(unowned.number, in_use)),
        _number("weak", _("Weak"), weak, weak_url, "urgent", zero, _("key or signature")),
        _number("not_judged", _("Not judged"), filters.Count(judged.not_judged), not_judged_url, "soon", zero, left),
    ]
    # What nobody owns is nobody's "mine".
    return [figure for figure in figures if not (scope.mine and figure.code == "unowned")]


def _number(
    code: str, label: str, count: filters.Count, url: str, tone: str = "", zero: str = "", note: str = ""
) -> Number:
    return Number(code, label, count.number, count.exact, url, note, tone if count.number else zero)


def _share(part: int, whole: int) -> str:
    return _("%(share).1f %% of those in use") % {"share": 100 * part / whole} if whole else ""
