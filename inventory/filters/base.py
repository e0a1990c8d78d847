"""What all filters share: reading a query string strictly, and saying what was understood of it.

A parameter that cannot be understood is an error with a name, and the answer is empty: a list (or an export) that
silently left a condition out would be read as the answer to another question.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import django_filters
from django.contrib.auth.models import AnonymousUser
from django.db.models import Model, QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _

from accounts.models import User
from inventory.filters.fields import shortened
from inventory.filters.paging import Cursor, CursorError, Page, Sort, take_page
from inventory.models.among import among

Row = TypeVar("Row", bound=Model)
Person = User | AnonymousUser
Query = str | Mapping[str, Any]

SIZES = (25, 50, 100)
MOST_COUNTED = 10_000
CONTROLS = ("sort", "after", "per_page", "view", "columns")


class Named(NamedTuple):
    """A row that a parameter refers to: its id, and what people call it."""

    pk: int | None
    label: str


@dataclass(frozen=True, slots=True)
class Chip:
    """One condition in force, in words; ``without`` is the query string that takes it away."""

    param: str
    label: str
    words: str
    without: str


@dataclass(frozen=True, slots=True)
class Count:
    """A number of rows, counted up to a limit: ``exact`` is False if there are more."""

    number: int
    exact: bool = True

    @property
    def shown(self) -> int | str:
        return self.number if self.exact else f"{self.number:,}+"


@dataclass(frozen=True, slots=True)
class Filtered(Generic[Row]):
    """What a query string means: the rows (visible to the person, in no order yet), and what to tell them about it."""

    queryset: QuerySet[Row]
    asked: QueryDict
    chips: tuple[Chip, ...]
    errors: Mapping[str, str]
    sort: Sort
    cursor: Cursor | None
    per_page: int
    # Only the default conditions are in force: kept totals can answer.
    is_plain: bool = False
    filterset: Any = field(repr=False, default=None)
    # How many rows there are, up to the limit, where that was found out already.
    counted: Count | None = None

    def page(self, listed: QuerySet[Row] | None = None) -> Page[Row]:
        """One page; ``listed`` is the same queryset with what the rows show joined to it."""
        rows = self.queryset if listed is None else listed
        return take_page(rows, self.sort, self.cursor, self.per_page)

    def ordered(self) -> QuerySet[Row]:
        """All rows in the order of the page, for exports and reports."""
        return self.sort.apply(self.queryset)

    def count(self) -> Count:
        return self.counted or count_up_to(self.queryset)

    def settled(self) -> Filtered[Row]:
        """The same for count and facets: few rows are looked for once, and not again by each question about them."""
        if self.errors or self.is_plain:
            return self
        few = few_of(self.queryset.order_by().values_list("pk", flat=True))
        if few is None:
            return replace(self, counted=Count(MOST_COUNTED, exact=False))
        rows = self.queryset.model._default_manager.filter(among("pk", few))
        return replace(self, queryset=rows, counted=Count(len(few)))

    @property
    def query(self) -> str:
        """The conditions and the sort as a query string, without the place in the list."""
        return query_with(self.asked, after=None, view=None, columns=None)


def count_up_to(queryset: QuerySet[Any], most: int = MOST_COUNTED) -> Count:
    number = queryset.order_by().values("pk")[: most + 1].count()
    return Count(min(number, most), number <= most)


def few_of(found: QuerySet[Any, int]) -> list[int] | None:
    """Read ids once, for page, count and facets, if they are few; None if not: then a condition must find them."""
    first = list(found[: MOST_COUNTED + 1])
    return first if len(first) <= MOST_COUNTED else None


def read_query(query: Query) -> QueryDict:
    """Take a query string (with or without "?") or a mapping; drop parameters without a value, as forms send them."""
    given = QueryDict(query.removeprefix("?")) if isinstance(query, str) else query
    asked = QueryDict(mutable=True)
    for name in given:
        values = given.getlist(name) if isinstance(given, QueryDict) else _several(given[name])
        if kept := [text for value in values if (text := str(value).strip())]:
            asked.setlist(name, kept)
    return asked


def _several(value: Any) -> Iterable[Any]:
    return value if isinstance(value, (list, tuple, set)) else [value]


def query_with(asked: QueryDict, **changes: str | list[str] | None) -> str:
    """The query string with some parameters replaced (None takes one away)."""
    changed = asked.copy()
    for name, value in changes.items():
        changed.pop(name, None)
        if value is not None:
            changed.setlist(name, [value] if isinstance(value, str) else value)
    return changed.urlencode()


def page_links(asked: QueryDict, page: Page[Any]) -> dict[str, str]:
    """What a pager shows of the pages beside this one."""
    return {
        "previous_url": f"?{query_with(asked, after=page.previous)}" if page.previous else "",
        "next_url": f"?{query_with(asked, after=page.next)}" if page.next else "",
    }


class EstateFilter(django_filters.FilterSet):
    """One model's filters. ``defaults`` are conditions in force unless the query says otherwise."""

    sorts: ClassVar[tuple[Sort, ...]]
    first_sort: ClassVar[str]
    defaults: ClassVar[Mapping[str, str]] = {}
    # A default condition is taken away by naming its opposite.
    lifted: ClassVar[Mapping[str, str]] = {}

    def __init__(self, asked: QueryDict, queryset: QuerySet[Any], user: Person, now: datetime) -> None:
        self.asked = asked
        self.user = user
        self.now = now
        self.known: dict[str, dict[str, Named]] = {}
        super().__init__(self._in_force(asked), queryset)

    def _in_force(self, asked: QueryDict) -> QueryDict:
        data = asked.copy()
        for name, value in self.defaults.items():
            data.setdefault(name, value)
        return data

    def problems(self) -> dict[str, str]:
        """What could not be understood: parameter → sentence part."""
        problems = {name: _("no such filter") for name in self.asked if name not in {*self.filters, *CONTROLS}}
        for name, values in self.asked.lists():
            if (
                len(values) > 1
                and name != "columns"
                and (name in CONTROLS or (name in self.filters and not self.filters[name].several))
            ):
                problems[name] = _("given more than once")
        for name, messages in self.errors.items():
            problems.setdefault(name, " ".join(messages))
        if not problems:
            problems = self._unknown_names()
        return problems

    def _unknown_names(self) -> dict[str, str]:
        """Look up the rows that parameters refer to, among those that the person may see."""
        problems = {}
        for name, values in self.form.cleaned_data.items():
            look_up = getattr(self, f"known_{name}", None)
            if values and look_up is not None:
                self.known[name] = look_up(values)
                if missing := [str(value) for value in values if str(value) not in self.known[name]]:
                    problems[name] = _("“%(value)s” is not known") % {"value": shortened(missing[0])}
        return problems

    def chips(self) -> tuple[Chip, ...]:
        return tuple(
            Chip(
                param=name,
                label=str(self.filters[name].label),
                words=", ".join(self.words(name, value) for value in self.data.getlist(name)),
                without=self.without(name),
            )
            for name in self.filters
            if name in self.data
        )

    def without(self, name: str) -> str:
        return query_with(self.asked, **{name: self.lifted.get(name), "after": None})

    def words(self, name: str, value: str) -> str:
        """One value of a parameter as people read it."""
        if name in self.known:
            return self.known[name][value].label
        choices = self.filters[name].extra.get("choices", ())
        return str(dict(choices).get(value, value))


