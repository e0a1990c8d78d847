"""Inventory as CSV or JSON: the rows of a page, all of them, in its order, as they were at one moment.

They are read in one go from one snapshot, which holds back no writer, into a temporary file that is handed on while it
grows: a reader who takes it slowly holds neither the snapshot nor memory. What fails in the middle ends the connection.

What each column means is written beside it and printed in docs/exports.md. Times are UTC in ISO 8601; what is not
known is empty in CSV and null in JSON. Cells of CSV are inert: no spreadsheet takes a certificate's name for a formula.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from django.db import transaction
from django.db.models import Model

from accounts.models import User
from accounts.services import audit
from certdash.lib.inert import for_csv
from certdash.lib.spool import spooled
from inventory import filters
from inventory.filters import Filtered
from inventory.models import Certificate, Endpoint, Severity
from inventory.names import other_form
from inventory.services import is_in_a_moment, one_moment
from inventory.snapshot.rows import is_judged
from inventory.status import days_left

Row = TypeVar("Row", bound=Model)
# Small enough for the list of ids in one query of either database.
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Column(Generic[Row]):
    name: str
    meaning: str
    read: Callable[[Row, datetime], Any]


@dataclass(frozen=True, slots=True)
class Export(Generic[Row]):
    """One table that can be written: its filter, its columns, and what to load with each row."""

    name: str
    select: Callable[[Any, Any, datetime], Filtered[Row]]
    columns: Sequence[Column[Row]]
    joined: Sequence[str]
    prefetched: Sequence[str]

    def rows(self, result: Filtered[Row], now: datetime) -> Generator[dict[str, Any]]:
        queryset = result.ordered().select_related(*self.joined).prefetch_related(*self.prefetched)
        for row in queryset.iterator(chunk_size=CHUNK):
            yield {column.name: column.read(row, now) for column in self.columns}


# What people say of either. Its lists and pairs are one text in CSV, because their items may hold spaces.
_OWNER: tuple[Column[Any], ...] = (
    Column("owner_team", "short name of the team that owns it", lambda row, _: row.owner_team and row.owner_team.slug),
    Column("owner_person", "who in it, by e-mail", lambda row, _: row.owner_person and row.owner_person.email),
    Column(
        "owner_origin",
        "how the owner is known: manual (also if nobody was chosen, or by a row of a spreadsheet), rule, inferred",
        lambda row, _: row.owner_origin,
    ),
    Column("owner_reason", "why, in words: the rule, the row of a table, who decided", lambda row, _: row.owner_reason),
)
_DETAILS: tuple[Column[Any], ...] = (
    Column("environment", "production, staging, test, development", lambda row, _: row.environment),
    Column("criticality", "critical, high, normal, low", lambda row, _: row.criticality),
    Column("application", "the application it belongs to", lambda row, _: row.application),
    Column("purpose", "server, client, ca, code, mail", lambda row, _: row.purpose),
    Column("exposure", "public, internal", lambda row, _: row.exposure),
    Column("regulations", "rules that it is under, with commas between", lambda row, _: ", ".join(row.regulations)),
    Column("data_lifetime_years", "how long its data must stay secret", lambda row, _: row.data_lifetime_years),
    Column("custom_fields", "fields of one's own; in CSV as JSON", lambda row, _: row.custom_fields),
    Column("notes", "what people noted", lambda row, _: row.notes),
    Column("tags", "words that people attached", lambda row, _: sorted(tag.name for tag in row.tags.all())),
)

CERTIFICATES: Export[Certificate] = Export(
    "certificates",
    filters.certificates,
    (
        Column("sha256", "SHA-256 of the certificate, which identifies it", lambda c, _: c.sha256),
        Column("name", "its first subject alternative name", lambda c, _: c.name),
        Column("name_unicode", "`name` in its own script, where it holds `xn--`", lambda c, _: other_form(c.name)),
        Column("status", "the one status at the moment of the export", lambda c, now: c.status_at(now).value),
        Column("names", "all subject alternative names", lambda c, _: [name.value for name in c.names.all()]),
        Column(
            "names_unicode",
            "those of `names` that hold `xn--`, each in its own script",
            lambda c, _: [shown for name in c.names.all() if (shown := other_form(name.value))],
        ),
        Column("issuer", "what its issuer is called", lambda c, _: c.issuer and c.issuer.label),
        Column("serial_number", "hexadecimal; unique per issuer only", lambda c, _: c.serial_number),
        Column("not_before", "first moment of its validity period", lambda c, _: c.not_before),
        Column("not_after", "last moment of its validity period", lambda c, _: c.not_after),
        Column(
            "days_left",
            "whole days until not_after, negative after it, rounded towards 0 (40 and a half days after it: -40)",
            lambda c, now: days_left(c.not_after, now),
        ),
        Column("kind", "leaf or ca", lambda c, _: c.kind),
        Column("key", "algorithm and size of the key", lambda c, _: c.key_label),
        Column("signature", "algorithm of the signature", lambda c, _: c.signature_algorithm),
        *_OWNER,
        *_DETAILS,
        Column("nodes_serving", "nodes that serve it, as far as the last look says", lambda c, _: c.nodes_serving),
        Column("nodes_last_known", "of these, nodes that gave no answer since", lambda c, _: c.nodes_last_known),
        Column("nodes_total", "nodes of the same services, whatever they serve", lambda c, _: c.nodes_total),
        Column("risks", "codes of its open risks", lambda c, _: sorted(risk.code for risk in c.risks.all())),
        Column("worst_severity", "of its open findings", lambda c, _: Severity(c.worst_severity).name.lower()),
        Column("judged_at", "when the rules were last asked of it; empty if never", lambda c, _: c.judged_at),
        Column("first_seen_at", "when it was first seen", lambda c, _: c.first_seen_at),
        Column("last_seen_at", "when it was last seen", lambda c, _: c.last_seen_at),
        Column("spki_sha256", "SHA-256 of its public key", lambda c, _: c.spki_sha256),
        Column("conforming", "whether a strict reader takes it", lambda c, _: c.conforming),
    ),
    joined=("issuer", "owner_team", "owner_person"),
    prefetched=("names", "risks", "tags"),
)

ENDPOINTS: Export[Endpoint] = Export(
    "endpoints",
    filters.endpoints,
    (
        Column("zone", "the part of the network it was asked from", lambda e, _: e.zone),
        Column("address", "IP address", lambda e, _: e.host),
        Column("port", "TCP port", lambda e, _: e.port),
        Column("server_name", "the name it was asked for", lambda e, _: e.server_name),
        Column(
            "server_name_unicode",
            "`server_name` in its own script, where it holds `xn--`",
            lambda e, _: other_form(e.server_name),
        ),
        Column("protocol", "tls, or what was spoken before STARTTLS", lambda e, _: e.protocol),
        Column("service", "what its nodes have in common", lambda e, _: e.service),
        Column("outcome", "of the last attempt; never if there was none", lambda e, _: e.outcome or "never"),
        Column("reason", "code of why the last attempt failed", lambda e, _: e.reason),
        Column(
            "judged", "whether its last look brought a certificate and is younger than twice its schedule", is_judged
        ),
        Column("tls_version", "agreed in the last handshake", lambda e, _: e.tls_version),
        Column("cipher", "agreed in the last handshake", lambda e, _: e.cipher),
        Column("certificate_sha256", "what it served last", lambda e, _: e.certificate and e.certificate.sha256),
        Column("certificate_name", "first name of that certificate", lambda e, _: e.certificate and e.certificate.name),
        Column(
            "certificate_name_unicode",
            "that name in its own script, where it holds `xn--`",
            lambda e, _: e.certificate and other_form(e.certificate.name),
        ),
        Column("not_after", "end of that certificate", lambda e, _: e.certificate and e.certificate.not_after),
        *_OWNER,
        *_DETAILS,
        Column("worst_severity", "of its open findings", lambda e, _: Severity(e.worst_severity).name.lower()),
        Column("judged_at", "when the rules were last asked of it; empty if never", lambda e, _: e.judged_at),
        Column("first_seen_at", "when it first answered or was first asked", lambda e, _: e.first_seen_at),
        Column("last_seen_at", "when it last answered", lambda e, _: e.last_seen_at),
        Column("last_tried_at", "when it was last asked", lambda e, _: e.last_tried_at),
        Column("retired_at", "when it was retired", lambda e, _: e.retired_at),
        Column("retired_reason", "why it was retired", lambda e, _: e.retired_reason),
    ),
    joined=("certificate", "owner_team", "owner_person"),
    prefetched=("tags",),
)

EXPORTS: Mapping[str, Export[Any]] = {export.name: export for export in (CERTIFICATES, ENDPOINTS)}
FORMATS = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


def note_export(actor: User | None, export: Export[Any], form: str, result: Filtered[Any], now: datetime) -> None:
    """Keep in the audit log that somebody took this out of the product."""
    with transaction.atomic():
        audit(actor, "inventory.exported", export.name, after={"format": form, "filter": result.query}, now=now)


def write(export: Export[Any], form: str, result: Filtered[Any], now: datetime) -> Generator[str]:
    """The export piece by piece, so that its size costs no memory; nothing is read before the first piece.

    Inside of a transaction it is of that moment, which this thread alone sees: then all is read before the first piece.
    """
    return spooled(_pieces(export, form, result, now), meanwhile=not is_in_a_moment())


def _pieces(export: Export[Any], form: str, result: Filtered[Any], now: datetime) -> Generator[str]:
    # A cursor of the server is closed before its moment ends.
    with one_moment(), closing(export.rows(result, now)) as rows:
        yield from _as_csv(export, rows) if form == "csv" else _as_json(export, result, rows, now)


def file_name(export: Export[Any], form: str, now: datetime) -> str:
    return f"{export.name}-{now.astimezone(UTC):%Y%m%dT%H%MZ}.{form}"


class _Line:
    """A file that gives back what is written to it, which makes the csv module a formatter."""

    def write(self, text: str) -> str:
        return text


def _as_csv(export: Export[Any], rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    line = csv.writer(_Line(), quoting=csv.QUOTE_ALL)
    yield str(line.writerow([column.name for column in export.columns]))
    for row in rows:
        yield str(line.writerow([for_csv(_cell(value)) for value in row.values()]))


def _as_text(value: list[str] | dict[str, str]) -> str:
    if isinstance(value, list):
        return " ".join(value)
    return json.dumps(value, sort_keys=True, ensure_ascii=False) if value else ""


def _cell(value: Any) -> str | int | None:
    """A value as one cell; numbers stay numbers, so that a negative one is not taken for a formula."""
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            return _iso(value)
        case list() | dict():
            return _as_text(value)
        case int() | None:
            return value
        case _:
            return str(value)


def _as_json(
    export: Export[Any], result: Filtered[Any], rows: Iterator[dict[str, Any]], now: datetime
) -> Iterator[str]:
    head = json.dumps({"as_of": _iso(now), "filter": result.query})
    yield f'{head[:-1]}, "{export.name}": ['
    for number, row in enumerate(rows):
        plain = {name: _iso(value) if isinstance(value, datetime) else value for name, value in row.items()}
        yield f"{',' if number else ''}\n{json.dumps(plain)}"
    yield "\n]}\n"


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
