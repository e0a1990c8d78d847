"""The state of everything at one moment, as shown: the only reader for the overview.

Each number carries the address of the list that it counts, and is counted by that list's own filter or by the totals
that are kept for it, so that a number and the list behind it cannot differ.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

from django.db.models import Count, Max, Min, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import User
from discovery.models import Scan
from inventory import filters
from inventory.models import Certificate, Endpoint, Issuer, Total
from inventory.services import totals
from inventory.status import Status
from policy.models import Finding, FindingQuerySet
from policy.rules import CATALOGUE, Rule
from reports.charts import Bar, Bars, Week, sorted_bars

WEEKS = 26
NEXT_SHOWN = 8
BARS = 7
SCANS_SHOWN = 5
SHAPES = {
    "expired": "expired",
    "expiring": "expiring",
    "unowned": "expiring",
    "weak": "medium",
    "not_judged": "not_judged",
}
WEAK = ("weak_key", "sha1_signature")
# A zero says something only if nearly all of its population was looked at in time.
ENOUGH_JUDGED = 0.95


@dataclass(frozen=True, slots=True)
class Number:
    """One figure of the strip: what it counts, the list behind it, and how it is meant.

    ``tone`` is "", "ok", "soon", "urgent" or "expired"; a zero is "ok" only when enough was judged.
    """

    code: str
    label: str
    value: int
    exact: bool
    url: str
    note: str = ""
    tone: str = ""

    @property
    def number(self) -> int | str:
        return self.value if self.exact else f"{self.value:,}+"

    @property
    def shape(self) -> str:
        return SHAPES.get(self.code, "") if self.value else ""


@dataclass(frozen=True, slots=True)
class Judged:
    """How much of the population was looked at in time."""

    endpoints: int
    not_judged: int

    @property
    def is_enough(self) -> bool:
        return self.endpoints > 0 and self.not_judged <= self.endpoints * (1 - ENOUGH_JUDGED)


@dataclass(frozen=True, slots=True)
class Attention:
    """All open findings of one rule, as one line."""

    rule: Rule
    severity: int
    count: int
    oldest: datetime
    url: str


@dataclass(frozen=True, slots=True)
class Expiring:
    """One line of what expires next; ``status`` is "urgent" in the last sixth of a certificate's life."""

    certificate: Certificate
    status: str


@dataclass(frozen=True, slots=True)
class Since:
    """What happened since the visit before this one."""

    at: datetime
    new: int
    new_url: str
    opened: int
    opened_url: str
    closed: int
    closed_url: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that the overview shows, as values: no template can cause a query."""

    taken_at: datetime
    looked_at: datetime | None
    mine: bool
    has_teams: bool
    numbers: Sequence[Number]
    judged: Judged
    in_use: int
    weeks: Sequence[Week]
    attention: Sequence[Attention]
    expiring_next: Sequence[Expiring]
    issuers: Bars
    keys: Bars
    scans: Sequence[Scan]
    since: Since | None

    def number(self, code: str) -> Number | None:
        return next((number for number in self.numbers if number.code == code), None)

    @property
    def expired(self) -> Number | None:
        return self.number("expired")

    @property
    def expiring(self) -> Number | None:
        return self.number("expiring")

    @property
    def unowned(self) -> Number | None:
        return self.number("unowned")


def take(user: User, now: datetime, *, mine: bool = False) -> Snapshot:
    """Read everything that the overview shows, in a fixed number of queries.

    ``mine`` narrows to the person's teams; who is in none has nothing to narrow to and sees everyone's.
    """
    teams = tuple(user.teams.order_by("slug").values_list("slug", flat=True))
    mine = mine and bool(teams)
    scope = _Scope(user, now, mine, teams if mine else ())
    judged = scope.judged()
    in_use = sum(totals.numbers(user, totals.IN_USE, mine=mine)[totals.IN_USE].values())
    return Snapshot(
        taken_at=now,
        looked_at=scope.endpoints().aggregate(at=Max("last_seen_at"))["at"],
        mine=mine,
        has_teams=bool(teams),
        numbers=_numbers(scope, in_use, judged),
        judged=judged,
        in_use=in_use,
        weeks=_weeks(scope),
        attention=_attention(scope),
        expiring_next=_expiring_next(scope),
        issuers=_issuers(scope),
        keys=_keys(scope),
        scans=list(Scan.objects.visible_to(user).select_related("source", "requested_by")[:SCANS_SHOWN]),
        since=_since(scope),
    )


@dataclass(frozen=True, slots=True)
class _Scope:
    """Whose view it is, at which moment, of which teams."""

    user: User
    now: datetime
    mine: bool
    teams: tuple[str, ...]

    def query(self, **parameters: str | Sequence[str]) -> str:
        """A query string of the lists; ``mine`` adds the person's teams unless an owner is asked for."""
        if self.mine and "team" not in parameters:
            parameters["team"] = self.teams
        return urlencode(parameters, doseq=True)

    def certificates(self, **parameters: str | Sequence[str]) -> tuple[filters.Count, str]:
        """How many certificates a list shows, and its address."""
        query = self.query(**parameters)
        return filters.certificates(query, self.user, self.now).count(), _list("inventory:certificate_list", query)

    def certificate_list(self, **parameters: str) -> str:
        """The address of a list of certificates in use; empty if there is no value to ask for."""
        if not all(parameters.values()):
            return ""
        return _list("inventory:certificate_list", self.query(in_use="yes", **parameters))

    def endpoints(self) -> QuerySet[Endpoint]:
        return filters.endpoints(self.query(), self.user, self.now).queryset

    def findings(self) -> FindingQuerySet:
        found = Finding.objects.visible_to(self.user)
        return found.of_teams(list(self.teams), unowned=False) if self.mine else found

    def judged(self) -> Judged:
        not_judged = filters.endpoints(self.query(judged="no"), self.user, self.now).count()
        kept = totals.numbers(self.user, totals.ENDPOINTS, mine=self.mine)[totals.ENDPOINTS]
        return Judged(endpoints=kept.get("total", 0), not_judged=not_judged.number)


