"""Words, times and links of the pages."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.template import Context, Template

from certdash.templatetags.certdash import beyond, fingerprint, initials, number, relative, severity_code, status_word
from tests.conftest import NOW


def render(source: str, **context: Any) -> str:
    return Template("{% load certdash charts %}" + source).render(Context(context))


@pytest.mark.parametrize(
    ("moment", "style", "text"),
    [
        (NOW - timedelta(seconds=20), "ago", "just now"),
        (NOW - timedelta(minutes=2, seconds=59), "ago", "2 min ago"),
        (NOW - timedelta(hours=3), "ago", "3 h ago"),
        (NOW - timedelta(days=4, hours=20), "ago", "4 d ago"),
        (NOW - timedelta(days=800), "ago", "2 y ago"),
        (NOW + timedelta(hours=47), "until", "in 47 h"),
        (NOW + timedelta(days=5, hours=23), "until", "in 5 days"),
        (NOW - timedelta(days=22), "until", "22 days ago"),
        (NOW + timedelta(days=58, hours=1), "left", "58 days left"),
        (NOW + timedelta(hours=20), "left", "20 h left"),
        (NOW.replace(year=9999, month=12), "until", "in 7,973 years"),
    ],
)
def test_times_are_rounded_towards_now(moment: datetime, style: str, text: str) -> None:
    assert relative(moment, NOW, style) == text


def test_a_time_carries_its_exact_utc() -> None:
    shown = render("{% ago moment %}", moment=NOW - timedelta(hours=3), now=NOW)
    assert 'datetime="2026-11-23T06:41:00+00:00"' in shown
    assert 'title="2026-11-23 06:41:00 UTC"' in shown
    assert ">3 h ago<" in shown


def test_without_a_clock_a_time_is_shown_exactly() -> None:
    assert ">2026-11-23 09:41 UTC<" in render("{% until moment %}", moment=NOW)


def test_an_absent_time_is_unknown() -> None:
    assert render("{% ago moment %}", moment=None, now=NOW) == "unknown"


def test_hostile_text_is_shown_and_escaped() -> None:
    shown = render("{{ name|inert }}", name="<b>\u202emoc.elpmaxe")
    assert "<b>" not in shown
    assert "\u202e" not in shown
    assert "202E" in shown


def test_an_icon_name_cannot_break_out_of_its_attribute() -> None:
    assert '"><script>' not in render("{% icon name %}", name='x"><script>')


def test_digits_are_grouped_and_words_are_left_alone() -> None:
    assert [number(1284), number("94 %"), number("10,000+")] == ["1,284", "94 %", "10,000+"]


def test_fingerprints_are_grouped_or_shortened() -> None:
    assert fingerprint(bytes.fromhex("9f2c07b1e4d0")) == "9f2c 07b1 e4d0"
    assert fingerprint("9F:2C:07:B1:E4:D0", "short") == "9f2c…e4d0"


@pytest.mark.parametrize(
    ("person", "letters"),
    [("Ada Lovelace", "AL"), ("m.keller@example.com", "MK"), ("ops@example.com", "OP"), ("", "?")],
)
def test_initials_come_from_name_or_address(person: str, letters: str) -> None:
    assert initials(person) == letters


def test_an_unheard_of_status_is_unknown_and_never_good() -> None:
    assert status_word("surprise") == "unknown"
    assert "status-in_date" not in render('{% include "_status.html" with status="surprise" %}')


def test_no_status_is_called_valid_or_ok() -> None:
    words = " ".join(status_word(code) for code in ("in_date", "expiring", "expired", "revoked", "gone", "done"))
    assert "valid" not in words.split()
    assert "ok" not in words.lower().split()


def test_severity_numbers_and_codes_name_the_same_thing() -> None:
    assert [severity_code(4), severity_code("critical"), severity_code(0)] == ["critical", "critical", "none"]


def test_a_block_of_a_page_can_be_said_again() -> None:
    page = Template("{% block title %} Nobody {% endblock %}, {% load certdash %}{% repeat_block title %}!")
    child = Template("{% extends page %}{% block title %} A & {{ b }} {% endblock %}")
    assert child.render(Context({"page": page, "b": "<b>"})) == " A & &lt;b&gt; , A & &lt;b&gt;!"


def test_a_block_that_no_page_has_is_empty_when_said_again() -> None:
    page = Template("{% load certdash %}[{% repeat_block absent %}]")
    assert Template("{% extends page %}").render(Context({"page": page})) == "[]"


def test_the_bar_of_unreadable_dates_says_so() -> None:
    assert "not readable" in render('{% lifetime a b "unknown" %}', a=None, b=None, now=NOW)


def test_the_bar_of_an_expired_certificate_is_full_and_hatched() -> None:
    life = {"a": NOW - timedelta(days=100), "b": NOW - timedelta(days=10), "now": NOW}
    shown = render('{% lifetime a b "expired" %}', **life)
    assert 'width="100%"' in shown
    assert 'fill="url(#hatch)"' in shown


@pytest.mark.parametrize(
    "template", ["_status.html", "_severity.html", "_nodes.html", "_strip.html", "_not_judged.html"]
)
def test_a_part_escapes_what_it_is_given(template: str) -> None:
    bad = "<script>alert(1)</script>"
    item = {"label": bad, "number": bad, "note": bad, "state": bad}
    context = {
        "status": bad,
        "words": bad,
        "severity": bad,
        "nodes": [item],
        "strip": [item],
        "reason": bad,
        "now": NOW,
    }
    shown = render(f'{{% include "{template}" %}}', **context)
    assert "alert(1)" in shown
    assert "<script>" not in shown


def test_reasons_are_said_in_words() -> None:
    assert render('{{ "tls_alert"|spaced }}') == "TLS handshake refused"
    assert render('{{ "handshake failed: tls alert"|spaced }}') == "no certificate: TLS handshake refused"
    assert render('{{ "name_not_found"|spaced }}') == "name not found"


def test_a_tick_does_not_stand_where_something_is_found_broken() -> None:
    source = '{% include "_status.html" with status="in_date" troubled=troubled %}'
    assert "status-in_date" in render(source, troubled=0)
    assert "status-plain" in render(source, troubled=3)


@pytest.mark.parametrize(
    ("detail", "reason", "shown"),
    [("Connection refused", "refused", ""), ("220 mail", "not_tls", "220 mail"), ("", "refused", "")],
)
def test_a_detail_that_repeats_its_reason_is_not_said_again(detail: str, reason: str, shown: str) -> None:
    assert beyond(detail, reason) == shown
