"""Who owns what, and what was taken out of service: decisions of people, each with a reason and an audit event."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import Team, User
from accounts.services import audit, require_change
from inventory.models import Certificate, Endpoint, Origin, ServedChain
from inventory.services.details import ChangedMeanwhileError, version_of
from inventory.services.races import hold
from inventory.services.sightings import SeenBy
from inventory.services.standing import restand
from inventory.services.totals import Share, certificate_shares, endpoint_shares, kept

# More rows than this are one event with their count and digest, not a list.
LISTED_AT_MOST = 20
# Certificates that are told of each other because of a common key; that of policy.rules, as a test says.
MOST_SHARERS = 100
Deltas: TypeAlias = Counter[Share]


def owner_of(row: Certificate | Endpoint) -> dict[str, Any]:
    """Whose it is and why. ``version_of`` makes of it what says that somebody saw it."""
    return {
        "team": row.owner_team,
        "person": row.owner_person,
        "origin": row.owner_origin,
        "reason": row.owner_reason,
    }


def assign_owner(
    certificates: Iterable[int],
    team: Team | None,
    person: User | None,
    reason: str,
    *,
    actor: User,
    now: datetime,
    version: str = "",
) -> int:
    """Give certificates (primary keys) to a team and a person, or to nobody; return how many changed.

    Raises PermissionDenied, and changes nothing, if the actor may not change one of them. ``version`` is what the actor
    saw: if it is another's by now, nothing is written and ChangedMeanwhileError tells whose. Without, the last word
    counts.
    """
    owner = _Owner.chosen(team, person, reason)
    return _assign(_CERTIFICATES, certificates, owner, actor=actor, now=now, version=version)


def assign_endpoint_owner(
    endpoints: Iterable[int],
    team: Team | None,
    person: User | None,
    reason: str,
    *,
    actor: User,
    now: datetime,
    version: str = "",
) -> int:
    """As ``assign_owner``, for endpoints."""
    owner = _Owner.chosen(team, person, reason)
    return _assign(_ENDPOINTS, endpoints, owner, actor=actor, now=now, version=version)


@dataclass(frozen=True, slots=True)
class _Owned:
    """One of the two tables whose rows belong to somebody. ``called`` names a row in the audit log."""

    model: type[Certificate] | type[Endpoint]
    noun: str
    called: Callable[[Any], dict[str, str]]
    shares: Callable[[Any], list[Share]]


def _place(row: Endpoint) -> dict[str, str]:
    return {"zone": row.zone, "place": row.place, "server_name": row.server_name, "protocol": row.protocol}


_CERTIFICATES = _Owned(Certificate, "certificate", lambda row: {"sha256": row.sha256}, certificate_shares)
_ENDPOINTS = _Owned(Endpoint, "endpoint", _place, endpoint_shares)


@dataclass(frozen=True, slots=True)
class _Owner:
    team: Team | None
    person: User | None
    reason: str
    origin: str

    @classmethod
    def chosen(cls, team: Team | None, person: User | None, reason: str) -> _Owner:
        return cls(team, person, reason, Origin.MANUAL if team or person else "")

    @property
    def words(self) -> dict[str, str]:
        return _words(self.team, self.person, self.origin)


def _words(team: Team | None, person: User | None, origin: str) -> dict[str, str]:
    return {"team": team.name if team else "", "person": person.email if person else "", "origin": origin}


def _words_of(row: Certificate | Endpoint) -> dict[str, str]:
    return _words(row.owner_team, row.owner_person, row.owner_origin)


@transaction.atomic
def _assign(owned: _Owned, pks: Iterable[int], owner: _Owner, *, actor: User, now: datetime, version: str = "") -> int:
    wanted = set(pks)
    visible: Any = owned.model.objects.visible_to(require_change(actor))
    locked = _lock(owned, visible.filter(pk__in=wanted))
    rows = list(visible.filter(pk__in=locked).order_by("pk").select_related("owner_team", "owner_person"))
    if len(rows) != len(wanted):
        raise PermissionDenied(_("You may not change the owner of all of these."))
    # Who confirms what was only inferred changes it, too: a person says so now.
    # So does who gives another reason, also for leaving it to nobody.
    changed = [row for row in rows if (_words_of(row), row.owner_reason) != (owner.words, owner.reason[:300])]
    if not changed:
        return 0
    _require_seen(changed, version)
    before = [_words_of(row) for row in changed]
    with kept() as deltas:
        deltas.subtract(share for row in changed for share in owned.shares(row))
        _write_owner(owned, changed, owner, now)
        deltas.update(share for row in changed for share in owned.shares(row))
    after = {**owner.words, "reason": owner.reason}
    if len(changed) == 1:
        audit(actor, f"{owned.noun}.owner_changed", changed[0], before[0], after, now=now)
    else:
        audit(actor, f"{owned.noun}s.owner_changed", *_in_bulk(owned, changed, before, after), now=now)
    return len(changed)


def _require_seen(rows: Iterable[Certificate | Endpoint], version: str) -> None:
    for row in rows:
        if version and version != version_of(owner_of(row)):
            raise ChangedMeanwhileError(owner_of(row))


def _lock(owned: _Owned, rows: QuerySet[Any]) -> set[int]:
    """Lock the rows and what is judged anew with them, in the order of their keys: nobody waits in a circle.

    Returns the primary keys of the rows, which may have changed before they were locked.
    """
    pks, called = set(rows.values_list("pk", flat=True)), set[int]()
    if owned.model is Certificate:
        keys = set(rows.exclude(spki_sha256="").values_list("spki_sha256", flat=True))
        called = set(_sharers(keys).values_list("pk", flat=True))
    hold(owned.model.objects.filter(pk__in=pks | called))
    return pks


@dataclass(frozen=True, slots=True)
class Inferred:
    """What was given to a team because nobody owned it."""

    owner: _Owner
    endpoints: Sequence[Endpoint]
    certificates: Sequence[Certificate]


def infer_owner(
    team: Team | None,
    by: SeenBy,
    endpoints: Collection[int],
    certificates: Collection[int],
    now: datetime,
    deltas: Deltas,
) -> Inferred | None:
    """Give to the team of a source what it found and nobody owns; what a person gave to nobody for a reason stays so.

    Runs in the caller's transaction, who calls ``tell_inferred`` after the totals are written.
    """
    if team is None:
        return None
    owner = _Owner(
        team, None, _("Found by the source “%(source)s” of this team.") % {"source": by.name}, Origin.INFERRED
    )
    leaves = Certificate.objects.leaves().filter(pk__in=certificates)
    return Inferred(
        owner,
        _infer(_ENDPOINTS, Endpoint.objects.filter(pk__in=endpoints), owner, now, deltas),
        _infer(_CERTIFICATES, leaves, owner, now, deltas),
    )


def _infer(owned: _Owned, rows: QuerySet[Any], owner: _Owner, now: datetime, deltas: Deltas) -> list[Any]:
    unowned = rows.filter(owner_team=None, owner_person=None, owner_reason="")
    found = list(unowned.filter(pk__in=_lock(owned, unowned)).order_by("pk"))
    if found:
        deltas.subtract(share for row in found for share in owned.shares(row))
        _write_owner(owned, found, owner, now)
        deltas.update(share for row in found for share in owned.shares(row))
    return found


def tell_inferred(inferred: Inferred | None, now: datetime) -> None:
    """One event for the endpoints and one for the certificates of a batch."""
    if inferred is None:
        return
    owner = inferred.owner
    for owned, rows in ((_ENDPOINTS, inferred.endpoints), (_CERTIFICATES, inferred.certificates)):
        if rows:
            before = [_words(None, None, "")] * len(rows)
            after = {**owner.words, "reason": owner.reason}
            audit(None, f"{owned.noun}s.owner_inferred", *_in_bulk(owned, rows, before, after), now=now)


def _write_owner(owned: _Owned, rows: Sequence[Any], owner: _Owner, now: datetime) -> None:
    values: dict[str, Any] = {
        "owner_team": owner.team,
        "owner_person": owner.person,
        "owner_origin": owner.origin,
        "owner_reason": owner.reason[:300],
        "judge_at": now,
    }
    owned.model.objects.filter(pk__in=[row.pk for row in rows]).update(**values)
    if owned.model is Certificate:
        _call_for_key_sharers(rows, now)
    for row in rows:
        row.owner_team, row.owner_person = owner.team, owner.person


def _call_for_key_sharers(rows: Iterable[Certificate], now: datetime) -> None:
    """What is said of a shared key names the others, or calls them another team's: it depends on who owns those."""
    _sharers({row.spki_sha256 for row in rows if row.spki_sha256}).update(judge_at=now)