def _list(name: str, query: str) -> str:
    return f"{reverse(name)}?{query}" if query else reverse(name)


def _numbers(scope: _Scope, in_use: int, judged: Judged) -> list[Number]:
    zero = "ok" if judged.is_enough else ""
    expired, expired_url = scope.certificates(status="expired", in_use="yes")
    expiring, expiring_url = scope.certificates(status="expiring", in_use="yes")
    weak, weak_url = scope.certificates(risk=WEAK, in_use="yes")
    unowned, unowned_url = scope.certificates(team="none", in_use="yes")
    used_url = _list("inventory:certificate_list", scope.query(in_use="yes"))
    not_judged_url = _list("inventory:endpoint_list", scope.query(judged="no"))
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


def _weeks(scope: _Scope) -> list[Week]:
    """The next weeks from Monday on, from the totals that are kept per day of expiry."""
    monday = scope.now.astimezone(UTC).date() - timedelta(days=scope.now.astimezone(UTC).weekday())
    days = totals.numbers(scope.user, totals.EXPIRY_DAY, mine=scope.mine)[totals.EXPIRY_DAY]
    ownerless = {} if scope.mine else _ownerless_days(scope, monday)
    return [_week(scope, monday + timedelta(weeks=number), days, ownerless) for number in range(WEEKS)]


def _ownerless_days(scope: _Scope, monday: date) -> dict[str, int]:
    rows = Total.objects.filter(owner_team=None, dimension=totals.EXPIRY_DAY, value__gte=monday.isoformat())
    seen = totals.numbers(scope.user, totals.UNOWNED)[totals.UNOWNED]
    return dict(rows.values_list("value", "count")) if seen else {}


def _week(scope: _Scope, start: date, days: Mapping[str, int], ownerless: Mapping[str, int]) -> Week:
    of_week = [(start + timedelta(days=n)).isoformat() for n in range(7)]
    nobody = sum(ownerless.get(day, 0) for day in of_week)
    owned = sum(days.get(day, 0) for day in of_week) - nobody
    query = scope.query(
        in_use="yes",
        expires_after=f"{start.isoformat()}T00:00:00Z",
        expires_before=f"{(start + timedelta(weeks=1)).isoformat()}T00:00:00Z",
    )
    return Week(start, {"hand": owned, "nobody": nobody}, _list("inventory:certificate_list", query))


def _attention(scope: _Scope) -> list[Attention]:
    """Open findings by rule: the worst severity first, then the most."""
    rows = (
        scope.findings()
        .open()
        .order_by()
        .values("rule")
        .annotate(count=Count("pk"), worst=Max("severity"), oldest=Min("opened_at"))
    )
    lines = [
        Attention(
            CATALOGUE[row["rule"]],
            row["worst"],
            row["count"],
            row["oldest"],
            _list("policy:finding_list", scope.query(rule=row["rule"])),
        )
        for row in rows
        if row["rule"] in CATALOGUE
    ]
    return sorted(lines, key=lambda line: (-line.severity, -line.count, line.rule.code))


def _expiring_next(scope: _Scope) -> list[Expiring]:
    found = filters.certificates(scope.query(in_use="yes", sort="expires"), scope.user, scope.now)
    rows = found.ordered().select_related("owner_team", "issuer")[:NEXT_SHOWN]
    return [Expiring(row, _status(row, scope.now)) for row in rows]


def _status(certificate: Certificate, now: datetime) -> str:
    status = certificate.status_at(now)
    is_urgent = certificate.urgent_from is not None and now >= certificate.urgent_from
    return "urgent" if status == Status.EXPIRING and is_urgent else status.value


def _issuers(scope: _Scope) -> Bars:
    kept = totals.numbers(scope.user, totals.ISSUER_IN_USE, mine=scope.mine)[totals.ISSUER_IN_USE]
    labels = dict(Issuer.objects.filter(pk__in=[pk for pk in kept if pk]).values_list("pk", "label"))
    return sorted_bars(
        (
            Bar(labels.get(int(pk or 0), _("unknown")), count, scope.certificate_list(issuer=pk))
            for pk, count in kept.items()
        ),
        BARS,
    )


def _keys(scope: _Scope) -> Bars:
    kept = totals.numbers(scope.user, totals.KEY_IN_USE, mine=scope.mine)[totals.KEY_IN_USE]
    return sorted_bars(
        (Bar(key or _("unknown"), count, scope.certificate_list(key=key)) for key, count in kept.items()), BARS
    )


def _since(scope: _Scope) -> Since | None:
    """What happened since the visit before this one; None on the first visit."""
    at = scope.user.previous_visit_at
    if at is None:
        return None
    moment = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    new, new_url = scope.certificates(first_seen_after=moment)
    findings = scope.findings()
    return Since(
        at=at,
        new=new.number,
        new_url=new_url,
        opened=findings.filter(opened_at__gte=moment).order_by().count(),
        opened_url=_list("policy:finding_list", scope.query(opened_after=moment, state="any")),
        closed=findings.filter(closed_at__gte=moment).order_by().count(),
        closed_url=_list("policy:finding_list", scope.query(closed_after=moment, state="closed")),
    )