def filtered(cls: type[EstateFilter], queryset: QuerySet[Row], query: Query, user: Person, now: datetime) -> Any:
    """Apply a query string to the rows that a person may see."""
    asked = read_query(query)
    filterset = cls(asked, queryset, user, now)
    problems = filterset.problems()
    sort = _read_sort(cls, asked, problems)
    cursor = _read_cursor(asked, sort, problems)
    per_page = _read_size(asked, problems)
    return Filtered(
        queryset=queryset.none() if problems else filterset.qs,
        asked=asked,
        chips=() if problems else filterset.chips(),
        errors=problems,
        sort=sort,
        cursor=cursor,
        per_page=per_page,
        is_plain=not problems
        and not any(name in asked for name in filterset.filters if asked.get(name) != cls.defaults.get(name)),
        filterset=filterset,
    )


def _read_sort(cls: type[EstateFilter], asked: QueryDict, problems: dict[str, str]) -> Sort:
    orders = {order.param: order for sort in cls.sorts for order in (sort, sort.turned())}
    wanted = asked.get("sort", cls.first_sort)
    if wanted not in orders:
        words = ", ".join(sort.word for sort in cls.sorts)
        problems["sort"] = _("“%(value)s” is not one of %(words)s (with - before it: the other way round)") % {
            "value": shortened(wanted),
            "words": words,
        }
    return orders.get(wanted, orders[cls.first_sort])


def _read_cursor(asked: QueryDict, sort: Sort, problems: dict[str, str]) -> Cursor | None:
    if "after" not in asked or "sort" in problems:
        return None
    try:
        return Cursor.read(asked.get("after", ""), sort)
    except CursorError as error:
        problems["after"] = str(error)
        return None


def _read_size(asked: QueryDict, problems: dict[str, str]) -> int:
    wanted = asked.get("per_page", str(SIZES[0]))
    if wanted in map(str, SIZES):
        return int(wanted)
    problems["per_page"] = _("“%(value)s” is not one of %(words)s") % {
        "value": shortened(wanted),
        "words": ", ".join(map(str, SIZES)),
    }
    return SIZES[0]


def error_sentences(errors: Mapping[str, str]) -> list[str]:
    """One sentence for each parameter that was not understood."""
    return [
        _("Filter “%(name)s”: %(why)s.") % {"name": shortened(name), "why": why.removesuffix(".")}
        for name, why in errors.items()
    ]


def in_words(count: Count) -> str:
    """A count as people read it: "43", "10,000+"."""
    return f"{count.number:,}" if count.exact else f"{count.number:,}+"
