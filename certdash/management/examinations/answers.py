"""The form of an answer: good needs to have been looked at, and what could not be looked at is not judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class State(StrEnum):
    GOOD = "good"
    BAD = "bad"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True)
class Answer:
    """``name``: what was looked at. ``text``: what was seen and, unless it is good, what to do."""

    name: str
    state: State
    text: str


Examination = Callable[[datetime], Answer]


def good(name: str, text: str) -> Answer:
    return Answer(name, State.GOOD, text)


def bad(name: str, text: str) -> Answer:
    return Answer(name, State.BAD, text)


def not_judged(name: str, text: str) -> Answer:
    return Answer(name, State.NOT_JUDGED, text)
