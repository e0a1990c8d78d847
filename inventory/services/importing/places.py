"""What rows of a table are about: endpoints by their place, certificates by their serial number or their bytes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from django.db.models import QuerySet

from accounts.models import User
from inventory.addresses import pack
from inventory.models import Certificate, Endpoint, ImportItem
from inventory.names import address_of
from inventory.services.races import hold
from inventory.services.writing import among

Thing: TypeAlias = Endpoint | Certificate
# An address without a port may mean many places; more than these are not one row's business.
PLACES_AT_MOST = 200


class Found(NamedTuple):
    """One thing that a row is about. ``by_way``: a certificate that an endpoint of the row serves."""

    thing: Thing
    by_way: bool = False


def things_of(
    items: Sequence[ImportItem], actor: User, *, only: Collection[int] | None = None, locked: bool = False
) -> dict[int, list[Found]]:
    """Position of an item → what it is about, as far as the actor sees it, in a fixed number of queries.

    ``only``: no other endpoints than these. ``locked``: nobody else changes them until the transaction ends.
    """
    endpoints = _rows(_endpoints(items, actor, only), locked=locked)
    certificates = _rows(_certificates(items, actor, endpoints.values()), locked=locked)
    at = defaultdict[str, list[Endpoint]](list)
    for endpoint in endpoints.values():
        for host in {endpoint.server_name, endpoint.host}:
            at[host].append(endpoint)
    names = _Names.of(certificates)
    return {item.position: _found(item, at, certificates, names) for item in items}


class _Names(NamedTuple):
    by_digest: Mapping[str, Certificate]
    by_serial: Mapping[str, list[Certificate]]

    @classmethod
    def of(cls, rows: Mapping[int, Certificate]) -> _Names:
        by_serial = defaultdict[str, list[Certificate]](list)
        for row in rows.values():
            by_serial[row.serial_number].append(row)
        return cls({row.sha256: row for row in rows.values()}, by_serial)


def serial_of(item: ImportItem) -> str:
    """A certificate of its own says more than a serial number beside it."""
    return "" if item.sha256 else str(item.data.get("serial", ""))


def _endpoints(items: Sequence[ImportItem], actor: User, only: Collection[int] | None) -> QuerySet[Endpoint]:
    hosts = {item.host for item in items if item.host}
    addresses = {pack(host) for host in hosts if address_of(host)}
    visible = Endpoint.objects.visible_to(actor).alive()
    visible = visible if only is None else visible.filter(among("pk", only))
    named = visible.filter(among("server_name", {host for host in hosts if not address_of(host)}))
    return named | visible.filter(address__in=addresses) if addresses else named


def _certificates(items: Sequence[ImportItem], actor: User, endpoints: Collection[Endpoint]) -> QuerySet[Certificate]:
    visible = Certificate.objects.visible_to(actor)
    served = {endpoint.certificate_id for endpoint in endpoints if endpoint.certificate_id}
    rows = visible.leaves().filter(among("pk", served))
    if digests := {item.sha256 for item in items if item.sha256}:
        rows |= visible.filter(sha256__in=digests)
    if serials := {serial for item in items if (serial := serial_of(item))}:
        rows |= visible.filter(serial_number__in=serials)
    return rows


def _rows(rows: QuerySet[Any], *, locked: bool) -> dict[int, Any]:
    pks = list(rows.order_by("pk").values_list("pk", flat=True))
    if locked:
        hold(rows.model.objects.filter(among("pk", pks)))
    found = rows.model.objects.filter(among("pk", pks)).select_related("owner_team", "owner_person")
    return {row.pk: row for row in found.order_by("pk").prefetch_related("tags")}


def _found(
    item: ImportItem, at: Mapping[str, Sequence[Endpoint]], certificates: Mapping[int, Certificate], names: _Names
) -> list[Found]:
    own = [names.by_digest[item.sha256]] if item.sha256 in names.by_digest else []
    own += names.by_serial.get(serial_of(item), []) if serial_of(item) else []
    # A row without a host is not about the places that are asked without a name.
    there = at.get(item.host, ()) if item.host else ()
    places = [row for row in there if item.port in {None, row.port}][:PLACES_AT_MOST]
    served = dict.fromkeys(leaf for row in places if (leaf := certificates.get(row.certificate_id or 0)))
    by_way = [Found(row, by_way=True) for row in served if row not in own]
    return [*(Found(row) for row in own), *(Found(row) for row in places), *by_way]
