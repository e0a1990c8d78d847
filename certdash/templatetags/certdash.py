"""Words, times, icons and links that every page uses."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache

from django import template
from django.template import Context
from django.template.base import Parser, Token
from django.template.loader_tags import BLOCK_CONTEXT_KEY
from django.templatetags.static import static
from django.utils import formats, timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from certdash.lib import inert as hostile

register = template.Library()

MINUTE, HOUR, DAY = 60, 3600, 86400
YEAR = 365.2425 * DAY

STATUS_WORDS: dict[str, str | Promise] = {
    "in_date": gettext_lazy("in date"),
    "expiring": gettext_lazy("expiring"),
    # A shape and colour of its own, and no word of its own: it is expiring, only sooner.
    "urgent": gettext_lazy("expiring"),
    "expired": gettext_lazy("expired"),
    "not_yet_valid": gettext_lazy("not yet valid"),
    "revoked": gettext_lazy("revoked"),
    "superseded": gettext_lazy("superseded"),
    "gone": gettext_lazy("gone"),
    "unknown": gettext_lazy("unknown"),
}
WORK_WORDS: dict[str, str | Promise] = {
    "queued": gettext_lazy("waiting"),
    "running": gettext_lazy("running"),
    "done": gettext_lazy("done"),
    "failed": gettext_lazy("failed"),
    "cancelled": gettext_lazy("cancelled"),
}
SEVERITY_CODES = ("none", "low", "medium", "high", "critical")
SEVERITY_WORDS: dict[str, str | Promise] = {
    "none": gettext_lazy("none"),
    "low": gettext_lazy("low"),
    "medium": gettext_lazy("medium"),
    "high": gettext_lazy("high"),
    "critical": gettext_lazy("critical"),
}
# What came of asking a place, where its code alone says too little.
REASON_WORDS: dict[str, str | Promise] = {
    "handshake_failed": gettext_lazy("no certificate"),
    "closed_early": gettext_lazy("connection closed early"),
    "connection_reset": gettext_lazy("connection broken off"),
    "not_tls": gettext_lazy("does not speak TLS"),
    "protocol_error": gettext_lazy("not well-formed TLS"),
    "refused": gettext_lazy("connection refused"),
    "silent": gettext_lazy("no connection in time"),
    "starttls_refused": gettext_lazy("STARTTLS refused"),
    "timed_out": gettext_lazy("no answer in time"),
    "tls_alert": gettext_lazy("TLS handshake refused"),
}
# A link that changes the filter starts again at the first page.


@register.filter
def inert(value: object) -> str:
    """Show control, bidi and other invisible characters; everything else stays as it is, and is escaped as usual."""
    return hostile.visible("" if value is None else str(value))


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw an icon of ``static/icons.svg``. It says nothing to a screen reader: put a word or a label beside it."""
    return format_html(
        '<svg class="icon" width="16" height="16" aria-hidden="true" focusable="false"><use href="{}#{}"/></svg>',
        _icons(),
        name,
    )


@cache
def _icons() -> str:
    """A list draws a hundred icons, and the address changes only with a new installation."""
    return static("icons.svg")


# --- words ----------------------------------------------------------------------------------------


@register.simple_tag
def statuses() -> tuple[str, ...]:
    """All codes of a certificate's status, in the order in which help explains them."""
    return tuple(STATUS_WORDS)


@register.filter
def status_word(status: str) -> str:
    """The word of a status of a certificate or of a piece of work."""
    words = STATUS_WORDS | WORK_WORDS
    return str(words.get(str(status), STATUS_WORDS["unknown"]))


@register.filter
def spaced(code: str) -> str:
    """A reason code as words: ``tls_alert`` → "TLS handshake refused"; "unreachable: silent" is two of them."""
    return ": ".join(_reason(part) for part in hostile.visible(str(code)).split(": "))


