"""From an estate that was recorded and judged by the product itself to one many times as large, inside the database.

Each copy of a row is another certificate or node: other digests, other names, another address. Dates, issuers, owners
and findings are those of the row that it was copied from, so that everything kept beside them stays true.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.management.color import no_style
from django.db import connection, models, transaction

from discovery.models import Observation, Posture
from inventory.models import (
    Certificate,
    CertificateDer,
    CertificateName,
    Chain,
    ChainLink,
    DomainCertificate,
    Endpoint,
    Risk,
    ServedChain,
    Sighting,
)
from inventory.services.texts import index_texts
from inventory.services.totals import recount
from policy.models import Finding, Unjudged

# In an order in which no row is written before those that it points to.
COPIED: tuple[type[models.Model], ...] = (
    Certificate, CertificateDer, CertificateName, DomainCertificate, Risk, Chain, ChainLink, Endpoint, ServedChain,
    Sighting, Observation, Posture, Finding, Unjudged,
)  # fmt: skip
MOST = 245  # the copy's number is in the first byte of its addresses, from 10 on


def multiply(times: int) -> None:
    """Make the estate this many times as large; nothing of it can be asked, for nobody listens there."""
    if times > MOST:
        raise SystemExit(f"An estate can be made {MOST} times as large at most.")
    offsets = {model: _largest(model) for model in COPIED}
    for number in range(1, times):
        with transaction.atomic(), connection.cursor() as cursor:
            for model in COPIED:
                cursor.execute(_copy(model, number, offsets))
    with transaction.atomic():
        index_texts(CertificateName, Certificate, Endpoint)
    _reset_sequences()
    recount()


def _largest(model: type[models.Model]) -> int:
    return int(model._default_manager.aggregate(largest=models.Max("pk"))["largest"] or 0)


def _copy(model: type[models.Model], number: int, offsets: Mapping[type[models.Model], int]) -> str:
    """One statement; ``number`` and ``offsets`` are numbers of ours, and every other word is the name of a column."""
    quote = connection.ops.quote_name
    table, fields = quote(model._meta.db_table), model._meta.concrete_fields
    names = ", ".join(map(_column, fields))
    values = ", ".join(_value(field, number, offsets) for field in fields)
    key = _column(model._meta.pk)
    return (
        f"INSERT INTO {table} ({names}) SELECT {values} FROM {table} "  # noqa: S608 - see above
        f"WHERE {key} <= {offsets[model]} AND {_is_copied(model)}"
    )


def _column(field: models.Field[Any, Any]) -> str:
    return connection.ops.quote_name(str(field.get_attname_column()[1]))


def _is_copied(model: type[models.Model]) -> str:
    """Authorities are few in every estate: what is about them is not copied, except that chains end in them."""
    if model is Certificate:
        return "kind <> 'ca'"
    fields = {field.name for field in model._meta.concrete_fields}
    if model is ChainLink or "certificate" not in fields:
        return "1 = 1"
    return f"(certificate_id IS NULL OR NOT {_is_authority('certificate_id')})"


def _is_authority(column: str) -> str:
    table = connection.ops.quote_name(Certificate._meta.db_table)
    return f"{column} IN (SELECT id FROM {table} WHERE kind = 'ca')"  # noqa: S608 - names of ours


def _value(field: models.Field[Any, Any], number: int, offsets: Mapping[type[models.Model], int]) -> str:
    column = _column(field)
    target = field.related_model if isinstance(field, models.ForeignKey) else field.model if field.primary_key else None
    if isinstance(target, type) and target in offsets:
        moved = f"{column} + {offsets[target] * number}"
        return f"CASE WHEN {_is_authority(column)} THEN {column} ELSE {moved} END" if target is Certificate else moved
    if field.name == "address":
        return _address(column, number)
    if field.name == "sha256" or field.name.endswith("_sha256"):
        return f"CASE WHEN {column} = '' THEN '' ELSE '{number:04x}c0de' || substr({column}, 9) END"
    if isinstance(field, models.CharField | models.TextField) and field.name in _NAMED:
        return f"replace({column}, 'host-', 'host-{number}-')"
    return column


_NAMED = {"name", "subject", "value", "server_name", "service"}


def _address(column: str, number: int) -> str:
    """As 16 bytes: 11.x.y.z and so on of 10.x.y.z."""
    if connection.vendor == "postgresql":
        return f"set_byte({column}, 12, {10 + number})"
    return f"CAST(substr({column}, 1, 12) || x'{10 + number:02x}' || substr({column}, 14) AS BLOB)"


def _reset_sequences() -> None:
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(COPIED)):
            cursor.execute(statement)
