"""Where we may look: zones, networks and the policy that follows from them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.models import Role, Team, User
from accounts.services import audit, require_role
from certdash.lib.egress import Policy
from discovery.addresses import AddressError, Problem, Target, Targets, is_special, parse_network, wholly_special
from discovery.addresses.values import merge, subtract
from discovery.models import Coverage, Network, Zone
from discovery.services.owners import require_owner
from inventory.addresses import unpack

DEFAULT_ZONE = "default"
PROBE = Network.Purpose.PROBE
# For these, the public internet is allowed without a row; private addresses never are.
PUBLIC = frozenset({Network.Purpose.ACME, Network.Purpose.FETCH, Network.Purpose.NOTIFY})


def default_zone() -> Zone:
    return Zone.objects.get_or_create(name=DEFAULT_ZONE)[0]


def egress_policy(purpose: str, zone: str = DEFAULT_ZONE) -> Policy:
    """What may be connected to from this zone for this purpose, as a frozen value to pass down."""
    rows = Network.objects.filter(purpose=purpose, zone__name=zone)
    spans = [(bytes(row.first), bytes(row.last), row.is_excluded, row.allows_special) for row in rows]
    return Policy(
        purpose=purpose,
        allowed=tuple((first, last) for first, last, excluded, _special in spans if not excluded),
        excluded=tuple((first, last) for first, last, excluded, _special in spans if excluded),
        special=tuple((first, last) for first, last, excluded, special in spans if special and not excluded),
        public=purpose in PUBLIC,
    )


def refusals(targets: Targets, policy: Policy) -> list[Problem]:
    """Say for each address or range what is not allowed there. Names are decided where the socket is opened."""
    allowed = merge((_number(first), _number(last)) for first, last in (*policy.allowed, *policy.special))
    found = []
    for line, target in targets.numbered:
        if target.name:
            continue
        left = subtract((target.span,), allowed)
        if left:
            found.append(_not_allowed(line, target, left[0]))
        elif target.size == 1 and not policy.check(target.first):
            found.append(_refused(line, target, policy))
    return found


def _number(packed: bytes) -> int:
    return int.from_bytes(packed)


def _not_allowed(line: int, target: Target, left: tuple[int, int]) -> Problem:
    first = unpack(left[0].to_bytes(16))
    where = "is in no network" if target.size == 1 else f"is not wholly in the networks (not, for one, {first})"
    instead = "let an administrator add the network, or leave it out"
    return Problem(line, str(target), f"{where} that may be probed", instead, is_forbidden=True)


def _refused(line: int, target: Target, policy: Policy) -> Problem:
    kind = is_special(target.first)
    if kind and not any(first <= target.first <= last for first, last in policy.excluded):
        instead = "add a network that names it on purpose, or leave it out"
        return Problem(line, str(target), f"is a {kind} address", instead, is_forbidden=True)
    return Problem(line, str(target), "is excluded: never connect", "leave it out, or remove the exclusion")


@transaction.atomic
def save_network(
    text: str,
    *,
    actor: User | None,
    now: datetime,
    network: Network | None = None,
    origin: str = "",
    **columns: Any,
) -> Network:
    """Add or change one permission or exclusion. Loopback and the like must be named: ``allows_special``.

    Raises AddressError if the text is no network, OwnerMissingError if it may be probed and has no owner. The same
    network again changes the row that is there. ``actor`` None is somebody at the command line, who could write to the
    database anyway; ``origin`` says so in the audit.
    """
    if actor is not None:
        require_role(actor, Role.ADMINISTRATOR)
    target = parse_network(text)
    if columns.get("allows_special") and not _is_special(target):
        raise AddressError("is not wholly loopback, link-local or metadata", "name just the special part on purpose")
    key = {
        "zone": columns.pop("zone", None) or default_zone(),
        "purpose": columns.pop("purpose", PROBE),
        "cidr": cidr_of(target),
        "is_excluded": columns.pop("is_excluded", False),
    }
    row = network or Network.objects.filter(**key).first() or Network()
    before, after = _write(row, {**key, **columns, "first": target.first, "last": target.last})
    if before != after:
        audit(actor, "network.changed" if before else "network.added", row, before, _from(origin, after), now=now)
    return row


def _write(row: Network, columns: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what the row said before ({} of a new one) and what it says now."""
    # As it stands: the instance may carry what a form was told.
    stood = Network.objects.select_related("zone", "owner_team").filter(pk=row.pk).first()
    before = _described(stood) if stood else {}
    for name, value in columns.items():
        setattr(row, name, value)
    require_owner(row)
    after = _described(row)
    is_other = stood is not None and before != after
    if stood and is_other:
        _forget(stood)
    row.save()
    if is_other:
        _forget(row)
    return before, after


def cidr_of(target: Target) -> str:
    first, last = (ipaddress.ip_address(unpack(packed)) for packed in (target.first, target.last))
    if first == last:
        return str(first)
    networks = list(ipaddress.summarize_address_range(first, last))
    return str(networks[0]) if len(networks) == 1 else f"{first}-{last}"


def _described(row: Network) -> dict[str, Any]:
    names = ("name", "cidr", "purpose", "is_excluded", "allows_special")
    owner = row.owner_team.name if row.owner_team else ""
    return {name: getattr(row, name) for name in names} | {"zone": row.zone.name, "owner": owner}


def _forget(changed: Network) -> None:
    """What was proved of these addresses was proved of other bounds."""
    if changed.purpose == PROBE:
        probed = Network.objects.filter(zone=changed.zone_id, purpose=PROBE)
        around = probed.filter(first__lte=changed.last, last__gte=changed.first)
        Coverage.objects.filter(network__in=around).delete()


def _from(origin: str, after: dict[str, Any]) -> dict[str, Any]:
    return after | ({"origin": origin} if origin else {})


@transaction.atomic
def delete_network(network: Network, *, actor: User | None, now: datetime) -> None:
    """``actor`` None is somebody at the command line."""
    if actor is not None:
        require_role(actor, Role.ADMINISTRATOR)
    before = _described(network)
    pk = network.pk
    _forget(network)
    network.delete()
    network.pk = pk
    audit(actor, "network.deleted", network, before, now=now)


@transaction.atomic
def allow(targets: Iterable[Target], *, origin: str, now: datetime, owner: Team) -> list[Network]:
    """Permit what somebody names at the command line, special addresses included, for probing.

    ``owner`` is whose it is where nobody owns it yet.
    """
    wanted = [target for target in targets if not target.name]
    return [
        save_network(
            cidr_of(target),
            actor=None,
            now=now,
            origin=origin,
            name=origin,
            allows_special=_is_special(target),
            owner_team=_owner(cidr_of(target)) or owner,
        )
        for target in wanted
    ]


def _owner(cidr: str) -> Team | None:
    """Whose a network is that may be probed already."""
    rows = Network.objects.filter(zone__name=DEFAULT_ZONE, purpose=PROBE, cidr=cidr, is_excluded=False)
    row = rows.select_related("owner_team").first()
    return row.owner_team if row else None


def _is_special(target: Target) -> bool:
    return bool(wholly_special(target.first, target.last))