@register.filter
def beyond(detail: str, reason: str) -> str:
    """What was said on the line, unless it only repeats the words of the reason: "Connection refused"."""
    return "" if detail.casefold() == spaced(reason).casefold() else detail


def _reason(code: str) -> str:
    return str(REASON_WORDS.get(code.replace(" ", "_"), code.replace("_", " ")))


@register.filter
def severity_code(severity: int | str) -> str:
    """Turn the number 0 to 4 into its code; a code stays a code."""
    known = isinstance(severity, int) and 0 <= severity < len(SEVERITY_CODES)
    return SEVERITY_CODES[int(severity)] if known else str(severity)


@register.filter
def severity_word(code: str) -> str:
    return str(SEVERITY_WORDS.get(code, code))


@register.filter
def number(value: object) -> str:
    """Group the digits of a whole number: 1,284. Anything else ("94 %", "10,000+") is shown as it is."""
    return formats.number_format(value, force_grouping=True) if isinstance(value, int) else str(value)


@register.filter
def days(value: int) -> str:
    """5 → "5 days"."""
    return ngettext("%(n)s day", "%(n)s days", value) % {"n": number(value)}


@register.filter
def initials(person: object) -> str:
    """Two letters for the picture of a person: of first and last name, or of the address."""
    words = str(person).split("@")[0].replace(".", " ").replace("-", " ").split()
    letters = [words[0][0], words[-1][0]] if len(words) > 1 else [word[:2] for word in words]
    return hostile.visible("".join(letters).upper()) or "?"


@register.filter
def fingerprint(value: str | bytes | None, form: str = "") -> str:
    """Group a hash in fours: "9f2c 07b1 …"; with ``short`` only its ends: "9f2c…41d8"."""
    digits = value.hex() if isinstance(value, bytes) else str(value or "").replace(":", "").lower()
    if form == "short":
        return f"{digits[:4]}…{digits[-4:]}" if len(digits) > 9 else digits
    return " ".join(digits[start : start + 4] for start in range(0, len(digits), 4))


# --- times ----------------------------------------------------------------------------------------


# The wordings of relative times, here and in ``app.js``, which keeps them fresh. {n} is the number.
# Lazy, because a list says a hundred times: each translates only its own words.
_PATTERNS: dict[str, str | Promise] = {
    "now": gettext_lazy("just now"),
    "ago_past_minutes": gettext_lazy("{n} min ago"),
    "ago_past_hours": gettext_lazy("{n} h ago"),
    "ago_past_days": gettext_lazy("{n} d ago"),
    "ago_past_years": gettext_lazy("{n} y ago"),
    "ago_future_minutes": gettext_lazy("in {n} min"),
    "ago_future_hours": gettext_lazy("in {n} h"),
    "ago_future_days": gettext_lazy("in {n} d"),
    "ago_future_years": gettext_lazy("in {n} y"),
    "until_past_minutes": gettext_lazy("{n} min ago"),
    "until_past_hours": gettext_lazy("{n} h ago"),
    "until_future_minutes": gettext_lazy("in {n} min"),
    "until_future_hours": gettext_lazy("in {n} h"),
    "left_past_minutes": gettext_lazy("{n} min ago"),
    "left_past_hours": gettext_lazy("{n} h ago"),
    "left_future_minutes": gettext_lazy("{n} min left"),
    "left_future_hours": gettext_lazy("{n} h left"),
}


@register.simple_tag
def relative_words() -> str:
    return json.dumps({name: str(words) for name, words in _PATTERNS.items()})


# Days and years in full; ``app.js`` leaves these to the next load of the page.
_IN_FULL: dict[str, Callable[[int], str]] = {
    "past_days": lambda n: ngettext("%(n)s day ago", "%(n)s days ago", n),
    "past_years": lambda n: ngettext("%(n)s year ago", "%(n)s years ago", n),
    "left_future_days": lambda n: ngettext("%(n)s day left", "%(n)s days left", n),
    "left_future_years": lambda n: ngettext("%(n)s year left", "%(n)s years left", n),
    "until_future_days": lambda n: ngettext("in %(n)s day", "in %(n)s days", n),
    "until_future_years": lambda n: ngettext("in %(n)s year", "in %(n)s years", n),
}


