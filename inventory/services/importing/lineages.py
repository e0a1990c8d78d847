"""What renewal settings say of a certificate: fields of its own, that the next import of the folder may write over."""

from __future__ import annotations

import platform
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from django.utils.translation import gettext as _

from accounts.services import still_acts
from certdash.lib.inert import shorten, visible
from inventory.models import Certificate, Import, ImportItem, ImportTouch
from inventory.services.importing.changes import CUSTOM, Applied, Change, write_fields
from inventory.services.importing.touching import write_changes
from inventory.services.races import hold
from inventory.services.totals import Share
from inventory.services.writing import among, write
from inventory.sources import Renewal
from inventory.sources.lineages import RENEWED_BY
from inventory.sources.renewals import VALUE_LENGTH

SETTINGS = "settings"
_Fields = dict[int, dict[str, str]]


def is_settings(item: ImportItem) -> bool:
    return SETTINGS in item.data


def plan_settings(item: ImportItem, renewal: Renewal, left_out: str) -> None:
    item.outcome, item.sha256, item.reason = ImportItem.Outcome.MATCHED, renewal.sha256, left_out
    item.label = shorten(visible(renewal.lineage), 255)
    fields = {name: shorten(visible(text), VALUE_LENGTH) for name, text in renewal.fields.items()}
    if renewal.program:
        fields = {RENEWED_BY: _where(item, renewal.program), **fields}
    values = [{"field": name, "old": "", "new": text} for name, text in fields.items()]
    item.data = {SETTINGS: fields, "changes": [{"label": "", "set": [], "kept": [], "values": values}]}


def _where(item: ImportItem, program: str) -> str:
    """On this machine, as the command line reads it, or where the upload says."""
    place = item.of.name if item.of.sha256 else platform.node()
    return shorten(
        visible(f"{program} on {place} ({item.path})" if place else f"{program} ({item.path})"), VALUE_LENGTH
    )


def apply_settings(of: Import, items: Sequence[ImportItem], now: datetime, deltas: Counter[Share]) -> Applied:
    """Write the fields, in the caller's transaction, after the certificates were stored. What people wrote stays."""
    rows = [item for item in items if is_settings(item)]
    certificates = _certificates(of, {item.sha256 for item in rows}, now) if rows else {}
    earlier, changes = _written(certificates.values()), list[tuple[ImportItem, Change]]()
    for item in rows:
        certificate = certificates.get(item.sha256)
        if certificate is None:
            item.reason = _("Its certificate is not yours to change.")
            continue
        item.certificate_id = certificate.pk
        change = _changed(certificate, item.data[SETTINGS], earlier[certificate.pk])
        if change.kept:
            item.reason = _reason(item.reason, change)
        if change.after:
            changes.append((item, change))
    write_changes(changes, now, deltas)
    write(rows, ("certificate_id", "reason"))
    return Applied(len(changes), len(changes))


def _certificates(of: Import, digests: Collection[str], now: datetime) -> Mapping[str, Certificate]:
    """Those that the import may change; from the command line, where nothing was uploaded, all."""
    person = still_acts(of.requested_by_id, now)
    if person is None and (of.requested_by_id or of.sha256):
        return {}
    seen = Certificate.objects.visible_to(person) if person else Certificate.objects.all()
    pks = list(seen.filter(among("sha256", digests)).order_by("pk").values_list("pk", flat=True))
    rows = Certificate.objects.filter(among("pk", pks)).order_by("pk")
    hold(rows)
    return {row.sha256: row for row in rows}


def _written(rows: Collection[Certificate]) -> _Fields:
    """What settings wrote on each before: the last import tells."""
    touches = ImportTouch.objects.filter(among("certificate_id", [row.pk for row in rows])).order_by("pk")
    found: _Fields = defaultdict(dict)
    for touch in touches.select_related("item").only("certificate_id", "after", "item__data"):
        if touch.certificate_id and is_settings(touch.item):
            found[touch.certificate_id] |= touch.after.get(CUSTOM, {})
    return found


def _changed(certificate: Certificate, fields: Mapping[str, str], earlier: Mapping[str, str]) -> Change:
    change = Change(certificate)
    ours = {key for key, value in earlier.items() if certificate.custom_fields.get(key) == value}
    write_fields(change, {**dict.fromkeys(ours), **fields}, ours)
    return change


def _reason(left_out: str, change: Change) -> str:
    words = ", ".join(sorted(name.removeprefix(f"{CUSTOM}.") for name in change.kept))
    stays = _("People said otherwise, and that stays: %(words)s.") % {"words": words}
    return shorten(visible(f"{stays} {left_out}".strip()), 500)
