"""Whose an unowned thing probably is: what speaks for each team, weighed, with words for people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

MOST_SUGGESTIONS = 3
MOST_REASONS = 2


class Clue(StrEnum):
    """What can speak for a team. The strongest first."""

    NAMES = "names"
    KEY = "key"
    PLACE = "place"
    NAME = "name"
    PARENT = "parent"
    IMPORTED = "imported"
    SUBNET = "subnet"
    DOMAIN = "domain"
    ASKED = "asked"


# How far one clue alone goes, if all that was compared is one team's.
WEIGHTS: Mapping[Clue, float] = {
    Clue.NAMES: 0.8,
    Clue.KEY: 0.75,
    Clue.PLACE: 0.7,
    Clue.NAME: 0.6,
    Clue.PARENT: 0.5,
    Clue.IMPORTED: 0.4,
    Clue.SUBNET: 0.35,
    Clue.DOMAIN: 0.35,
    Clue.ASKED: 0.25,
}
WORDS: Mapping[Clue, str] = {
    Clue.NAMES: "it has the same names as {example} of theirs",
    Clue.KEY: "it has the same key as {example} of theirs",
    Clue.PLACE: "what stands beside it, {example}, is theirs",
    Clue.NAME: "the certificate {example} of theirs is for the same name",
    Clue.PARENT: "the name above it, {example}, is theirs",
    Clue.IMPORTED: "it was brought in by {example}",
    Clue.SUBNET: "their endpoints are near, in {example}",
    Clue.DOMAIN: "they own certificates under {example}",
    Clue.ASKED: "the scan that found it was asked for by {example}",
}


class Confidence(StrEnum):
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


_AT_LEAST = ((0.7, Confidence.HIGH), (0.4, Confidence.MEDIUM), (0.1, Confidence.LOW))
# Two teams that are about equally likely make neither of them more than likely.
_TOO_CLOSE = 0.15


@dataclass(frozen=True, slots=True)
class Hint:
    """Something that speaks for a team: ``count`` of the ``of`` owned things that were compared are theirs."""

    team: int
    clue: Clue
    example: str = ""
    count: int = 1
    of: int = 1

    @property
    def weight(self) -> float:
        return WEIGHTS[self.clue] * (self.count / self.of if self.of else 0)

    @property
    def words(self) -> str:
        said = WORDS[self.clue].format(example=self.example)
        return said if self.count == self.of else f"{said} ({self.count} of {self.of})"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One team, how sure that is, and why: the strongest hints first."""

    team: int
    score: float
    confidence: Confidence
    hints: tuple[Hint, ...]

    @property
    def reason(self) -> str:
        words = "; ".join(hint.words for hint in self.hints[:MOST_REASONS])
        return words[:1].upper() + words[1:]


def tally(clue: Clue, found: Iterable[tuple[int, str]]) -> list[Hint]:
    """Hints from owned things that were compared, each as (team, what it is called)."""
    examples: dict[int, list[str]] = defaultdict(list)
    for team, called in found:
        examples[team].append(called)
    of = sum(map(len, examples.values()))
    return [Hint(team, clue, min(called), len(called), of) for team, called in sorted(examples.items())]


def suggest(hints: Iterable[Hint]) -> list[Suggestion]:
    """The teams that most speaks for, most first; nothing where nothing says enough.

    Each hint leaves a part of the doubt; what several leave is multiplied.
    """
    by_team: dict[int, list[Hint]] = defaultdict(list)
    for hint in hints:
        by_team[hint.team].append(hint)
    scored = sorted(((_score(own), team) for team, own in by_team.items()), key=lambda pair: (-pair[0], pair[1]))
    best = [(score, team) for score, team in scored if _confidence(score)][:MOST_SUGGESTIONS]
    return [
        Suggestion(team, score, _beside(score, scored), tuple(sorted(by_team[team], key=_by_weight)))
        for score, team in best
    ]


def _score(hints: Iterable[Hint]) -> float:
    doubt = 1.0
    strongest: dict[Clue, float] = {}
    for hint in hints:
        strongest[hint.clue] = max(hint.weight, strongest.get(hint.clue, 0))
    for weight in strongest.values():
        doubt *= 1 - weight
    return 1 - doubt


def _by_weight(hint: Hint) -> tuple[float, str, str]:
    return -hint.weight, hint.clue, hint.example


def _confidence(score: float) -> Confidence | None:
    return next((word for least, word in _AT_LEAST if score >= least), None)


def _beside(score: float, scored: Iterable[tuple[float, int]]) -> Confidence:
    """High only where no other team comes near."""
    near = [other for other, _team in scored if abs(other - score) < _TOO_CLOSE]
    word = _confidence(score) or Confidence.LOW
    return Confidence.MEDIUM if word == Confidence.HIGH and len(near) > 1 else word


def above(name: str, domain: str) -> list[str]:
    """The names above a host name, down to its registrable domain, each also as the wildcard that covers beside it."""
    host = name.removeprefix("*.")
    found: list[str] = []
    while host != domain and host.endswith(f".{domain}"):
        host = host.partition(".")[2]
        found += [host, f"*.{host}"]
    return [each for each in found if each != name]