def _in_full(side: str, unit: str, whole: int) -> str:
    key = f"past_{unit}" if side.endswith("past") else f"{side}_{unit}"
    return _IN_FULL[key](whole) % {"n": number(whole)}


def relative(moment: datetime, now: datetime, style: str) -> str:
    """Say ``moment`` from ``now``, always rounded towards now: what ends in 35 hours does not "end in 2 days".

    ``style`` is "ago" (short: "4 d ago"), "until" (days in full: "in 5 days") or "left" ("5 days left").
    """
    seconds = (now - moment).total_seconds()
    span = abs(seconds)
    side = f"{style}_{'past' if seconds >= 0 else 'future'}"
    if span < 45:
        return str(_PATTERNS["now"])
    if span < 90 * MINUTE:
        return str(_PATTERNS[f"{side}_minutes"]).replace("{n}", str(max(1, int(span // MINUTE))))
    if span < 48 * HOUR:
        return str(_PATTERNS[f"{side}_hours"]).replace("{n}", str(int(span // HOUR)))
    unit, whole = ("years", int(span // YEAR)) if span >= 2 * YEAR else ("days", int(span // DAY))
    short = _PATTERNS.get(f"{side}_{unit}")
    return str(short).replace("{n}", number(whole)) if short else _in_full(side, unit, whole)


def _time(now: datetime | None, moment: datetime | None, style: str) -> SafeString | str:
    """A <time> with the exact UTC in its title. Without ``now`` it shows the exact time itself."""
    if moment is None:
        return _("unknown")
    exact = moment.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{}" data-relative="{}">{}</time>',
        exact.isoformat(timespec="seconds"),
        f"{exact:%Y-%m-%d %H:%M:%S} UTC",
        style,
        relative(moment, now, style) if now else f"{exact:%Y-%m-%d %H:%M} UTC",
    )


@register.simple_tag(takes_context=True)
def ago(context: Context, moment: datetime | None) -> SafeString | str:
    """Short, for evidence: "2 min ago", "4 d ago"."""
    return _time(context.get("now"), moment, "ago")


@register.simple_tag(takes_context=True)
def until(context: Context, moment: datetime | None) -> SafeString | str:
    """For ends: "in 5 days", "22 days ago"."""
    return _time(context.get("now"), moment, "until")


@register.simple_tag(takes_context=True)
def left(context: Context, moment: datetime | None) -> SafeString | str:
    """For what is left: "58 days left", "22 days ago"."""
    return _time(context.get("now"), moment, "left")


@register.simple_tag
def at(moment: datetime | None) -> SafeString | str:
    """The exact time in the reader's time zone and its name, with UTC in the title."""
    if moment is None:
        return _("unknown")
    exact = moment.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        exact.isoformat(timespec="seconds"),
        f"{exact:%Y-%m-%d %H:%M:%S} UTC",
        formats.date_format(timezone.localtime(moment), "j M Y, H:i T"),
    )


# --- pages ----------------------------------------------------------------------------------------


class RepeatedBlock(template.Node):
    """A node rather than a simple tag, which would escape again what the block has escaped."""

    def __init__(self, name: str) -> None:
        self.name = name

    def render(self, context: Context) -> str:
        block = context.render_context[BLOCK_CONTEXT_KEY].get_block(self.name)
        return block.render(context).strip() if block else ""


@register.tag
def repeat_block(_parser: Parser, token: Token) -> RepeatedBlock:
    """``{% repeat_block title %}``: what the page put into a block, once more. A title is also heading and crumb."""
    return RepeatedBlock(token.split_contents()[1])
