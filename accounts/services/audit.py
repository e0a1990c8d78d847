"""Writing the audit chain: one event per change, in the transaction of the change."""

from __future__ import annotations

import os
import pwd
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError, connection, transaction
from django.db.models import Model

from accounts.models import AuditEvent, AuditHead, User
from accounts.services import heads
from accounts.services.chain import digest_of, plain_text, recordable


class AuditRefusedError(Exception):
    """The event could not be written, so what it was to record must not happen."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a change came from: the id of the request and the address of who sent it. Empty outside requests.

    ``actor`` is who acts where no account does: the command line.
    """

    request_id: str = ""
    address: str = ""
    actor: str = ""


_origin: ContextVar[Origin] = ContextVar("audit_origin", default=Origin())  # noqa: B039 (the default is frozen)


@contextmanager
def came_from(origin: Origin) -> Iterator[None]:
    """Let every event written inside carry this origin."""
    token = _origin.set(origin)
    try:
        yield
    finally:
        _origin.reset(token)


@contextmanager
def on_command_line() -> Iterator[None]:
    """Let events of nobody's account name the command line and the user of this machine who typed there."""
    with came_from(Origin(actor=user_of_this_machine())):
        yield


def user_of_this_machine() -> str:
    """Who types at the command line, as the audit names them."""
    number = os.getuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:
        name = str(number)
    return plain_text(f"command line ({name})")


def audit(
    actor: User | AnonymousUser | None,
    verb: str,
    subject: Model | str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    *,
    now: datetime,
    request_id: str = "",
    address: str = "",
) -> AuditEvent:
    """Append one event to the chain, in the caller's transaction.

    Locks the end of the chain until that transaction ends, so call it last. Raises AuditRefusedError if the event, or
    the copy of its digest outside the database, cannot be written: let it pass, so that the change is rolled back.
    Values under secret names are dropped (``chain.SECRETS``); ``actor`` None means the system itself, or
    the command line.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("audit() belongs into the transaction of what it records.")
    origin = _origin.get()
    event = AuditEvent(
        at=now,
        verb=plain_text(verb),
        before=recordable(before or {}),
        after=recordable(after or {}),
        request_id=request_id or origin.request_id,
        address=address or origin.address,
        **_described(actor, subject, origin.actor),
    )
    try:
        _chain(event)
    except (DatabaseError, OSError) as error:
        raise AuditRefusedError(f"The audit event {verb!r} could not be written: {error}") from error
    transaction.on_commit(partial(heads.keep, event.number, event.digest, now))
    return event


def audit_head() -> tuple[int, str]:
    """Return number and digest of the last event, for printing in what leaves the house."""
    head = AuditHead.objects.filter(pk=1).first() or AuditHead()
    return head.number, head.digest


def _chain(event: AuditEvent) -> None:
    head, _ = AuditHead.objects.select_for_update().get_or_create(pk=1)
    event.number, event.previous_digest = head.number + 1, head.digest
    event.digest = digest_of(event)
    event.save(force_insert=True)
    AuditHead.objects.filter(pk=1).update(number=event.number, digest=event.digest)
    heads.intend(event.number, event.digest)


def _described(actor: User | AnonymousUser | None, subject: Model | str, otherwise: str) -> dict[str, Any]:
    known = actor if isinstance(actor, User) else None
    name = known.email if known else "" if actor else otherwise
    row = {"actor": known, "actor_email": name, "subject": plain_text(subject)[:300]}
    if isinstance(subject, Model):
        row |= {"subject_type": subject._meta.label_lower, "subject_id": str(subject.pk or "")}
    return row
