"""Hostile text, in every place where it may end."""

import csv
import io
import unicodedata
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certdash.lib import inert

anything = st.text(st.characters(exclude_categories=[])) | st.text("=+-@\t\r\n\0 '\"a")


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("bank\0.example", "bank‹U+0000›.example"),
        ("a\nb\rc\td\x7f", "a‹U+000A›b‹U+000D›c‹U+0009›d‹U+007F›"),
        ("\u202egnp.exe", "‹U+202E›gnp.exe"),
        ("a\u200bb\u00adc\ufeff", "a‹U+200B›b‹U+00AD›c‹U+FEFF›"),
        ("a\u2028b\u2029c\x85", "a‹U+2028›b‹U+2029›c‹U+0085›"),
        ("a\u00a0b\u3164c", "a‹U+00A0›b‹U+3164›c"),
        ("\ud800", "‹U+D800›"),
        ("\U000e0041", "‹U+E0041›"),
    ],
)
def test_what_cannot_be_seen_is_shown(hostile: str, shown: str) -> None:
    assert inert.visible(hostile) == shown


@pytest.mark.parametrize("name", ["", "www.example.org", "bücher.example", "例え.テスト", "مثال", "<b>&'\""])
def test_what_can_be_seen_stays(name: str) -> None:
    assert inert.visible(name) == name


@given(anything)
def test_shown_text_has_nothing_hidden_and_stays_as_it_is(text: str) -> None:
    shown = inert.visible(text)
    assert not {unicodedata.category(character) for character in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert inert.visible(shown) == shown
    assert shown.encode().decode() == shown


@given(anything)
def test_shown_text_is_taken_by_xml_and_comes_back(text: str) -> None:
    element = ElementTree.Element("p")
    element.text = inert.visible(text)
    assert (ElementTree.fromstring(ElementTree.tostring(element)).text or "") == element.text  # noqa: S314 - our own text


@pytest.mark.parametrize("hostile", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\0=1", " =1", "＝1"])
def test_formulas_become_text(hostile: str) -> None:
    cell = inert.for_csv(hostile)
    assert cell.startswith("'")
    assert "\0" not in cell


@pytest.mark.parametrize(
    ("cell", "written"), [(None, ""), (-5, "-5"), (0.5, "0.5"), ("web-1", "web-1"), ("a\r\nb", "a\nb")]
)
def test_harmless_cells_stay(cell: object, written: str) -> None:
    assert inert.for_csv(cell) == written


@given(anything)
def test_no_cell_begins_a_formula_and_each_is_read_back_as_one(text: str) -> None:
    cell = inert.for_csv(text)
    assert not cell.lstrip().startswith(("=", "+", "-", "@"))
    written = io.StringIO(newline="")
    csv.writer(written).writerow([cell, "next"])
    assert list(csv.reader(io.StringIO(written.getvalue(), newline=""))) == [[cell, "next"]]


@pytest.mark.parametrize(
    ("text", "limit", "cut"), [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("abc", 1, "…"), ("abc", 0, "")]
)
def test_long_text_is_cut(text: str, limit: int, cut: str) -> None:
    assert inert.shorten(text, limit) == cut
