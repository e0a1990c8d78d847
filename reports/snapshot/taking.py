"""Reading a snapshot, in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from django.db.models import Max
from django.utils.translation import gettext as _

from accounts.models import User
from discovery.models import Scan
from inventory import filters
from inventory.models import Certificate, Issuer, Total
from inventory.models.totals import ISSUER_IN_USE
from inventory.services import totals
from inventory.snapshot.rows import certificate_row
from policy.rules import CATALOGUE
from reports.charts import Bar, Bars, Week, sorted_bars
from reports.snapshot.attention import broken_rules
from reports.snapshot.numbers import strip
from reports.snapshot.scope import Scope, list_url
from reports.snapshot.values import Attention, Expiring, Since, Snapshot

WEEKS = 26
NEXT_SHOWN = 8
BARS = 7
SCANS_SHOWN = 5


def take(user: User, now: datetime, *, mine: bool = False) -> Snapshot:
    """Read everything that the overview shows, in a fixed number of queries.

    ``mine`` narrows to the person's teams; who is in none has nothing to narrow to and sees everyone's.
    """
    own = dict(user.teams.order_by("slug").values_list("slug", "pk"))
    teams = tuple(own)
    mine = mine and bool(teams)
    scope = Scope(user, now, mine, teams if mine else (), tuple(own.values()))
    in_use = sum(totals.numbers(user, totals.IN_USE, mine=mine)[totals.IN_USE].values())
    judged = scope.judged(in_use)
    return Snapshot(
        taken_at=now,
        looked_at=scope.endpoints().aggregate(at=Max("last_seen_at"))["at"],
        mine=mine,
        has_teams=bool(teams),
        numbers=strip(scope, in_use, judged),
        judged=judged,
        in_use=in_use,
        in_use_url=scope.certificate_list(),
        weeks=_weeks(scope),
        attention=_attention(scope),
        findings_url=list_url("policy:finding_list", scope.query()),
        expiring_next=_expiring_next(scope),
        issuers=_issuers(scope),
        keys=_keys(scope),
        scans=list(Scan.objects.visible_to(user).select_related("source", "requested_by")[:SCANS_SHOWN]),
        sees_every_scan=user.sees_everything,
        since=_since(scope),
    )


def _weeks(scope: Scope) -> list[Week]:
    """The next weeks from Monday on, from the totals that are kept per day of expiry."""
    monday = scope.now.astimezone(UTC).date() - timedelta(days=scope.now.astimezone(UTC).weekday())
    days = totals.numbers(scope.user, totals.EXPIRY_DAY, mine=scope.mine)[totals.EXPIRY_DAY]
    ownerless = {} if scope.mine else _ownerless_days(scope, monday)
    return [_week(scope, monday + timedelta(weeks=number), days, ownerless) for number in range(WEEKS)]


def _ownerless_days(scope: Scope, monday: date) -> dict[str, int]:
    rows = Total.objects.filter(owner_team=None, dimension=totals.EXPIRY_DAY, value__gte=monday.isoformat())
    seen = totals.numbers(scope.user, totals.UNOWNED)[totals.UNOWNED]
    return dict(rows.values_list("value", "count")) if seen else {}


def _week(scope: Scope, start: date, days: Mapping[str, int], ownerless: Mapping[str, int]) -> Week:
    of_week = [(start + timedelta(days=n)).isoformat() for n in range(7)]
    nobody = sum(ownerless.get(day, 0) for day in of_week)
    owned = sum(days.get(day, 0) for day in of_week) - nobody
    query = scope.query(
        in_use="yes",
        expires_after=f"{start.isoformat()}T00:00:00Z",
        expires_before=f"{(start + timedelta(weeks=1)).isoformat()}T00:00:00Z",
    )
    return Week(start, {"hand": owned, "nobody": nobody}, list_url("inventory:certificate_list", query))


def _attention(scope: Scope) -> list[Attention]:
    """Open findings by rule: the worst severity first, then the most."""
    lines = [
        Attention(
            CATALOGUE[broken.rule],
            broken.worst,
            broken.number,
            broken.oldest,
            list_url("policy:finding_list", scope.query(rule=broken.rule)),
        )
        for broken in broken_rules(scope)
        if broken.rule in CATALOGUE
    ]
    return sorted(lines, key=lambda line: (-line.severity, -line.count.number, line.rule.code))


def _expiring_next(scope: Scope) -> list[Expiring]:
    found = filters.certificates(scope.query(in_use="yes", sort="expires"), scope.user, scope.now)
    rows = found.ordered().select_related("owner_team", "issuer")[:NEXT_SHOWN]
    return [_expiring(row, scope.now) for row in rows]


def _expiring(certificate: Certificate, now: datetime) -> Expiring:
    row = certificate_row(certificate, now, with_risks=False)
    return Expiring(certificate, "urgent" if row.is_urgent else row.status.value, row.is_troubled)


def _issuers(scope: Scope) -> Bars:
    kept = totals.most(scope.user, ISSUER_IN_USE, BARS + 1, mine=scope.mine)
    labels = dict(Issuer.objects.filter(pk__in=[pk for pk in kept.counts if pk]).values_list("pk", "label"))
    bars = (
        Bar(labels.get(int(pk or 0), _("unknown")), count, scope.certificate_list(issuer=pk))
        for pk, count in kept.counts.items()
    )
    return sorted_bars(bars, BARS, kept.others, kept.others_count)


def _keys(scope: Scope) -> Bars:
    kept = totals.most(scope.user, totals.KEY_IN_USE, BARS + 1, mine=scope.mine)
    bars = (Bar(key or _("unknown"), count, scope.certificate_list(key=key)) for key, count in kept.counts.items())
    return sorted_bars(bars, BARS, kept.others, kept.others_count)


def _since(scope: Scope) -> Since | None:
    """What happened since the visit before this one; None on the first visit."""
    at = scope.user.previous_visit_at
    if at is None:
        return None
    moment = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    new, new_url = scope.certificates(first_seen_after=moment)
    findings = scope.findings()
    return Since(
        at=at,
        new=new,
        new_url=new_url,
        opened=filters.count_up_to(findings.filter(opened_at__gte=moment)),
        opened_url=list_url("policy:finding_list", scope.query(opened_after=moment, state="any")),
        closed=filters.count_up_to(findings.filter(closed_at__gte=moment)),
        closed_url=list_url("policy:finding_list", scope.query(closed_after=moment, state="closed")),
    )
