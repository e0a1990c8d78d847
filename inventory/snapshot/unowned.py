"""The queue of what nobody answers for: pages by key, worst and soonest first, with teams that are suggested."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.core.signing import BadSignature, Signer
from django.db.models import Count, Q, QuerySet

from accounts.models import Team, User
from inventory.filters.paging import CursorError
from inventory.models import Certificate, Endpoint, Origin, OwnerQuestion, Severity, Total
from inventory.snapshot.rows import CertificateRow, EndpointRow, certificate_rows, endpoint_rows, with_listed
from inventory.snapshot.suggested import Suggested, suggested_for_certificates, suggested_for_endpoints

SHOWN = 25
TEAMS_SHOWN = 50
# Read for one page, and shown of one certificate.
QUESTIONS, QUESTIONS_SHOWN = 500, 2
Show = Literal["none", "inferred", "left"]
What = Literal["certificates", "endpoints"]
_signer = Signer(salt="inventory.snapshot.unowned")


@dataclass(frozen=True, slots=True)
class Place:
    """The last row of a page: its severity, its end ("" if it has none), and its key."""

    severity: int
    end: str
    pk: int

    def write(self, show: Show, what: What) -> str:
        return str(_signer.sign_object([show, what, self.severity, self.end, self.pk]))

    @classmethod
    def read(cls, text: str, show: Show, what: What) -> Place | None:
        if not text:
            return None
        try:
            of_show, of_what, severity, end, pk = _signer.unsign_object(text)
        except (BadSignature, ValueError, TypeError) as error:
            raise CursorError from error
        if (of_show, of_what) != (show, what):
            raise CursorError
        return cls(severity, end, pk)


@dataclass(frozen=True, slots=True)
class Line:
    """One thing in the queue, and the last questions about it."""

    item: Any
    row: CertificateRow | EndpointRow
    suggestions: Sequence[Suggested]
    questions: Sequence[OwnerQuestion] = ()


@dataclass(frozen=True, slots=True)
class Queue:
    lines: Sequence[Line]
    after: str


def queue_of(user: User, show: Show, what: What, after: str, now: datetime) -> Queue:
    """One page. Raises CursorError if ``after`` belongs to no page of this queue."""
    place = Place.read(after, show, what)
    if what == "certificates":
        certificates = _walk(with_listed(_certificates(user, show, now)), place, "not_after")
        lines = _certificate_lines(certificates[:SHOWN], user, now)
        return Queue(lines, _after(certificates, show, what))
    endpoints = _walk(_endpoints(user, show, now).select_related("certificate", "owner_team"), place, "")
    suggested = suggested_for_endpoints(endpoints[:SHOWN], user)
    rows = endpoint_rows(endpoints[:SHOWN], now)
    return Queue(
        [Line(row.endpoint, row, suggested.get(row.endpoint.pk, ())) for row in rows], _after(endpoints, show, what)
    )


def _certificate_lines(certificates: Sequence[Certificate], user: User, now: datetime) -> list[Line]:
    suggested = suggested_for_certificates(certificates, user)
    asked = _questions([row.pk for row in certificates])
    return [
        Line(row.certificate, row, suggested.get(row.certificate.pk, ()), asked.get(row.certificate.pk, ()))
        for row in certificate_rows(certificates, now)
    ]


def _questions(pks: Sequence[int]) -> dict[int, list[OwnerQuestion]]:
    """The latest of each certificate first."""
    asked = OwnerQuestion.objects.filter(certificate__in=pks, withdrawn_at=None).select_related("team")
    found: dict[int, list[OwnerQuestion]] = defaultdict(list)
    for question in asked.order_by("-asked_at")[:QUESTIONS]:
        found[question.certificate_id] += [question] if len(found[question.certificate_id]) < QUESTIONS_SHOWN else []
    return found


def _certificates(user: User, show: Show, now: datetime) -> QuerySet[Certificate]:
    return _in_queue(Certificate.objects.visible_to(user).leaves(), show, now)


def _endpoints(user: User, show: Show, now: datetime) -> QuerySet[Endpoint]:
    return _in_queue(Endpoint.objects.visible_to(user), show, now)


def _in_queue(rows: QuerySet[Any], show: Show, now: datetime) -> QuerySet[Any]:
    """What a person left to nobody, for a reason, waits for nobody's word."""
    rows = rows.filter(retired_at=None)
    if show == "none":
        return rows.filter(owner_origin="", owner_team=None)
    if show == "inferred":
        return rows.filter(owner_origin=Origin.INFERRED, owner_team__isnull=False)
    gone = User.objects.filter(Q(is_active=False) | Q(ends_at__lte=now)).values("pk")
    return rows.filter(owner_person__in=gone)


def _walk(rows: QuerySet[Any], place: Place | None, end: str) -> list[Any]:
    """Up to one more than a page: severity by severity, the soonest end first, so that each step begins in an index."""
    found: list[Any] = []
    for severity in sorted((value for value in Severity.values if not place or value <= place.severity), reverse=True):
        here = place if place and place.severity == severity else None
        of_severity = rows.filter(worst_severity=severity)
        for part in _parts(of_severity, here, end):
            found += part[: SHOWN + 1 - len(found)]
            if len(found) > SHOWN:
                return found
    return found


def _parts(rows: QuerySet[Any], place: Place | None, end: str) -> list[QuerySet[Any]]:
    """With an end, then without one; each behind the place if that lies in it."""
    beyond = Q(pk__gt=place.pk) if place else Q()
    if not end:
        return [rows.filter(beyond).order_by("pk")]
    dated = rows.filter(**{f"{end}__isnull": False}).order_by(end, "pk")
    undated = rows.filter(**{f"{end}__isnull": True}).order_by("pk")
    if place is None:
        return [dated, undated]
    if not place.end:
        return [undated.filter(beyond)]
    at = datetime.fromisoformat(place.end)
    later = Q(**{f"{end}__gte": at}) & (Q(**{f"{end}__gt": at}) | beyond)
    return [dated.filter(later), undated]


def _after(rows: Sequence[Any], show: Show, what: What) -> str:
    if len(rows) <= SHOWN:
        return ""
    last = rows[SHOWN - 1]
    end = last.not_after.isoformat() if isinstance(last, Certificate) and last.not_after else ""
    return Place(last.worst_severity, end, last.pk).write(show, what)


@dataclass(frozen=True, slots=True)
class Empty:
    """A team without members, and how much it owns."""

    team: Team
    certificates: int
    endpoints: int


def teams_without_members(user: User, certificates: str, endpoints: str) -> list[Empty]:
    """Teams that own something and that nobody belongs to. Only who sees everything sees them: nobody is in them.

    The arguments name the dimensions of the kept totals.
    """
    if not user.sees_everything:
        return []
    closed = Count("memberships", filter=Q(memberships__user__is_active=True))
    teams = Team.objects.annotate(living=closed).filter(living=0)
    counted = Total.objects.filter(
        Q(dimension=certificates, value=Certificate.Kind.LEAF) | Q(dimension=endpoints, value="total"),
        owner_team__in=teams.values("pk"),
        count__gt=0,
    )
    owned: Mapping[tuple[int | None, str], int] = {
        (team, dimension): count
        for team, dimension, count in counted.values_list("owner_team_id", "dimension", "count")
    }
    found = [Empty(team, owned.get((team.pk, certificates), 0), owned.get((team.pk, endpoints), 0)) for team in teams]
    return [one for one in found if one.certificates or one.endpoints][:TEAMS_SHOWN]
