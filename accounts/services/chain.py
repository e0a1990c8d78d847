"""What makes audit events a chain: the text that is digested, and what is never in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from accounts.models import AuditEvent

BEFORE_THE_FIRST = "0" * 64
# Notes of an item, the longest that people write, stay whole.
LONGEST_TEXT = 6000

# Fields whose values never enter an event, alone or as the last words of a longer name ("smtp_password").
SECRETS = (
    "api_key",
    "authorization",
    "cookie",
    "credentials",
    "passphrase",
    "passwd",
    "password",
    "pin",
    "private_key",
    "sealed",
    "secret",
    "secret_key",
    "session_key",
    "token",
)


def digest_of(event: AuditEvent) -> str:
    """Return the SHA-256 over the canonical JSON of the event and of the digest before it, in hexadecimal.

    The link to the actor's account is left out: it is emptied when the account is deleted; the e-mail stays. So the
    link proves nothing, and pages, filters and exports go by the e-mail alone.
    """
    content = {
        "number": event.number,
        "at": event.at.astimezone(UTC).isoformat(),
        "actor": event.actor_email,
        "verb": event.verb,
        "subject_type": event.subject_type,
        "subject_id": event.subject_id,
        "subject": event.subject,
        "before": event.before,
        "after": event.after,
        "request_id": event.request_id,
        "address": event.address,
        "previous": event.previous_digest,
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def recordable(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``values`` without secrets, made of what every database gives back as it was put in."""
    return {plain_text(name): _plain(value) for name, value in values.items() if not is_secret(name)}


def is_secret(name: str) -> bool:
    lowered = name.lower().replace("-", "_").replace(" ", "_")
    return any(lowered == word or lowered.endswith(f"_{word}") for word in SECRETS)


def plain_text(value: object) -> str:
    """Make NUL visible and drop lone surrogates: PostgreSQL stores neither, and the digest must survive storage."""
    return str(value).replace("\x00", "\N{SYMBOL FOR NULL}").encode("utf-8", "replace").decode("utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return recordable({str(name): item for name, item in value.items()})
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted(plain_text(item) for item in value)
    return _scalar(value)


def _scalar(value: Any) -> bool | int | str | None:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    # Numbers with a fraction too: jsonb writes 1e16 differently from how Python does.
    return _shortened(plain_text(value))


def _shortened(text: str) -> str:
    """A text that fills pages is told by its length and its digest: the log is to be read, and kept for years."""
    if len(text) <= LONGEST_TEXT:
        return text
    return f"{len(text)} characters, SHA-256 {hashlib.sha256(text.encode()).hexdigest()}"
