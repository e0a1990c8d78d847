"""What a daily mail says: plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from alerts.reasons import Found, Say, what_to_say
from inventory.filters import Count, in_words


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that went wrong: how often, the worst of it line by line, and the list with all of it (or several).

    ``short`` is what the subject says of it; ``beside``: told, but no reason to write.
    """

    code: str
    title: str
    short: str
    count: Count
    lines: Sequence[str]
    paths: Sequence[str]
    beside: bool = False
    certificates: Sequence[int] = ()

    @property
    def number(self) -> str:
        return in_words(self.count)

    @property
    def left(self) -> str:
        """How many are only counted; empty if every one has its line, or none shall have one."""
        left = self.count.number - len(self.lines)
        return in_words(Count(left, self.count.exact)) if self.lines and left > 0 else ""


@dataclass(frozen=True, slots=True)
class Daily:
    """All that the mail of one day says to one address."""

    at: datetime
    day: date
    parts: Sequence[Part]
    judged: int
    population: int
    unjudged_paths: Sequence[str]
    everything: bool

    @property
    def not_judged(self) -> int:
        return self.population - self.judged

    @property
    def say(self) -> Say:
        found = [Found(part.code, part.count.number, part.beside) for part in self.parts]
        return what_to_say(found, self.judged, self.population, self.day)

    @property
    def certificates(self) -> list[int]:
        return [pk for part in self.parts for pk in part.certificates]
