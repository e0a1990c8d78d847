"""What chart templates need: fills that hold on the page and on paper, and the life of a certificate as a bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django import template
from django.template import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString

from reports import charts

register = template.Library()

# The print colour of each fill. On the page a class of static/css/charts.css wins; patterns have no class, because
# their parts (templates/charts/_patterns.svg) have.
FILLS = {
    "machine": "#7b8fb1",
    "hand": "#c77d0a",
    "proven": "#2f8f61",
    "accent": "#2f4bc4",
    "silent": "#c9c8c0",
    "track": "#e7e6e1",
    "in_date": "#7b8fb1",
    "soon": "#c77d0a",
    "urgent": "#b4331b",
    "ink": "#17191e",
}
PATTERNS = {"failing": "url(#hatch)", "nobody": "url(#dots)"}
LIFETIME_FILLS = {"expiring": "soon", "urgent": "urgent", "expired": "failing", "revoked": "failing"}
CELL_FILLS = {"done": "machine", "failed": "failing", "cancelled": "nobody", "queued": "track", "running": "accent"}
NODE_FILLS = {"this": "proven", "other": "machine", "behind": "failing", "silent": "nobody"}


@register.simple_tag
def fill(code: str) -> SafeString:
    """The attributes that colour a mark: ``class`` for the page, ``fill`` for paper."""
    if code in PATTERNS:
        return format_html('fill="{}"', PATTERNS[code])
    return format_html('class="c-{}" fill="{}"', code, FILLS.get(code, FILLS["machine"]))


@register.filter
def cell_fill(state: str) -> str:
    return CELL_FILLS.get(state, "track")


@register.filter
def node_fill(state: str) -> str:
    return NODE_FILLS.get(state, "nobody")


@register.inclusion_tag("_lifetime.html", takes_context=True)
def lifetime(context: Context, not_before: datetime | None, not_after: datetime | None, status: str) -> dict[str, Any]:
    """The small bar of a table row."""
    return _life(context, charts.lifetime(not_before, not_after, context["now"]), status)


@register.inclusion_tag("_lifetime_wide.html", takes_context=True)
def lifetime_wide(context: Context, certificate: Any, status: str) -> dict[str, Any]:
    """The bar across the page of one certificate, with the moments from which it is expiring and urgent."""
    life = charts.lifetime(
        certificate.not_before,
        certificate.not_after,
        context["now"],
        expiring_from=certificate.expiring_from,
        urgent_from=certificate.urgent_from,
    )
    ends = {"not_before": certificate.not_before, "not_after": certificate.not_after}
    return _life(context, life, status) | ends


def _life(context: Context, life: charts.Lifetime, status: str) -> dict[str, Any]:
    return {
        "life": life,
        "code": LIFETIME_FILLS.get(str(status), "in_date"),
        "status": status,
        "now": context["now"],
        "paper": context.get("paper", False),
    }


@register.filter
def subtract(value: int, other: int) -> int:
    return value - other


@register.filter
def at_key(counts: Mapping[str, int], key: str) -> int:
    return counts.get(key, 0)


@register.filter
def scan_parts(counts: dict[str, int]) -> tuple[charts.Part, ...]:
    """answered, refused, silent, excluded, failed, not_tried → the parts of the bar."""
    return charts.progress_parts(counts)


@register.filter
def shard_cells(states: Sequence[str]) -> tuple[charts.Cell, ...]:
    return charts.shard_grid(states)
