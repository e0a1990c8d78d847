"""What people type about an item is read, and what cannot be kept is named."""

from __future__ import annotations

from typing import Any

import pytest

from inventory.forms import DetailsForm
from inventory.services import details_of, version_of
from tests.inventory.factories import make_certificate

pytestmark = pytest.mark.django_db


def form(**typed: Any) -> DetailsForm:
    item = make_certificate()
    typed = dict.fromkeys(DetailsForm(item).fields, "") | {"version": version_of(details_of(item))} | typed
    return DetailsForm(item, {f"details-{name}": value for name, value in typed.items()})


def test_lists_and_pairs_are_read_as_people_type_them() -> None:
    read = form(
        tags="Shop, blue,,shop",
        regulations=" NIS2 ,DORA, NIS2",
        custom_fields="room = 4\r\n\r\ncost=a=b\r\nempty=",
        notes="one\r\ntwo",
        data_lifetime_years="0",
    )
    assert read.is_valid(), read.errors
    assert read.wanted == {
        "environment": "",
        "criticality": "",
        "application": "",
        "purpose": "",
        "exposure": "",
        "tags": ["blue", "shop"],
        "regulations": ["NIS2", "DORA"],
        "data_lifetime_years": 0,
        "custom_fields": {"cost": "a=b", "empty": "", "room": "4"},
        "notes": "one\ntwo",
    }


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("tags", "shop, back office", "“back office” is no tag"),
        ("tags", "a\u202eb", "“a‹U+202E›b” has characters that nobody sees"),
        ("tags", ", ".join(f"t{n}" for n in range(21)), "There are 21; at most 20"),
        ("regulations", f"NIS2, {'x' * 51}", "is longer than 50 characters"),
        ("custom_fields", "a=1\nroom 4", "Line 2, “room 4”: write it as key=value"),
        ("custom_fields", "=4", "Line 1, “=4”"),
        ("custom_fields", "a=1\na=2", "Line 2: “a” stands twice"),
        ("custom_fields", "\n".join(f"k{n}=1" for n in range(31)), "There are 31; at most 30"),
        ("data_lifetime_years", "-1", "greater than or equal to 0"),
        ("environment", "moon", "moon is not one of"),
        ("notes", "a\x00b", "Null characters"),
        ("notes", "one\r\ntwo\u202e", "“two‹U+202E›” has characters that nobody sees"),
        ("application", "a\u200bb", "“a‹U+200B›b” has characters that nobody sees"),
    ],
)
def test_what_cannot_be_kept_is_named(field: str, typed: str, words: str) -> None:
    refused = form(**{field: typed})
    assert not refused.is_valid()
    assert words in " ".join(map(str, refused.errors[field]))
