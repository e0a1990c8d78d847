"""What rules are asked about, gathered for hundreds of rows at once: one or two queries for each kind of fact."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from django.db.models import F, Window
from django.db.models.functions import RowNumber

from inventory.models import Certificate, CertificateName, Endpoint, ServedChain, Sighting
from inventory.ownership import Facts
from inventory.ownership.rules import ADDRESSES, CUSTOM, ISSUERS, NAMES, SOURCES, TAGS
from inventory.services.owned import ENDPOINTS, Owned
from inventory.services.writing import among

# More names, or more nodes, of one certificate are not asked about: they are strangers' to choose.
NAMES_AT_MOST, NODES_AT_MOST = 1000, 200

Found: TypeAlias = Mapping[int, list[Any]]
NOTHING: Found = {}


def gather(owned: Owned, rows: Collection[Any], asked: Collection[str]) -> dict[int, Facts]:
    """The facts of these rows by primary key; of each row, only the kinds that are asked for."""
    pks = [row.pk for row in rows]
    carried = {row.pk: row.certificate_id if owned is ENDPOINTS else row.pk for row in rows}
    certificates = {pk for pk in carried.values() if pk}
    names = _names(certificates) if NAMES in asked else NOTHING
    issuers = _issuers(certificates) if ISSUERS in asked else NOTHING
    tags = _tags(owned, pks) if TAGS in asked else NOTHING
    sources = _sources(owned, pks) if SOURCES in asked else NOTHING
    addresses = _addresses(owned, rows) if ADDRESSES in asked else NOTHING
    return {
        row.pk: Facts(
            names=(*_asked_for(owned, row), *names.get(carried[row.pk], ())),
            addresses=addresses.get(row.pk, ()),
            issuers=issuers.get(carried[row.pk], ()),
            tags=tags.get(row.pk, ()),
            sources=sources.get(row.pk, ()),
            custom=row.custom_fields if CUSTOM in asked else {},
        )
        for row in rows
    }


def gather_new(rows: Sequence[Endpoint], sources: Sequence[str], asked: Collection[str]) -> list[Facts]:
    """The facts of endpoints that are not stored yet, in their order; ``sources`` says of each which one sees it."""
    certificates = {row.certificate_id for row in rows if row.certificate_id}
    names = _names(certificates) if NAMES in asked else NOTHING
    issuers = _issuers(certificates) if ISSUERS in asked else NOTHING
    return [
        Facts(
            names=(*_asked_for(ENDPOINTS, row), *names.get(row.certificate_id or 0, ())),
            addresses=[(row.zone, bytes(row.address))],
            issuers=issuers.get(row.certificate_id or 0, ()),
            sources=(source,) if source else (),
        )
        for row, source in zip(rows, sources, strict=True)
    ]


def _asked_for(owned: Owned, row: Any) -> tuple[str, ...]:
    return (row.server_name,) if owned is ENDPOINTS and row.server_name else ()


def _names(certificates: Collection[int]) -> Found:
    rows = CertificateName.objects.filter(among("certificate_id", certificates), position__lt=NAMES_AT_MOST)
    return _grouped(rows.order_by().values_list("certificate_id", "value"))


def _issuers(certificates: Collection[int]) -> Found:
    """The label and the whole name of the issuer."""
    rows = Certificate.objects.filter(among("pk", certificates), issuer__isnull=False).order_by()
    return {pk: [label, name] for pk, label, name in rows.values_list("pk", "issuer__label", "issuer__name")}


def _tags(owned: Owned, pks: Collection[int]) -> Found:
    through: Any = owned.model.tags.through
    column = f"{owned.noun}_id"
    return _grouped(through.objects.filter(among(column, pks)).values_list(column, "tag__name"))


def _sources(owned: Owned, pks: Collection[int]) -> Found:
    """Their names, the first one to see it first."""
    column = f"{owned.noun}_id"
    rows = Sighting.objects.filter(among(column, pks)).order_by("first_at", "pk")
    return _grouped(rows.values_list(column, "source_name"))


def _addresses(owned: Owned, rows: Collection[Any]) -> Found:
    """An endpoint's own; of a certificate, those of the nodes that serve it as far as is known."""
    if owned is ENDPOINTS:
        return {row.pk: [(row.zone, bytes(row.address))] for row in rows}
    served = ServedChain.objects.filter(among("certificate_id", [row.pk for row in rows])).annotate(
        turn=Window(RowNumber(), partition_by=F("certificate_id"), order_by="endpoint_id")
    )
    pairs = list(served.filter(turn__lte=NODES_AT_MOST).values_list("certificate_id", "endpoint_id"))
    nodes = Endpoint.objects.filter(among("pk", {endpoint for _, endpoint in pairs}), retired_at=None)
    places = {pk: (zone, bytes(address)) for pk, zone, address in nodes.values_list("pk", "zone", "address")}
    return _grouped((certificate, places[endpoint]) for certificate, endpoint in pairs if endpoint in places)


def _grouped(pairs: Iterable[tuple[Any, Any]]) -> Found:
    found: dict[int, list[Any]] = defaultdict(list)
    for key, value in pairs:
        found[key].append(value)
    return found
