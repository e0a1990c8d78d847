"""The items of an import, by what becomes of them, a page at a time."""

from __future__ import annotations

from typing import Any

from django.db.models import Count
from django.http import HttpRequest
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from inventory.models import Certificate, Import, ImportItem
from inventory.services.writing import among
from inventory.views.listing import person

PER_PAGE = 50
Outcome = ImportItem.Outcome
ALL = "all"
# What needs a person comes first.
TABS = (
    (Outcome.REFUSED, _("Refused")),
    (Outcome.PARTIAL, _("Stored in part")),
    (Outcome.NEW, _("New")),
    (Outcome.KNOWN, _("Known already")),
    (Outcome.MATCHED, _("Rows that match")),
    (Outcome.WAITING, _("Rows that wait")),
)


def items_context(request: HttpRequest, of: Import) -> dict[str, Any]:
    counts = dict(of.items.order_by().values_list("outcome").annotate(Count("pk")))
    asked = request.GET.get("outcome", ALL)
    outcome = asked if asked in counts else ALL
    rows = of.items.defer("der", "before").order_by("position")
    rows = rows if outcome == ALL else rows.filter(outcome=outcome)
    after = _number(request.GET.get("after", ""))
    page = list((rows if after is None else rows.filter(position__gt=after))[: PER_PAGE + 1])
    shown, more = page[:PER_PAGE], len(page) > PER_PAGE
    last = shown[-1].position if shown else 0
    return {
        "of": of,
        "items": shown,
        "opened": _opened(person(request), shown),
        "outcome": outcome,
        "counts": {word: counts.get(word, 0) for word in Outcome.values},
        "total": sum(counts.values()),
        "item_tabs": _tabs(outcome, counts, is_table=bool(of.headings)),
        "page": {
            "first_url": "" if after is None else _url(outcome),
            "next_url": _url(outcome, after=last) if more else "",
        },
    }


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _url(outcome: str, **others: int) -> str:
    params: dict[str, str | int] = {"outcome": outcome, **others}
    return f"?{urlencode(params)}"


def _tabs(outcome: str, counts: dict[str, int], *, is_table: bool) -> list[dict[str, Any]]:
    tabs = [(ALL, _("All"), sum(counts.values()))]
    # Certificates bring no rows; what matches them are renewal settings.
    tabs += [
        (word, _("Renewal settings") if word == Outcome.MATCHED and not is_table else label, counts[word])
        for word, label in TABS
        if counts.get(word)
    ]
    return [
        {"label": str(label), "url": _url(word), "count": count, "active": word == outcome}
        for word, label, count in tabs
    ]


def _opened(user: User, items: list[ImportItem]) -> set[int]:
    """Certificates among them whose page the person may open."""
    wanted = [item.certificate_id for item in items if item.certificate_id]
    return set(Certificate.objects.visible_to(user).filter(among("pk", wanted)).values_list("pk", flat=True))
