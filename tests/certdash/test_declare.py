"""Reading configuration files: every fault is named with its line, all of them at once, and nothing is executed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from certdash.lib.declare import (
    By,
    Change,
    DeclareError,
    Field,
    Key,
    Secret,
    Section,
    Table,
    Values,
    choice,
    dumped,
    each,
    flag,
    number,
    plan,
    read,
    secret,
    text,
    wanted,
)


class Shelf(Section):
    """Items in memory."""

    name = "shelf"
    words = "What stands there."
    key = ("name",)
    fields = (
        Field("name", text, "what it is called", is_required=True),
        Field("size", number, "how big", 1),
        Field("on", flag, "whether it burns", default=True),
        Field("kind", choice(["", "book", "lamp"]), "what it is"),
        Field("words", each(text), "what is said of it", ()),
        Field("code", secret, "opens it", Secret("")),
    )

    def __init__(self, *items: Values) -> None:
        self.items = items

    def present(self) -> dict[Key, Values]:
        defaults = {field.name: field.default for field in self.fields}
        return {(item["name"],): {**defaults, **item} for item in self.items}

    def write(self, change: Change, by: By) -> None:
        raise NotImplementedError


class Ordered(Shelf):
    is_ordered = True


def faults(file: str, *sections: Section) -> list[str]:
    with pytest.raises(DeclareError) as raised:
        wanted(read(file), sections or (Shelf(),), Path())
    return [str(problem) for problem in raised.value.problems]


def changes(file: str, section: Section) -> Sequence[Change]:
    return plan(wanted(read(file), (section,), Path()))


def value(yaml: str, name: str) -> Any:
    (wish,) = wanted(read(f"shelf:\n  - name: a\n    {name}: {yaml}\n"), (Shelf(),), Path())
    return wish.items["a",][1][name]


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("shelf:\n  - name: a\n    siez: 3\n", "line 3: shelf[0] has no “siez”; did you mean “size”?"),
        ("shelf:\n  - name: a\n  - name: b\n    xyz: 1\n", "line 4: shelf[1] has no “xyz”. There is: name, size"),
        ("shelv: []\n", "line 1: There is no section “shelv”; did you mean “shelf”?"),
        ("shelf:\n  - name: a\n    name: b\n", "line 3: “name” stands here twice, first in line 2."),
        ("shelf:\n  - name: a\n    size: big\n", "line 3: shelf[0].size: Write a whole number."),
        ('shelf:\n  - name: a\n    size: "3"\n', "line 3: shelf[0].size: Write a whole number."),
        ("shelf:\n  - name: a\n    on: perhaps\n", "line 3: shelf[0].on: Write true or false."),
        ("shelf:\n  - name: a\n    kind: lapm\n", "line 3: shelf[0].kind: Write one of book, lamp."),
        ("shelf:\n  - name: a\n    words: one\n", "line 3: shelf[0].words: Write a list"),
        ("shelf:\n  - name: [a]\n", "line 2: shelf[0].name: Write a text, not a list."),
        ("shelf:\n  - size: 3\n", "line 2: shelf[0] needs “name”: what it is called"),
        ("shelf:\n  - name: a\n  - name: a\n", "line 3: shelf[1] is the same as the one in line 2: a."),
        ("shelf: 3\n", "line 1: shelf is a list, or a table of “prune: true” and “items”."),
        ("shelf:\n  prune: true\n", "line 2: shelf is a list, or a table of “prune: true” and “items”."),
        ("- shelf\n", "line 1: Write sections here"),
        ("shelf: []\n---\nshelf: []\n", "line 2: One file holds one document."),
        ("shelf: [\n", "This is no YAML"),
        ("shelf: \x07\n", "line 1: There is a character that YAML does not take"),
        ("a: &x [1]\nb: *x\n", "line 1: Anchors and aliases (& and *) are not taken"),
        ("a: !!python/object/apply:os.system [id]\n", "line 1: Tags such as"),
        ("a: !!str 3\n", "line 1: Tags such as"),
        ("? [a]\n: b\n", "line 1: A key is one word"),
        ("[" * 100_000, "lies deeper than"),
        ("a: " + "x" * 1_000_001, "The file has more than 1,000,000 bytes."),
        ("shelf:\n  - name: a\n    code: hunter2\n", "line 3: shelf[0].code: A secret does not stand in the file"),
        ("shelf:\n  - name: a\n    code: {env: NOT_THERE}\n", "The environment has no NOT_THERE."),
        ("shelf:\n  - name: {file: not-there}\n", "not-there cannot be read"),
        ("shelf:\n  - name: {env: A, file: b}\n", "Write a text, or {env: NAME}, or {file: PATH}."),
    ],
)
def test_a_fault_is_named_with_its_line(file: str, sentence: str) -> None:
    (said,) = faults(file)
    assert sentence in said


def test_all_faults_are_told_at_once_in_order() -> None:
    file = "shelf:\n  - size: x\n    name: a\n  - nam: b\nother: 1\n"
    said = faults(file)
    assert [line.partition(":")[0] for line in said] == ["line 2", "line 4", "line 4", "line 5"]


def test_no_secret_is_repeated_in_what_is_said() -> None:
    assert "hunter2" not in " ".join(faults("shelf:\n  - name: a\n    code: hunter2\n"))


@pytest.mark.parametrize("word", ["no", "22:30", "0123", "1.5", "2026-11-23", "null and void"])
def test_a_text_is_what_stands_there_whatever_yaml_makes_of_it(word: str) -> None:
    assert value(f"[{word}]", "words") == (word,)


@pytest.mark.parametrize("word", ["", "~", "null"])
def test_nothing_is_an_empty_text_and_an_empty_list(word: str) -> None:
    assert value(word, "words") == ()


def test_a_secret_comes_from_the_environment_or_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SHELF_CODE", "hunter2")
    (tmp_path / "code").write_text("hunter3\n")
    file = "shelf:\n  - name: a\n    code: {env: SHELF_CODE}\n  - name: b\n    code: {file: code}\n"
    (wish,) = wanted(read(file), (Shelf(),), tmp_path)
    codes = [values["code"] for _line, values in wish.items.values()]
    assert codes == [Secret("hunter2"), Secret("hunter3")]
    assert "hunter" not in repr(codes)


def test_an_empty_file_asks_for_nothing() -> None:
    assert read("# nothing\n") == Table(1, 1)


def test_the_difference_names_only_what_was_asked_for() -> None:
    section = Shelf({"name": "a", "size": 2}, {"name": "b"}, {"name": "c"})
    found = changes("shelf:\n  - name: a\n    size: 3\n  - name: b\n    size: 1\n  - name: d\n    on: no\n", section)
    assert [(change.kind, change.item, change.before, change.after) for change in found] == [
        ("changed", "a", {"size": 2}, {"size": 3}),
        ("created", "d", {}, {"name": "d", "on": False}),
    ]
    assert [change.line for change in found] == [2, 6]


def test_what_is_not_named_goes_only_with_prune() -> None:
    section = Shelf({"name": "a"}, {"name": "b"})
    assert changes("shelf:\n  - name: a\n", section) == []
    (gone,) = changes("shelf:\n  prune: true\n  items:\n    - name: a\n", section)
    assert (gone.kind, gone.item) == ("removed", "b")


def test_the_order_of_the_file_comes_first_and_the_others_follow() -> None:
    section = Ordered({"name": "a"}, {"name": "b"}, {"name": "c"})
    (change,) = changes("shelf:\n  - name: c\n  - name: a\n", section)
    assert (change.kind, change.before, change.after) == (
        "ordered",
        {"order": ("a", "b", "c")},
        {"order": ("c", "a", "b")},
    )
    assert changes("shelf:\n  - name: a\n  - name: b\n", section) == []


def test_what_is_dumped_asks_for_no_change_and_holds_no_secret() -> None:
    hostile = {"name": 'no: "x" # {env: A}', "words": ("22:30", "", "~", "é\u202e", "a\nb"), "size": 7}
    section = Shelf(hostile, {"name": "b", "code": Secret("hunter2"), "on": False})
    file = dumped([section])
    assert changes(file, section) == []
    assert "hunter2" not in file
    assert "words" not in file.partition("name: b")[2]
