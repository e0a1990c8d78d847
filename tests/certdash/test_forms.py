"""What every form checks: that it came whole, and that one line is one line."""

from __future__ import annotations

import pytest
from django import forms
from django.core.exceptions import ValidationError

from certdash.lib.forms import Whole, many_lines, one_line, say_one_line


class Card(Whole, forms.Form):
    name = forms.CharField(required=False)
    place = forms.CharField(required=False)
    loud = forms.BooleanField(required=False)

    def __init__(self, data: dict[str, str]) -> None:
        super().__init__(data, prefix="card")
        say_one_line(self, "name", "no such field")


def test_a_missing_field_is_no_empty_one() -> None:
    assert Card({"card-name": "", "card-place": ""}).is_valid()
    for data in ({}, {"card-name": "A"}, {"name": "A", "place": "B"}):
        form = Card(data)
        assert form.non_field_errors() == [
            "The form was incomplete, so nothing was saved. Open the page again and repeat it."
        ]


@pytest.mark.parametrize("text", ["a\u202eb", "a\nb", "a\u200bb", "a\u2028b", "\x00", "a\tb"])
def test_one_line_shows_all_that_is_in_it(text: str) -> None:
    with pytest.raises(ValidationError, match="characters that nobody sees"):
        one_line(text)
    assert "name" in Card({"card-name": f"x{text}x", "card-place": ""}).errors


def test_ordinary_text_is_one_line() -> None:
    one_line("Zürich — 北京 «shop», O’Neill & co.")


def test_many_lines_may_break_and_indent_and_hide_nothing() -> None:
    many_lines("one\r\n\ttwo\n\nthree")
    for text in ("one\ntwo\u202e", "one\u2028two", "one\rtwo", "a\0b"):
        with pytest.raises(ValidationError, match="characters that nobody sees"):
            many_lines(text)


def test_a_rule_that_is_there_already_is_not_told_twice() -> None:
    form = Card({"card-name": "a\u202eb", "card-place": ""})
    say_one_line(form, "name")
    assert len(form.errors["name"]) == 1