def _sharers(keys: Collection[str]) -> QuerySet[Certificate]:
    """Of a key that more certificates carry, all are told the same whoever owns them: nobody is called for that."""
    carriers = Certificate.objects.leaves().filter(Q(nodes_serving__gt=0) | Q(served_ever=False), spki_sha256__in=keys)
    counted = carriers.order_by().values("spki_sha256").annotate(number=Count("pk"))
    return carriers.filter(spki_sha256__in=counted.filter(number__lte=MOST_SHARERS).values("spki_sha256"))


def _in_bulk(
    owned: _Owned, rows: Sequence[Any], before: Sequence[dict[str, str]], after: dict[str, str]
) -> tuple[str, dict[str, Any], dict[str, Any]]:
    called = [owned.called(row) for row in rows]
    digest = hashlib.sha256("\n".join(sorted(" ".join(words.values()) for words in called)).encode()).hexdigest()
    listed = [{**words, **was} for words, was in zip(called, before, strict=True)][:LISTED_AT_MOST]
    return f"{len(rows)} {owned.noun}s", {"first": listed}, {**after, "count": len(rows), "digest": digest}


def retire_endpoint(endpoint: Endpoint, reason: str, *, actor: User, now: datetime) -> bool:
    """Take an endpoint out of every denominator, for a reason. False if it was retired already."""
    return _set_retired(endpoint, reason, now, actor=actor, now=now)


def unretire_endpoint(endpoint: Endpoint, reason: str, *, actor: User, now: datetime) -> bool:
    """Count a retired endpoint again. False if it was not retired."""
    return _set_retired(endpoint, reason, None, actor=actor, now=now)


@transaction.atomic
def _set_retired(endpoint: Endpoint, reason: str, retired_at: datetime | None, *, actor: User, now: datetime) -> bool:
    visible = Endpoint.objects.visible_to(require_change(actor))
    row = visible.select_for_update(of=("self",), no_key=True).filter(pk=endpoint.pk).first()
    if row is None:
        raise PermissionDenied(_("You may not change this endpoint."))
    if (row.retired_at is None) == (retired_at is None):
        return False
    with kept() as deltas:
        deltas.subtract(endpoint_shares(row))
        row.retired_at, row.judge_at = retired_at, now
        row.retired_reason = reason[:300] if retired_at else ""
        row.save(update_fields=["retired_at", "retired_reason", "judge_at"])
        deltas.update(endpoint_shares(row))
        served = ServedChain.objects.filter(endpoint=row).values_list("certificate_id", flat=True)
        restand(set(served), {row.service}, now, deltas)
    verb = "endpoint.retired" if retired_at else "endpoint.unretired"
    audit(actor, verb, row, after={"reason": reason, "service": row.service}, now=now)
    return True
