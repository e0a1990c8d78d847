"""Tables: their columns described, their rows planned, applied to what is known, kept waiting, and taken back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import IO, Any

from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import audit, still_acts
from certdash.lib.inert import shorten, visible
from inventory import x509
from inventory.models import Certificate, Endpoint, Import, ImportItem, ImportTouch
from inventory.services.facts import digest_of
from inventory.services.importing.changes import OWNER, Applied, Change, Meant, apply
from inventory.services.importing.meaning import Names, create_teams, may_create_teams
from inventory.services.importing.places import Found, serial_of, things_of
from inventory.services.importing.showing import show_changes
from inventory.services.importing.touching import take_touches_back, write_changes
from inventory.services.totals import Share
from inventory.services.writing import among, write
from inventory.sources.cells import Said, differs, read_cells
from inventory.sources.columns import product_of, propose
from inventory.sources.tables import Row, Table, read_table
from inventory.x509 import NotACertificate

Outcome = ImportItem.Outcome
SAMPLES, SAMPLE_LENGTH = 3, 60
REASON_LENGTH = 500


@dataclass(frozen=True, slots=True)
class Described:
    """A table before its columns were named. ``headings`` are of ``name`` and ``samples`` each."""

    form: str
    headings: list[dict[str, Any]]
    columns: dict[str, str]
    note: str


def describe_table(stream: IO[bytes]) -> Described:
    """Raises TableError if it is none."""
    table = read_table(stream)
    rows = [row.cells for row in islice((row for row in table.rows if row.cells), SAMPLES)]
    headings = [
        {"name": name, "samples": [_sample(row[at]) for row in rows if at < len(row)]}
        for at, name in enumerate(table.headings)
    ]
    if table.note:
        # Shown above the columns.
        headings[0]["note"] = table.note
    return Described(product_of(table.headings), headings, propose(table.headings, rows), table.note)


def _sample(cell: str) -> str:
    return shorten(visible(" ".join(cell[: 2 * SAMPLE_LENGTH].split())), SAMPLE_LENGTH)


def plan_rows(of: Import, table: Table, rows: Sequence[Row], position: int, actor: User) -> list[ImportItem]:
    """What would become of these rows, as unsaved items from this position on. A fixed number of queries."""
    read = [(row, Said(problem=row.problem) if row.problem else read_cells(table.of(row), of.columns)) for row in rows]
    items = [_item(of, at, row, said) for at, (row, said) in enumerate(read, position)]
    names, things = Names.of(items, actor), things_of(items, actor)
    may_create = may_create_teams(of, actor)
    for item in items:
        if item.outcome != Outcome.REFUSED:
            _judge(item, names.refusal(item, may_create=may_create), things[item.position])
    _mark_known(items)
    _preview(of, items, names, things, actor)
    return items


def _item(of: Import, position: int, row: Row, said: Said) -> ImportItem:
    item = ImportItem(of=of, position=position, offset=row.number, outcome=Outcome.NEW)
    item.host, item.port = said.host, said.port
    item.label = shorten(said.host or said.serial or _("row %(number)s") % {"number": row.number}, 255)
    said_of_it = {
        "owner": said.owner, "team": said.team, "details": said.details, "tags": said.tags, "custom": said.custom,
        "expiries": said.expiries, "serial": said.serial, "remarks": said.remarks,
    }  # fmt: skip
    item.data = {name: value for name, value in said_of_it.items() if value}
    problem = said.problem or _read_certificate(item, said.der)
    if problem:
        _refuse(item, problem)
    return item


def _read_certificate(item: ImportItem, der: bytes) -> str:
    if not der:
        return ""
    try:
        item.label = shorten(x509.parse(der).name, 255)
    except NotACertificate as error:
        return _("Its certificate cannot be read: %(reason)s") % {"reason": error}
    item.der, item.sha256 = der, digest_of(der)
    return ""


def _refuse(item: ImportItem, reason: str) -> None:
    item.outcome, item.reason = Outcome.REFUSED, shorten(visible(reason), REASON_LENGTH)
    item.der, item.sha256, item.data = None, "", {}


def _judge(item: ImportItem, refusal: str, things: Sequence[Found]) -> None:
    serials = [found for found in things if isinstance(found.thing, Certificate) and not found.by_way]
    if refusal:
        _refuse(item, refusal)
    elif serial_of(item) and len(serials) > 1:
        _refuse(item, _("%(count)s certificates have this serial number.") % {"count": len(serials)})
    elif item.sha256:
        item.outcome = Outcome.NEW
    elif things:
        item.outcome = Outcome.MATCHED
    elif item.host:
        item.outcome = Outcome.WAITING
    else:
        _refuse(item, _("No certificate with this serial number is known, and the row names no host to wait for."))


def _mark_known(items: Iterable[ImportItem]) -> None:
    own = {item.sha256: item for item in items if item.sha256}
    for sha256 in Certificate.objects.filter(among("sha256", own)).values_list("sha256", flat=True):
        own[sha256].outcome = Outcome.KNOWN


def _preview(
    of: Import, items: Iterable[ImportItem], names: Names, things: Mapping[int, list[Found]], actor: User
) -> None:
    planned: list[tuple[ImportItem, list[Change]]] = []
    for item in items:
        if item.outcome == Outcome.REFUSED:
            continue
        meant, found = _meant(of, item, names, actor), things[item.position]
        changes = [apply(each.thing, meant, by_way=each.by_way) for each in found]
        item.reason = _reason(item, changes)
        if item.data.get("team") and meant.team is None:
            made = _("The team “%(team)s” is made when you agree.") % {"team": item.data["team"]}
            item.reason = shorten(visible(f"{item.reason} {made}".strip()), REASON_LENGTH)
        planned.append((item, changes))
    show_changes(planned)


def _meant(of: Import, item: ImportItem, names: Names, actor: User) -> Meant:
    person, data = names.person_of(item), item.data
    custom = dict(data.get("custom", {}))
    if data.get("owner") and person is None:
        custom.setdefault("Owner", str(data["owner"]))
    reason = _("Row %(row)s of %(file)s, imported by %(person)s.")
    return Meant(
        team=names.team_of(item),
        person=person,
        teams_of_person=names.teams_of.get(person.pk, ()) if person else (),
        reason=visible(reason % {"row": item.offset, "file": shorten(of.name, 100), "person": actor.email}),
        details=data.get("details", {}),
        custom=custom,
        tags=tuple(data.get("tags", ())),
        overwrite=of.columns.get("overwrite") == "yes",
    )


def _remarks(item: ImportItem) -> str:
    return shorten(" ".join(item.data.get("remarks", ())), REASON_LENGTH)


def _reason(item: ImportItem, changes: Sequence[Change]) -> str:
    """What a person should know of a row that is not refused: what could not be read, differs, or was kept."""
    said = [_remarks(item)] if item.data.get("remarks") else []
    said += _differences(item, changes)
    if any(change.is_without_team for change in changes):
        said.append(_("The person is in no team or in several: name the team, too. Kept as a field."))
    kept = sorted({name for change in changes for name in change.kept})
    if kept:
        words = ", ".join(_("owner") if name == OWNER else name.removeprefix("custom_fields.") for name in kept)
        said.append(_("People said otherwise, and that stays: %(words)s.") % {"words": words})
    return shorten(visible(" ".join(said)), REASON_LENGTH)


def _differences(item: ImportItem, changes: Sequence[Change]) -> list[str]:
    """An expiry in a table is never believed; it is held against the certificate that was found."""
    days = item.data.get("expiries", [])
    for change in changes:
        thing = change.thing
        if isinstance(thing, Certificate) and thing.not_after and differs(days, thing.not_after.date()):
            words = {"said": days[0], "true": thing.not_after.date().isoformat(), "name": thing.name}
            return [_("The row says that it expires on %(said)s; %(name)s expires on %(true)s.") % words]
    return []


def apply_rows(
    of: Import,
    items: Sequence[ImportItem],
    now: datetime,
    deltas: Counter[Share],
    *,
    only: Collection[int] | None = None,
    again: bool = False,
) -> Applied:
    """Write what these rows say on what they are about. In the caller's transaction; ``tell_rows`` comes last in it.

    Certificates of the rows are stored before. Nothing is written twice: what stands already is no change. ``only``:
    of places, these. ``again``: the rows were applied before; what they spoke of then is left as it is by now.
    """
    actor = still_acts(of.requested_by_id, now)
    rows = [item for item in items if item.data and item.outcome != Outcome.REFUSED]
    if actor is None or not rows:
        return Applied(0, 0)
    create_teams(of, rows, actor, now)
    names, things = Names.of(rows, actor), things_of(rows, actor, only=only, locked=True)
    left = _spoken_of(rows, things) if again else {}
    meant = {item.pk: _meant(of, item, names, actor) for item in rows}
    found_by = {item.pk: left.get(item.pk, things[item.position]) for item in rows}
    # What rows say of their own comes before what others say by the way, in whichever order they stand.
    own, by_way = (
        {
            pk: [apply(each.thing, meant[pk], by_way=way) for each in found if each.by_way is way]
            for pk, found in found_by.items()
        }
        for way in (False, True)
    )
    changes: list[tuple[ImportItem, Change]] = []
    for item in rows:
        found = own[item.pk] + by_way[item.pk]
        if found and item.outcome == Outcome.WAITING:
            item.outcome = Outcome.MATCHED
        if found:
            item.reason = _reason(item, found)
        changes += [(item, change) for change in found if change.after]
    write_changes(changes, now, deltas)
    write(rows, ("outcome", "reason"))
    return Applied(len({item.pk for item, _change in changes}), len(changes))


def _spoken_of(rows: Sequence[ImportItem], things: Mapping[int, list[Found]]) -> dict[int, list[Found]]:
    """Of each row, by its key, what it has not spoken of before. Its own certificate was there when it was stored."""
    touches = ImportTouch.objects.filter(among("item_id", [item.pk for item in rows]))
    done = set(touches.values_list("item_id", "endpoint_id", "certificate_id"))
    return {item.pk: [each for each in things[item.position] if _is_news(item, each, done)] for item in rows}


def _is_news(item: ImportItem, found: Found, done: Collection[tuple[int, int | None, int | None]]) -> bool:
    if isinstance(found.thing, Endpoint):
        return (item.pk, found.thing.pk, None) not in done
    return found.by_way and (item.pk, None, found.thing.pk) not in done


def tell_rows(of: Import, applied: Applied, now: datetime) -> None:
    """One event for a batch, after the totals were written: it locks the chain."""
    if applied.things:
        after = {"rows": applied.rows, "changed": applied.things, "sha256": of.sha256}
        audit(of.requested_by, "import.rows_applied", of, after=after, now=now)


def undo_rows(items: Iterable[ImportItem], now: datetime, deltas: Counter[Share]) -> int:
    """Take back what these rows changed; return how many things keep what somebody changed since.

    Call it for the last rows first: where two rows changed one thing, the later one is undone before.
    """
    touches = ImportTouch.objects.filter(among("item_id", [item.pk for item in items]))
    return take_touches_back(touches, now, deltas)
