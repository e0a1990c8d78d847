"""One answer for all that an endpoint sends: a server may send each kind of client another chain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from policy.rules.facts import CLIENTS, DEFAULT, EndpointFacts, Sent
from policy.rules.moments import moment
from policy.rules.verdicts import Bad, Good, NotApplicable, NotJudged, Verdict

Question = Callable[[EndpointFacts, Sent, datetime], Verdict]
Rule = Callable[[EndpointFacts, datetime], Verdict]
Answers = Sequence[tuple[Sent, Verdict]]


def of_everything_sent(question: Question) -> Rule:
    """Make a rule of a question about one chain: bad if any is, good only if all are."""

    def rule(facts: EndpointFacts, now: datetime) -> Verdict:
        answers = [(sent, _too_old(sent, now) or question(facts, sent, now)) for sent in facts.sent]
        return _one(answers, _next_moment(facts, answers, now))

    return rule


def _too_old(sent: Sent, now: datetime) -> NotJudged | None:
    """Clients of one kind may have got no answer for long, although the endpoint itself answers."""
    if sent.fresh_until is None or now < sent.fresh_until:
        return None
    since = f" was last seen on {moment(sent.seen_at)}" if sent.seen_at else " was seen long ago"
    return NotJudged(f"What it sends{since}, and did not come again; that is too long ago to judge by.")


def _next_moment(facts: EndpointFacts, answers: Answers, now: datetime) -> datetime | None:
    moments = [verdict.changes_at for _, verdict in answers if not isinstance(verdict, NotApplicable)]
    moments += [sent.fresh_until for sent in facts.sent if sent.fresh_until != facts.stale_from]
    return min((at for at in moments if at and at > now), default=None)


def _one(answers: Answers, changes_at: datetime | None) -> Verdict:
    bad = [(sent, verdict) for sent, verdict in answers if isinstance(verdict, Bad)]
    if bad:
        sentence = _joined([(sent, verdict.sentence) for sent, verdict in bad])
        return Bad(sentence, _evidence(bad), changes_at=changes_at)
    unknown = [(sent, verdict.reason) for sent, verdict in answers if isinstance(verdict, NotJudged)]
    if unknown:
        return NotJudged(_joined(unknown), changes_at)
    gone = [verdict for _, verdict in answers if isinstance(verdict, NotApplicable)]
    return gone[0] if gone else Good(changes_at)


def _joined(said: Sequence[tuple[Sent, str]]) -> str:
    """Say once what is the same for all clients, and name those for whom something else holds."""
    first: dict[str, Sent] = {}
    for sent, sentence in said:
        first.setdefault(sentence, sent)
    return " ".join(_for(sent, sentence) for sentence, sent in first.items())


def _for(sent: Sent, sentence: str) -> str:
    return sentence if sent.variant == DEFAULT else f"For {_clients(sent)}: {sentence}"


def _evidence(bad: Sequence[tuple[Sent, Bad]]) -> dict[str, str]:
    evidence: dict[str, str] = {}
    for sent, verdict in bad:
        for what, value in verdict.evidence.items():
            if evidence.get(what) != value:
                evidence[what if sent.variant == DEFAULT else f"{what}, for {_clients(sent)}"] = value
    return evidence


def _clients(sent: Sent) -> str:
    return CLIENTS.get(sent.variant, sent.variant)
