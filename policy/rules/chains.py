"""Questions about one chain as an endpoint sends it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from policy.rules.facts import EndpointFacts, PathFacts, Sent
from policy.rules.variants import Rule, of_everything_sent
from policy.rules.verdicts import Bad, Good, NotApplicable, NotJudged, Verdict

NOT_KEPT = "A part of the chain that it sent is not kept here, so the chain cannot be checked."
SHOWN = 3


def of_every_form(question: Callable[[PathFacts], Verdict]) -> Rule:
    """Make a rule of a question about the form of a chain, whoever is trusted."""

    def judge(_facts: EndpointFacts, sent: Sent, _now: datetime) -> Verdict:
        if sent.path is None:
            return NotJudged(NOT_KEPT)
        return question(sent.path) if sent.path.is_read else NotJudged(sent.path.sentence)

    return of_everything_sent(judge)


@of_every_form
def incomplete_chain(path: PathFacts) -> Verdict:
    if not path.missing or path.missing_is == "root":
        return Good()
    if path.missing_is == "unknown":
        return NotJudged(f"{path.missing} was not sent and is not known here, so nobody can say whether it is a root.")
    return Bad(f"It does not send {path.missing}.", {"missing": path.missing})


@of_every_form
def misordered_chain(path: PathFacts) -> Verdict:
    if not path.misplaced:
        return Good()
    listed = _listed(path.misplaced)
    return Bad(f"Sent at the wrong place: {listed}.", {"out of order": listed})


@of_every_form
def superfluous_chain(path: PathFacts) -> Verdict:
    if not path.strangers:
        return Good()
    listed = _listed(path.strangers)
    return Bad(f"Sent without need: {listed}.", {"not needed": listed})


@of_everything_sent
def untrusted_path(_facts: EndpointFacts, sent: Sent, _now: datetime) -> Verdict:
    path = sent.path
    if path is None:
        return NotJudged(NOT_KEPT)
    if path.trusted is None:
        return NotJudged(path.sentence, path.changes_at)
    if path.trusted:
        return Good(path.changes_at)
    return _not_trusted(path)


def _not_trusted(path: PathFacts) -> Verdict:
    """One fault, one finding: the rules "self_signed" and "incomplete_chain" tell theirs."""
    if path.is_self_signed or path.missing_is == "intermediate":
        return NotApplicable("overtaken")
    return Bad(_without_end(path), {"path": path.sentence}, changes_at=path.changes_at)


def _without_end(path: PathFacts) -> str:
    if not path.missing:
        return path.sentence
    what = "a root that is" if path.missing_is == "root" else "which was not sent and is"
    return f"Its chain ends at {path.missing}, {what} in no trust store."


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more
