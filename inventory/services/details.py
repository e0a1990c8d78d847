"""What an organisation says of its certificates and endpoints: environment, application, tags and the like."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit, require_change
from inventory.models import Certificate, Endpoint, Tag
from inventory.services.rules import people_say

COLUMNS = (
    "environment",
    "criticality",
    "application",
    "purpose",
    "exposure",
    "regulations",
    "data_lifetime_years",
    "custom_fields",
    "notes",
)


class ChangedMeanwhileError(Exception):
    """Somebody else changed the details, or the owner, after they were read; ``details`` is what they are now."""

    def __init__(self, details: dict[str, Any]) -> None:
        super().__init__(_("It was changed meanwhile."))
        self.details = details


def details_of(row: Certificate | Endpoint) -> dict[str, Any]:
    """The details as plain values; what nobody said is empty or None. ``tags`` are words in their order."""
    return {name: getattr(row, name) for name in COLUMNS} | {"tags": sorted(tag.name for tag in row.tags.all())}


def version_of(details: Mapping[str, Any]) -> str:
    """The same for the same details: who sends it back says what they saw. Rows among them count by their keys."""
    return hashlib.sha256(json.dumps(details, sort_keys=True, default=attrgetter("pk")).encode()).hexdigest()[:16]


@transaction.atomic
def describe(
    item: Certificate | Endpoint, wanted: Mapping[str, Any], *, actor: User, now: datetime, version: str = ""
) -> frozenset[str]:
    """Write those of the details in ``wanted`` that differ; return their names.

    ``version`` is what the actor saw (``version_of``). If the details are others by now, and not as wanted, nothing is
    written and ChangedMeanwhileError tells what they are. Without a version, the last word counts.
    """
    visible: Any = type(item).objects.visible_to(require_change(actor))
    row = visible.select_for_update(of=("self",), no_key=True).filter(pk=item.pk).first()
    if row is None:
        raise PermissionDenied(_("You may not change this."))
    before = details_of(row)
    changed = {name: value for name, value in wanted.items() if before[name] != value}
    if changed and version and version != version_of(before):
        raise ChangedMeanwhileError(before)
    if changed:
        _write(row, changed, now)
        verb = f"{row._meta.model_name}.described"
        audit(actor, verb, row, {name: before[name] for name in changed}, changed, now=now)
    return frozenset(changed)


def _write(row: Certificate | Endpoint, changed: Mapping[str, Any], now: datetime) -> None:
    columns = {name: value for name, value in changed.items() if name != "tags"}
    # Rules may depend on what people say of a thing, so it is judged again.
    ruled = people_say(row.ruled, columns)
    type(row).objects.filter(pk=row.pk).update(**columns, ruled=ruled, judge_at=now)
    if "tags" in changed:
        row.tags.set(_tags(changed["tags"]))


def _tags(names: Iterable[str]) -> list[Tag]:
    return [Tag.objects.get_or_create(name=name)[0] for name in names]
