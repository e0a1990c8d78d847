"""What the values of a list would leave, beside each value: the counts at the left of a list.

The rows that match are read once, a few short columns of each, and counted here: one query, and one more for each
facet in which something is chosen (its own choice must not narrow its counts). Over ``MOST_COUNTED`` rows nothing is
counted: a number that stands for a part would mislead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Expression, QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _

from accounts.models import Team
from inventory.filters.base import MOST_COUNTED, Filtered, query_with
from inventory.filters.base import Count as Tally
from inventory.filters.business import (
    CRITICALITY_CHOICES,
    ENVIRONMENT_CHOICES,
    EXPOSURE_CHOICES,
    NOBODY,
    ORIGIN_CHOICES,
    PURPOSE_CHOICES,
)
from inventory.models import Issuer

MOST_OPTIONS = 8
# Of tags, of which a row may have any number, so many are counted by name.
MOST_VALUES = 1_000


@dataclass(frozen=True, slots=True)
class Option:
    """One answer; ``query`` is the query string that chooses it, or takes the choice back."""

    value: str
    words: str
    count: int | None
    chosen: bool
    query: str


@dataclass(frozen=True, slots=True)
class Facet:
    """One question with its possible answers. ``more`` says how many answers are not shown."""

    param: str
    title: str
    options: tuple[Option, ...]
    more: int = 0

    @property
    def is_chosen(self) -> bool:
        return any(option.chosen for option in self.options)


@dataclass(frozen=True, slots=True)
class FacetColumn:
    """How one facet is read: the column (or expression) and how a stored value is written in the query.

    ``words`` lists the fixed answers in their order; without it, the most frequent values are shown.
    """

    param: str
    source: str | Expression
    write: Callable[[Any], str] = str
    words: Sequence[tuple[str, Any]] = ()


def _or_none(value: str) -> str:
    return value or NOBODY


ENVIRONMENT = FacetColumn("environment", "environment", _or_none, ENVIRONMENT_CHOICES)
# What people and rules say, beside the environment.
SAID = (
    FacetColumn("criticality", "criticality", _or_none, CRITICALITY_CHOICES),
    FacetColumn("application", "application"),
    FacetColumn("purpose", "purpose", _or_none, PURPOSE_CHOICES),
    FacetColumn("exposure", "exposure", _or_none, EXPOSURE_CHOICES),
    FacetColumn("origin", "owner_origin", _or_none, ORIGIN_CHOICES),
)


@dataclass(frozen=True, slots=True)
class Kept:
    """Counts that need no counting: of the most frequent values, and how many values there are beside them."""

    counts: Mapping[str, int]
    others: int = 0


def make_facets(
    result: Filtered[Any],
    columns: Sequence[FacetColumn],
    again: Callable[[str], Filtered[Any]],
    count: Tally,
    kept: Mapping[str, Kept],
) -> list[Facet]:
    """Count each facet; ``again`` applies a changed query string, ``kept`` are totals that need no counting.

    ``count`` is that of the whole result: where it is too many, only kept totals and chosen facets are counted.
    """
    countable = count.exact and count.number <= MOST_COUNTED
    to_count = [column for column in columns if column.param not in kept]
    counted = (_counted(result.queryset, to_count) or {}) if countable else {}
    shared = {param: Kept(counts) for param, counts in counted.items()} | dict(kept)
    facets = []
    for column in columns:
        chosen = result.asked.getlist(column.param)
        found = shared.get(column.param)
        if chosen:
            wider = again(query_with(result.asked, **{column.param: None, "after": None}))
            # Counting keys is cheap: rows are read only where they are not too many.
            counts = (_counted(wider.queryset, [column]) or {}).get(column.param) if wider.count().exact else None
            found = None if counts is None else Kept(counts)
        facets.append(_facet(result, column, found, chosen))
    return facets


def related_facet(
    result: Filtered[Any],
    param: str,
    again: Callable[[str], Filtered[Any]],
    related: QuerySet[Any],
    to: tuple[str, str],
    known: Iterable[str] = (),
    words: Callable[[str], str] = str,
) -> Facet:
    """A facet over rows of another table (open risks, tags): ``to`` names its column for the value and for our id.

    ``known`` are the values to offer where too many rows match to count. They are those of the whole estate: their
    very names are shown only to who sees all of it.
    """
    chosen = result.asked.getlist(param)
    base = again(query_with(result.asked, **{param: None, "after": None})) if chosen else result
    counts = _related_counts(base, related, to, chosen) if base.count().exact else None
    rest = known if getattr(result.filterset.user, "sees_everything", False) else ()
    values = counts if counts is not None else rest
    listed = [*chosen, *(each for each in values if each not in chosen)]
    shown = listed[: max(MOST_OPTIONS, len(chosen))]
    options = _options(result, param, shown, counts, {each: words(each) for each in shown})
    return Facet(param, str(result.filterset.filters[param].label), options, len(listed) - len(options))


def _related_counts(
    base: Filtered[Any], related: QuerySet[Any], to: tuple[str, str], chosen: Sequence[str]
) -> dict[str, int]:
    """Value → rows that have it, the most frequent first; of what is chosen in any case."""
    value, owner = to
    among = related.filter(**{f"{owner}__in": base.queryset.order_by().values("pk")})
    tally = among.values_list(value).annotate(number=Count(owner)).order_by("-number", value)
    counts = dict(tally[:MOST_VALUES])
    if len(counts) == MOST_VALUES and chosen:
        counts |= dict(tally.filter(**{f"{value}__in": chosen}))
    return counts


def _counted(queryset: QuerySet[Any], columns: Sequence[FacetColumn]) -> Mapping[str, Mapping[str, int]] | None:
    """Parameter → value → rows; None if there are too many rows to count."""
    computed = {f"facet_{c.param}": c.source for c in columns if not isinstance(c.source, str)}
    names = [c.source if isinstance(c.source, str) else f"facet_{c.param}" for c in columns]
    rows = list(queryset.order_by().annotate(**computed).values_list(*names)[: MOST_COUNTED + 1])
    if len(rows) > MOST_COUNTED:
        return None
    tallies = [Counter(column) for column in zip(*rows, strict=True)] or [Counter() for _column in columns]
    return {
        column.param: Counter({column.write(value): number for value, number in tally.items()})
        for column, tally in zip(columns, tallies, strict=True)
    }


def _facet(result: Filtered[Any], column: FacetColumn, found: Kept | None, chosen: Sequence[str]) -> Facet:
    counts = None if found is None else found.counts
    if column.words:
        listed = [value for value, _words in column.words]
        more = 0
    else:
        frequent = [value for value, _n in Counter(counts or {}).most_common() if value]
        listed = [*chosen, *(value for value in frequent if value not in chosen)][: max(MOST_OPTIONS, len(chosen))]
        more = len({*frequent, *chosen}) - len(listed) + (found.others if found else 0)
    names = dict(column.words) or _names(column.param, listed)
    options = _options(result, column.param, listed, counts, names)
    return Facet(column.param, str(result.filterset.filters[column.param].label), options, more)


def _options(
    result: Filtered[Any], param: str, values: Iterable[str], counts: Mapping[str, int] | None, words: Mapping[str, Any]
) -> tuple[Option, ...]:
    chosen = result.asked.getlist(param)
    several = result.filterset.filters[param].several
    return tuple(
        Option(
            value=value,
            words=str(words.get(value, value)),
            count=None if counts is None else counts.get(value, 0),
            chosen=value in chosen,
            query=toggled(result.asked, param, value, several=several),
        )
        for value in values
    )


def toggled(asked: QueryDict, param: str, value: str, *, several: bool = True) -> str:
    """The query string that chooses ``value``, or takes its choice back, and begins at the first page."""
    chosen = asked.getlist(param)
    others = [each for each in chosen if each != value] if several else []
    wanted = others if value in chosen else [*others, value]
    return query_with(asked, **{param: wanted or None, "after": None})


def _names(param: str, values: Iterable[str]) -> dict[str, str]:
    """The words of values that are ids of other rows: one query per facet, whatever the number of values."""
    if param == "team":
        return {NOBODY: _("No owner"), **dict(Team.objects.filter(slug__in=values).values_list("slug", "name"))}
    if param == "issuer":
        found = Issuer.objects.filter(pk__in=[int(value) for value in values]).values_list("pk", "label")
        return {str(pk): label for pk, label in found}
    return {}
