"""What the three lists share: headers that sort, neighbours, counts, and what to say when nothing is found."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _

from accounts.models import User
from certdash.lib.htmx import wants_fragment
from inventory.filters import SIZES, Chip, Count, Filtered, count_up_to, error_sentences, in_words, query_with
from inventory.filters.paging import Page, Sort


@dataclass(frozen=True, slots=True)
class Header:
    """A column that sorts: where its link leads, and what ``aria-sort`` says now."""

    query: str
    direction: str


def person(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def count_of(result: Filtered[Any], kept: int | None) -> Count:
    """How many rows there are: a kept total where only the defaults are in force, else counted up to the limit."""
    if result.errors:
        return Count(0)
    return Count(kept) if kept and result.is_plain else result.count()


def list_context(
    result: Filtered[Any], page: Page[Any], count: Count, again: Callable[[str], Filtered[Any]]
) -> dict[str, Any]:
    headers = {sort.word: _header(result, sort) for sort in type(result.filterset).sorts}
    return {
        "chips": result.chips,
        "errors": error_sentences(result.errors),
        "headers": headers,
        "orders": [(sort.label, headers[sort.word]) for sort in type(result.filterset).sorts],
        "count": count,
        "count_words": in_words(count),
        "query": result.query,
        "address": result.asked.urlencode(),
        "search": result.asked.get("q", ""),
        "hidden": [
            (name, value) for name, values in result.asked.lists() for value in values if name not in {"q", "after"}
        ],
        "next_query": page.next and query_with(result.asked, after=page.next),
        "previous_query": page.previous and query_with(result.asked, after=page.previous),
        "sizes": [(size, query_with(result.asked, per_page=str(size), after=None)) for size in SIZES],
        "per_page": result.per_page,
        "is_filtered": not result.is_plain,
        "narrowest": None if page.rows or result.errors else narrowest(result, again),
    }


def bulk_context(user: User, url: str) -> dict[str, Any]:
    """What makes rows tickable, for those who may change what they see."""
    if not user.may_change:
        return {}
    labels = [
        ("owner", _("Owner")),
        ("details", _("Details")),
        ("tags", _("Tags")),
        ("retire", _("Retire")),
        ("unretire", _("Take back")),
    ]
    return {"bulk_url": reverse(url), "bulk_kinds": labels}


def narrowest(result: Filtered[Any], again: Callable[[str], Filtered[Any]]) -> tuple[Chip, Count] | None:
    """The condition without which most rows would be found, if there is one that alone keeps them away."""
    found = [(chip, count_up_to(again(chip.without).queryset)) for chip in result.chips]
    best = max(found, key=lambda pair: pair[1].number, default=None)
    return best if best and best[1].number else None


def answer(request: HttpRequest, template: str, context: Mapping[str, Any]) -> HttpResponse:
    """The page, or for htmx what changes of it; what could not be understood is 422, which htmx shows too."""
    is_fragment = wants_fragment(request)
    status = 422 if context["errors"] else 200
    response = render(request, template, {**context, "is_fragment": is_fragment}, status=status)
    patch_vary_headers(response, ["HX-Request"])
    if is_fragment:
        # The address of the list itself, without the blank fields that a form sends along.
        response["HX-Push-Url"] = f"{request.path}?{context['address']}" if context["address"] else request.path
    return response


def _header(result: Filtered[Any], sort: Sort) -> Header:
    current = result.sort
    if current.word != sort.word:
        # The worst and the most are asked for first, names and dates from their beginning.
        first = sort.turned() if sort.kind == "number" else sort
        return Header(query_with(result.asked, sort=first.param, after=None), "")
    direction = "descending" if current.descending else "ascending"
    return Header(query_with(result.asked, sort=current.turned().param, after=None), direction)
