"""The audit log as rows of a table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from accounts.models import AuditEvent
from certdash.lib.inert import for_csv

HEADER = [
    "number",
    "at",
    "actor",
    "verb",
    "subject_type",
    "subject_id",
    "subject",
    "before",
    "after",
    "request_id",
    "address",
    "digest",
]


def audit_rows(events: Iterable[AuditEvent]) -> Iterator[list[str]]:
    """Yield the heading, then one row per event; times in UTC, no cell a spreadsheet would compute."""
    yield HEADER
    for event in events:
        row = [
            str(event.number),
            _moment(event.at),
            event.actor_email,
            event.verb,
            event.subject_type,
            event.subject_id,
            event.subject,
            json.dumps(event.before, sort_keys=True, ensure_ascii=False),
            json.dumps(event.after, sort_keys=True, ensure_ascii=False),
            event.request_id,
            event.address,
            event.digest,
        ]
        yield [for_csv(cell) for cell in row]


def _moment(at: datetime | None) -> str:
    """Where the database was damaged there may be none."""
    return at.astimezone(UTC).isoformat() if at else ""
