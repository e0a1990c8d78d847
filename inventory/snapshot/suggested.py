"""Which teams are suggested for the things of one page: what speaks for them, read in a fixed number of queries.

Nothing is compared that the person may not see, and no team is named that is not theirs, unless they see everything
(docs/decisions/0015).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from django.apps import apps
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import Membership, Team, User
from certdash.lib.inert import shorten, visible
from inventory.addresses import unpack
from inventory.models import Certificate, CertificateName, Domain, Endpoint, Import, ImportItem, Total
from inventory.names import domain_of, is_public
from inventory.ownership import Clue, Hint, above, suggest, tally
from inventory.snapshot.few import few_between, few_each

MOST_ALIKE = 20
MOST_NEAR = 50
MOST_NODES = 3
# Of certificates, the count of leaves by domain that ``services.totals`` keeps.
DOMAIN = "domain"
REASON_LENGTH = 300
_V4 = bytes(10) + b"\xff\xff"
Hints: TypeAlias = dict[int, list[Hint]]
Owner: TypeAlias = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Suggested:
    """One team for one thing, in words."""

    team: Team
    confidence: str
    reason: str

    @property
    def because(self) -> str:
        """What is kept as the reason if somebody agrees."""
        return shorten(visible(_("Suggested: %(reason)s") % {"reason": self.reason}), REASON_LENGTH)


@dataclass(slots=True)
class _Thing:
    """What of a certificate or an endpoint is compared. ``pk`` is that of the row of the page."""

    pk: int
    name: str
    certificate: int | None = None
    spki: str = ""
    names: str = ""
    nodes: list[int] = field(default_factory=list)
    addresses: list[bytes] = field(default_factory=list)

    @property
    def domain(self) -> str:
        return domain_of("dns", self.name)


def suggested_for_certificates(rows: Sequence[Certificate], user: User) -> dict[int, list[Suggested]]:
    things = [_Thing(row.pk, row.name.lower(), row.pk, row.spki_sha256, row.names_sha256) for row in rows]
    served = few_each(Endpoint, "certificate_id", [row.pk for row in rows], MOST_NODES)
    nodes = Endpoint.objects.visible_to(user).in_bulk([pk for pks in served.values() for pk in pks])
    hints: Hints = defaultdict(list)
    for thing in things:
        mine = [nodes[pk] for pk in served.get(thing.pk, ()) if pk in nodes]
        thing.nodes, thing.addresses = [node.pk for node in mine], [bytes(node.address) for node in mine]
        owned = [(node.owner_team_id, node.place) for node in mine if node.owner_team_id]
        hints[thing.pk] += tally(Clue.PLACE, owned)
    return _suggested(things, hints, user)


def suggested_for_endpoints(rows: Sequence[Endpoint], user: User) -> dict[int, list[Suggested]]:
    """``rows`` come with their certificates."""
    seen = Certificate.objects.visible_to(user).in_bulk([row.certificate_id for row in rows if row.certificate_id])
    things: list[_Thing] = []
    hints: Hints = defaultdict(list)
    for row in rows:
        certificate = seen.get(row.certificate_id) if row.certificate_id else None
        thing = _Thing(row.pk, row.server_name, nodes=[row.pk], addresses=[bytes(row.address)])
        if certificate is not None:
            thing.certificate, thing.spki = certificate.pk, certificate.spki_sha256
            thing.name = thing.name or certificate.name.lower()
            if certificate.owner_team_id:
                hints[row.pk] += tally(Clue.PLACE, [(certificate.owner_team_id, certificate.name)])
        things.append(thing)
    return _suggested(things, hints, user)


def _suggested(things: Sequence[_Thing], hints: Hints, user: User) -> dict[int, list[Suggested]]:
    if not things:
        return {}
    for more in (_alike(things, user), _near(things, user), _under(things, user), _people(things, user)):
        for pk, found in more.items():
            hints[pk] += found
    chosen = {pk: suggest(found) for pk, found in hints.items()}
    teams = Team.objects.in_bulk({one.team for each in chosen.values() for one in each})
    return {
        pk: [Suggested(teams[one.team], one.confidence.value, one.reason) for one in each if one.team in teams]
        for pk, each in chosen.items()
    }


def _alike(things: Iterable[_Thing], user: User) -> Hints:
    """Certificates with the same key, the same names, the same name among others, or a name above it."""
    things = list(things)
    keys = few_each(Certificate, "spki_sha256", [one.spki for one in things if one.spki], MOST_ALIKE)
    names = few_each(Certificate, "names_sha256", [one.names for one in things if one.names], MOST_ALIKE)
    wanted = {one.pk: above(one.name, one.domain) for one in things if one.name and one.domain}
    called = {name for found in wanted.values() for name in found} | {one.name for one in things if one.name}
    by_name = few_each(CertificateName, "value", called, MOST_ALIKE, "certificate_id")
    owned = _owned({pk for found in (keys, names, by_name) for pks in found.values() for pk in pks}, user)
    hints: Hints = defaultdict(list)
    for one in things:
        same = names.get(one.names, ())
        hints[one.pk] += tally(Clue.KEY, _of(owned, keys.get(one.spki, ()), one))
        hints[one.pk] += tally(Clue.NAMES, _of(owned, same, one))
        hints[one.pk] += tally(Clue.NAME, _of(owned, set(by_name.get(one.name, ())) - set(same), one))
        higher = [(name, pk) for name in wanted.get(one.pk, ()) for pk in by_name.get(name, ())]
        hints[one.pk] += tally(Clue.PARENT, [(owned[pk][0], name) for name, pk in higher if pk in owned])
    return hints


def _owned(pks: Iterable[int], user: User) -> dict[int, Owner]:
    """Those of the certificates that the person sees and somebody owns, with what they are called."""
    rows = Certificate.objects.visible_to(user).filter(pk__in=set(pks), owner_team__isnull=False)
    return {pk: (team, name) for pk, team, name in rows.values_list("pk", "owner_team_id", "name") if team}


def _of(owned: Mapping[int, Owner], pks: Iterable[int], one: _Thing) -> list[Owner]:
    return [owned[pk] for pk in pks if pk in owned and pk != one.certificate]


def _near(things: Sequence[_Thing], user: User) -> Hints:
    """Endpoints of the same /24, or /64."""
    ranges = {address: _subnet(address) for one in things for address in one.addresses}
    found = few_between(Endpoint, "address", ranges.values(), MOST_NEAR)
    seen = Endpoint.objects.visible_to(user).filter(
        pk__in={pk for pks in found.values() for pk in pks}, owner_team__isnull=False
    )
    owned = dict(seen.values_list("pk", "owner_team_id"))
    hints: Hints = defaultdict(list)
    for one in things:
        lows = dict.fromkeys(ranges[address][0] for address in one.addresses)
        near = {pk: low for low in lows for pk in found.get(low, ()) if pk in owned and pk not in one.nodes}
        hints[one.pk] += tally(Clue.SUBNET, [(owned[pk], _written(low)) for pk, low in near.items()])
    return hints


def _subnet(address: bytes) -> tuple[bytes, bytes]:
    kept = 15 if address.startswith(_V4) else 8
    return address[:kept] + bytes(16 - kept), address[:kept] + b"\xff" * (16 - kept)


def _written(low: bytes) -> str:
    return f"{unpack(low)}/{24 if low.startswith(_V4) else 64}"


def _under(things: Sequence[_Thing], user: User) -> Hints:
    """Who owns how much under the registrable domain, by the totals that are kept of it."""
    domains = {one.pk: one.domain for one in things if one.name and is_public(one.domain)}
    known = {
        str(pk): name for pk, name in Domain.objects.filter(name__in=set(domains.values())).values_list("pk", "name")
    }
    rows = Total.objects.filter(dimension=DOMAIN, value__in=known, count__gt=0, owner_team__in=_teams(user))
    counts: dict[str, dict[int, int]] = defaultdict(dict)
    for value, team, count in rows.values_list("value", "owner_team_id", "count"):
        if team:
            counts[known[value]][team] = count
    hints: Hints = {}
    for pk, domain in domains.items():
        of = sum(counts[domain].values())
        hints[pk] = [Hint(team, Clue.DOMAIN, domain, count, of) for team, count in sorted(counts[domain].items())]
    return hints


def _people(things: Sequence[_Thing], user: User) -> Hints:
    """Who brought it in, and who asked for the scan that found it: their teams."""
    asked = _who_asked(things, user)
    items = few_each(
        ImportItem, "certificate_id", [one.certificate for one in things if one.certificate], MOST_NODES, "of_id"
    )
    imports = (
        Import.objects.visible_to(user)
        .select_related("requested_by")
        .in_bulk([pk for pks in items.values() for pk in pks])
    )
    people = [*asked.values(), *(one.requested_by for one in imports.values() if one.requested_by)]
    teams: dict[int, list[int]] = defaultdict(list)
    for person, team in Membership.objects.filter(
        user__in={person.pk for person in people}, team__in=_teams(user)
    ).values_list("user_id", "team_id"):
        teams[person].append(team)
    hints: Hints = defaultdict(list)
    for one in things:
        brought = {imports[pk].requested_by for pk in items.get(one.certificate, ()) if pk in imports}
        hints[one.pk] += _of_people(Clue.IMPORTED, brought, teams)
        hints[one.pk] += _of_people(Clue.ASKED, {asked.get(pk) for pk in one.nodes}, teams)
    return hints


def _of_people(clue: Clue, people: Iterable[User | None], teams: Mapping[int, Sequence[int]]) -> list[Hint]:
    """Who is in several teams speaks for each of them a little."""
    return [
        Hint(team, clue, str(person), 1, len(teams[person.pk]))
        for person in people
        if person is not None
        for team in teams.get(person.pk, ())
    ]


def _who_asked(things: Sequence[_Thing], user: User) -> dict[int, User]:
    """Endpoint → the person who asked for a scan that saw it. The models stand in an app further up."""
    nodes = [pk for one in things for pk in one.nodes]
    spans = few_each(apps.get_model("discovery", "Observation"), "endpoint_id", nodes, MOST_NODES, "scan_id")
    model: Any = apps.get_model("discovery", "Scan")._default_manager
    wanted = {pk for pks in spans.values() for pk in pks if pk}
    scans = model.visible_to(user).filter(requested_by__isnull=False).select_related("requested_by").in_bulk(wanted)
    found = {node: next((scans[pk].requested_by for pk in pks if pk in scans), None) for node, pks in spans.items()}
    return {node: person for node, person in found.items() if person is not None}


def _teams(user: User) -> QuerySet[Team]:
    """Those that may be suggested to a person."""
    return Team.objects.all() if user.sees_everything else Team.objects.filter(memberships__user=user)
