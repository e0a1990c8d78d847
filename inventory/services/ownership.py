"""Who owns what: decisions of people, each with a reason and an audit event, and what is inferred until they decide."""

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
from inventory.models import Certificate, Endpoint, Origin
from inventory.services.details import ChangedMeanwhileError, version_of
from inventory.services.races import hold
from inventory.services.sightings import SeenBy
from inventory.services.totals import Share, certificate_shares, endpoint_shares, kept
from inventory.services.writing import among

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
        """Also nobody is a choice: nothing is inferred any more."""
        return cls(team, person, reason[:300], Origin.MANUAL)

    @classmethod
    def of(cls, row: Certificate | Endpoint) -> _Owner:
        return cls(row.owner_team, row.owner_person, row.owner_reason, row.owner_origin)

    @property
    def words(self) -> dict[str, str]:
        return {
            "team": self.team.name if self.team else "",
            "person": self.person.email if self.person else "",
            "origin": self.origin,
            "reason": self.reason,
        }


_NOBODY = _Owner(None, None, "", "")


@transaction.atomic
def _assign(owned: _Owned, pks: Iterable[int], owner: _Owner, *, actor: User, now: datetime, version: str = "") -> int:
    wanted = set(pks)
    visible: Any = owned.model.objects.visible_to(require_change(actor))
    locked = _lock(owned, visible.filter(among("pk", wanted)))
    rows = list(visible.filter(among("pk", locked)).order_by("pk").select_related("owner_team", "owner_person"))
    if len(rows) != len(wanted):
        raise PermissionDenied(_("You may not change the owner of all of these."))
    # Who confirms what was only inferred changes it, too: a person says so now.
    # So does who gives another reason, also for leaving it to nobody.
    changed = [row for row in rows if _Owner.of(row) != owner]
    if not changed:
        return 0
    _require_seen(changed, version)
    before = [_Owner.of(row).words for row in changed]
    with kept() as deltas:
        deltas.subtract(share for row in changed for share in owned.shares(row))
        _write_owner(owned, changed, owner, now)
        deltas.update(share for row in changed for share in owned.shares(row))
    after = owner.words
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
    hold(owned.model.objects.filter(among("pk", pks | called)))
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
    """Give to the team of a source what it found and nobody owns; what a person gave to nobody stays so.

    Runs in the caller's transaction, who calls ``tell_inferred`` after the totals are written.
    """
    if team is None:
        return None
    owner = _Owner(
        team, None, _("Found by the source “%(source)s” of this team.") % {"source": by.name}, Origin.INFERRED
    )
    leaves = Certificate.objects.leaves().filter(among("pk", certificates))
    return Inferred(
        owner,
        _infer(_ENDPOINTS, Endpoint.objects.filter(among("pk", endpoints)), owner, now, deltas),
        _infer(_CERTIFICATES, leaves, owner, now, deltas),
    )


def _infer(owned: _Owned, rows: QuerySet[Any], owner: _Owner, now: datetime, deltas: Deltas) -> list[Any]:
    # Each choice has an origin; where an earlier version kept none with "nobody", the reason says that it was one.
    unowned = rows.filter(owner_team=None, owner_person=None, owner_origin="", owner_reason="")
    found = list(unowned.filter(among("pk", _lock(owned, unowned))).order_by("pk"))
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
            before = [_NOBODY.words] * len(rows)
            audit(None, f"{owned.noun}s.owner_inferred", *_in_bulk(owned, rows, before, owner.words), now=now)


def _write_owner(owned: _Owned, rows: Sequence[Any], owner: _Owner, now: datetime) -> None:
    values: dict[str, Any] = {
        "owner_team": owner.team,
        "owner_person": owner.person,
        "owner_origin": owner.origin,
        "owner_reason": owner.reason[:300],
        "judge_at": now,
    }
    owned.model.objects.filter(among("pk", [row.pk for row in rows])).update(**values)
    if owned.model is Certificate:
        _call_for_key_sharers(rows, now)
    for row in rows:
        row.owner_team, row.owner_person = owner.team, owner.person


def _call_for_key_sharers(rows: Iterable[Certificate], now: datetime) -> None:
    """What is said of a shared key names the others, or calls them another team's: it depends on who owns those."""
    _sharers({row.spki_sha256 for row in rows if row.spki_sha256}).update(judge_at=now)


def _sharers(keys: Collection[str]) -> QuerySet[Certificate]:
    """Of a key that more certificates carry, all are told the same whoever owns them: nobody is called for that."""
    in_use = Certificate.objects.leaves().filter(Q(nodes_serving__gt=0) | Q(served_ever=False))
    carriers = in_use.filter(among("spki_sha256", keys))
    counted = carriers.order_by().values("spki_sha256").annotate(number=Count("pk"))
    return carriers.filter(spki_sha256__in=counted.filter(number__lte=MOST_SHARERS).values("spki_sha256"))


def _in_bulk(
    owned: _Owned, rows: Sequence[Any], before: Sequence[dict[str, str]], after: dict[str, str]
) -> tuple[str, dict[str, Any], dict[str, Any]]:
    called = [owned.called(row) for row in rows]
    digest = hashlib.sha256("\n".join(sorted(" ".join(words.values()) for words in called)).encode()).hexdigest()
    listed = [{**words, **was} for words, was in zip(called, before, strict=True)][:LISTED_AT_MOST]
    return f"{len(rows)} {owned.noun}s", {"first": listed}, {**after, "count": len(rows), "digest": digest}
