"""Pages by key: any depth costs the same, and a row that moves is never shown twice.

A cursor names the last row shown (its sort values and id) and which way to go on. It is signed, so that nobody can put
a value of their own choosing into a comparison, and it names its sort, so that it cannot be used with another.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from django.core.signing import BadSignature, Signer
from django.db.models import F, Model, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _

Row = TypeVar("Row", bound=Model)
Kind = Literal["text", "number", "time", "bytes"]
_signer = Signer(salt="inventory.filters.paging")


class CursorError(ValueError):
    """The text is no cursor of this list and this sort; the message says so to a person."""


@dataclass(frozen=True, slots=True)
class Sort:
    """One order: a column, the columns ``then`` (numbers) where it is equal, and last the id.

    Rows without a value come last, and first when the order is turned.
    """

    word: str
    field: str
    kind: Kind = "text"
    nullable: bool = False
    descending: bool = False
    label: str | Promise = ""
    then: tuple[str, ...] = ()

    @property
    def param(self) -> str:
        return f"-{self.word}" if self.descending else self.word

    def turned(self) -> Sort:
        return replace(self, descending=not self.descending)

    def apply(self, queryset: QuerySet[Row]) -> QuerySet[Row]:
        key, rest = F(self.field), (*self.then, "pk")
        if self.descending:
            return queryset.order_by(key.desc(nulls_first=self.nullable or None), *(f"-{name}" for name in rest))
        return queryset.order_by(key.asc(nulls_last=self.nullable or None), *rest)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The row after which (or, ``backwards``, before which) a page begins."""

    sort: str
    value: Any
    pk: int
    backwards: bool = False
    then: tuple[Any, ...] = ()

    def write(self, kind: Kind) -> str:
        return str(_signer.sign_object([self.sort, self.backwards, _plain(self.value, kind), self.pk, *self.then]))

    @classmethod
    def read(cls, text: str, sort: Sort) -> Cursor:
        try:
            param, backwards, value, pk, *then = _signer.unsign_object(text)
        except (BadSignature, ValueError, TypeError) as error:
            raise CursorError(_("the link to this page of the list is damaged; begin at the first page")) from error
        if param != sort.param or len(then) != len(sort.then):
            raise CursorError(_("the link to this page of the list belongs to another sort order"))
        return cls(param, _rich(value, sort.kind), pk, backwards, tuple(then))


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows, and the cursors of the pages beside them ("" where there is none)."""

    rows: list[Row]
    next: str = ""
    previous: str = ""


def page_at(queryset: QuerySet[Row], sort: Sort, text: str, size: int) -> tuple[Page[Row], str]:
    """The page that a link asks for, and what to say if the link is damaged (then it is the first one)."""
    try:
        cursor, problem = (Cursor.read(text, sort) if text else None), ""
    except CursorError as error:
        cursor, problem = None, str(error)
    return take_page(queryset, sort, cursor, size), problem


def take_page(queryset: QuerySet[Row], sort: Sort, cursor: Cursor | None, size: int) -> Page[Row]:
    backwards = cursor is not None and cursor.backwards
    rows = _walk(queryset, sort.turned() if backwards else sort, cursor, size + 1)
    more = len(rows) > size
    rows = rows[:size]
    if backwards and not more:
        return take_page(queryset, sort, None, size)  # back at the beginning: show a whole first page
    if backwards:
        rows.reverse()
    if not rows:
        return Page(rows)
    return Page(
        rows,
        next=_cursor(rows[-1], sort, backwards=False) if more or backwards else "",
        previous=_cursor(rows[0], sort, backwards=True) if cursor is not None else "",
    )


def _walk(queryset: QuerySet[Row], sort: Sort, cursor: Cursor | None, count: int) -> list[Row]:
    """Read up to ``count`` rows beyond the cursor.

    Rows with and without a value are read apart: in one condition with OR, neither database would start in the index
    at the cursor.
    """
    if not sort.nullable:
        return list(sort.apply(queryset.filter(_beyond(sort, cursor)))[:count])
    parts = [sort.descending, not sort.descending]
    if cursor is not None:
        parts = parts[parts.index(cursor.value is None) :]
    rows: list[Row] = []
    for empty in parts:
        here = cursor if cursor is not None and empty == (cursor.value is None) else None
        part = _part(queryset, sort, empty=empty).filter(_beyond(sort, here, empty=empty))
        ordered = part.order_by("-pk" if sort.descending else "pk") if empty else sort.apply(part)
        rows.extend(ordered[: count - len(rows)])
    return rows


def _part(queryset: QuerySet[Row], sort: Sort, *, empty: bool) -> QuerySet[Row]:
    """Only the rows with, or only those without a value; of a joined column, a missing row is a missing value."""
    column = sort.field.partition("__")[0] if empty else sort.field
    return queryset.filter(**{f"{column}__isnull": empty})


def _beyond(sort: Sort, cursor: Cursor | None, *, empty: bool = False) -> Q:
    if cursor is None:
        return Q()
    than = "lt" if sort.descending else "gt"
    later = Q(**{f"pk__{than}": cursor.pk})
    if empty:
        return later
    # The bound on the column alone lets the index start there; the OR only decides among equal values.
    for field, value in reversed([(sort.field, cursor.value), *zip(sort.then, cursor.then, strict=True)]):
        later = Q(**{f"{field}__{than}e": value}) & (Q(**{f"{field}__{than}": value}) | later)
    return later


def _cursor(row: Model, sort: Sort, *, backwards: bool) -> str:
    value: Any = row
    for step in sort.field.split("__"):
        value = None if value is None else getattr(value, step)
    then = tuple(getattr(row, name) for name in sort.then)
    return Cursor(sort.param, value, row.pk, backwards, then).write(sort.kind)


def _plain(value: Any, kind: Kind) -> Any:
    if value is None or kind in {"text", "number"}:
        return value
    return value.isoformat() if kind == "time" else bytes(value).hex()


def _rich(value: Any, kind: Kind) -> Any:
    if value is None or kind in {"text", "number"}:
        return value
    return datetime.fromisoformat(value) if kind == "time" else bytes.fromhex(value)
