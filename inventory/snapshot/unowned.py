"""The queue of what nobody answers for: pages by key, worst and soonest first, with teams that are suggested."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from django.core.signing import BadSignature, Signer
from django.db.models import Count, Q, QuerySet

from accounts.models import Team, User
from inventory.filters.base import count_up_to, few_of, in_words
from inventory.filters.paging import CursorError
from inventory.models import Certificate, Endpoint, Origin, OwnerQuestion, Severity, Total
from inventory.models.among import among
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

    @classmethod
    def of(cls, row: Certificate | Endpoint) -> Place:
        end = row.not_after.isoformat() if isinstance(row, Certificate) and row.not_after else ""
        return cls(row.worst_severity, end, row.pk)

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
    """One page, and what leads to the one behind it and the one before it ("" where there is none)."""

    lines: Sequence[Line]
    after: str
    before: str = ""


def queue_of(user: User, show: Show, what: What, after: str, now: datetime, before: str = "") -> Queue:
    """One page. Raises CursorError if ``after``, or ``before``, belongs to no page of this queue."""
    rows: QuerySet[Any]
    if what == "certificates":
        rows, end = with_listed(_certificates(user, show, now)), "not_after"
    else:
        rows, end = _endpoints(user, show, now).select_related("certificate", "owner_team"), ""
    found, links = _turn(rows, end, show, what, after, before)
    if what == "certificates":
        return Queue(_certificate_lines(found, user, now), *links)
    suggested = suggested_for_endpoints(found, user)
    lines = [Line(row.endpoint, row, suggested.get(row.endpoint.pk, ())) for row in endpoint_rows(found, now)]
    return Queue(lines, *links)


def _turn(
    rows: QuerySet[Any], end: str, show: Show, what: What, after: str, before: str
) -> tuple[list[Any], tuple[str, str]]:
    """The rows of a page, and the places behind and before it."""
    if until := Place.read(before, show, what):
        found = _walk(rows, until, end, back=True)
        page = found[:SHOWN][::-1]
        # What is left before it may be less than a page by now: then the queue begins anew.
        if len(page) == SHOWN:
            first = Place.of(page[0]).write(show, what) if len(found) > SHOWN else ""
            return page, (Place.of(page[-1]).write(show, what), first)
    place = None if until else Place.read(after, show, what)
    found = _walk(rows, place, end)
    page = found[:SHOWN]
    behind = Place.of(page[-1]).write(show, what) if len(found) > SHOWN else ""
    return page, (behind, Place.of(page[0]).write(show, what) if place and page else "")


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
    gone = User.objects.filter(Q(is_active=False) | Q(ends_at__lte=now)).values_list("pk", flat=True)
    # Found by person first: in the order of the queue, nearly all that is owned would be read to find few.
    theirs = rows.model._default_manager.filter(owner_person__in=list(gone)).order_by().values_list("pk", flat=True)
    few = few_of(theirs)
    return rows.filter(owner_person__in=gone) if few is None else rows.filter(among("pk", few))


def counts_of(user: User, what: What, now: datetime) -> dict[Show, str]:
    """How much is in each tab, for those who see everything: to them each is one range of an index."""
    if not user.sees_everything:
        return {}
    rows: dict[What, Callable[[User, Show, datetime], QuerySet[Any]]] = {
        "certificates": _certificates,
        "endpoints": _endpoints,
    }
    shows: tuple[Show, ...] = get_args(Show)
    return {show: in_words(count_up_to(rows[what](user, show, now))) for show in shows}


def _walk(rows: QuerySet[Any], place: Place | None, end: str, *, back: bool = False) -> list[Any]:
    """Up to one more than a page: severity by severity, the soonest end first, so that each step begins in an index.

    ``back``: from the place towards the beginning, nearest first.
    """
    found: list[Any] = []
    for severity in sorted(Severity.values, reverse=not back):
        if place and (severity < place.severity if back else severity > place.severity):
            continue
        here = place if place and place.severity == severity else None
        of_severity = rows.filter(worst_severity=severity)
        for part in _parts(of_severity, here, end, back=back):
            found += part[: SHOWN + 1 - len(found)]
            if len(found) > SHOWN:
                return found
    return found


def _parts(rows: QuerySet[Any], place: Place | None, end: str, *, back: bool) -> list[QuerySet[Any]]:
    """With an end, then without one (the other way round if ``back``); each beyond the place if that lies in it."""
    sign, beyond_it = ("-", "lt") if back else ("", "gt")
    beyond = Q(**{f"pk__{beyond_it}": place.pk}) if place else Q()
    if not end:
        return [rows.filter(beyond).order_by(f"{sign}pk")]
    dated = rows.filter(**{f"{end}__isnull": False}).order_by(f"{sign}{end}", f"{sign}pk")
    undated = rows.filter(**{f"{end}__isnull": True}).order_by(f"{sign}pk")
    if place and place.end:
        at = datetime.fromisoformat(place.end)
        dated = dated.filter(Q(**{f"{end}__{beyond_it}e": at}) & (Q(**{f"{end}__{beyond_it}": at}) | beyond))
        return [dated] if back else [dated, undated]
    if place:
        return [undated.filter(beyond), dated] if back else [undated.filter(beyond)]
    return [undated, dated] if back else [dated, undated]


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
