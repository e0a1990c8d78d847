"""Questions about one node beside the others of its service."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TypeAlias

from policy.rules.facts import EndpointFacts, Leaf, Node, Sent, Service
from policy.rules.variants import of_everything_sent
from policy.rules.verdicts import Bad, Good, NotApplicable, NotJudged, Verdict

# Each is compared with each. Behind one name in a wide network any number of addresses may answer.
MOST_NODES = 1_000
SHOWN = 5
# A finding is read by the team that owns its subject; what belongs to others is counted, not named.
OF_ANOTHER_TEAM = "a node of another team"
# Another node, and a later certificate of the family that it serves.
Newer: TypeAlias = Sequence[tuple[Node, Leaf]]


@of_everything_sent
def not_same_everywhere(facts: EndpointFacts, sent: Sent, now: datetime) -> Verdict:
    """Whether this node was left behind: it serves a certificate that a later one of its family replaced.

    That another node serves a later one is not enough: nodes may each have a certificate of their own, and renew it on
    days of their own. One of these tells that the later one came in the place of the former:

    - a node that served the former served the later one since, and did not go back (``Service.replaced``);
    - both have the same key: the later one is its renewal;
    - the later one began when the former was due for renewal, and the former is urgent by now. A node that renews a
      certificate of its own has done so before.

    Where most nodes serve the later one and nothing of this was seen, nobody can say.

    Silence is no answer: while a node that would tell against this one does not answer, it is not judged, and what was
    told stays told. A node that is retired takes away what it told.
    """
    if facts.service.is_too_large:
        return NotJudged(f"More than {MOST_NODES:,} nodes answer to this name: they were not compared.")
    if sent.leaf.not_before is None:
        return NotJudged("The first day of its certificate could not be read, so nobody can say which is the newer.")
    return _beside_the_others(facts, sent, now)


def _beside_the_others(facts: EndpointFacts, sent: Sent, now: datetime) -> Verdict:
    others = [node for node in facts.service.nodes if node.key != facts.key]
    known = [node for node in others if not node.is_retired]
    fresh = [node for node in known if node.is_fresh]
    seen = _beside(fresh, len(known) + 1, facts, sent, now)
    if not isinstance(seen, Good):
        return seen
    if len(fresh) < len(known) and (silent := _beside_the_silent(fresh, known, facts, sent, now)):
        return silent
    if len(known) < len(others) and isinstance(_beside(others, len(others) + 1, facts, sent, now), Bad):
        return NotApplicable("retired")
    return seen


def _beside_the_silent(
    fresh: Sequence[Node], known: Sequence[Node], facts: EndpointFacts, sent: Sent, now: datetime
) -> NotJudged | None:
    """What stands in the way of saying that this node is beside the others: what those served that are silent now."""
    if not fresh:
        return NotJudged("No other node of this service has answered lately, so there is nothing to compare it with.")
    if isinstance(_beside(known, len(known) + 1, facts, sent, now), Good):
        return None
    return NotJudged("A node that served a newer certificate when it last answered has not answered since.")


def _beside(nodes: Sequence[Node], total: int, facts: EndpointFacts, sent: Sent, now: datetime) -> Verdict:
    own = {one.leaf.key_type for one in facts.sent}
    newer = [(node, leaf) for node in nodes for leaf in node.leaves if _is_later(leaf, sent.leaf, own, node)]
    why = _why_replaced(sent.leaf, newer, facts.service, now)
    if not why:
        return _without_evidence(sent.leaf, newer, facts.service, total)
    by_key = list({node.key: node for node, _ in newer}.values())
    return Bad(
        f"{len(by_key)} of {total} nodes already serve a newer certificate; this one was left behind.",
        {"newer on": _places(by_key[:SHOWN], facts), "how we know": why},
    )


def _places(nodes: Sequence[Node], facts: EndpointFacts) -> str:
    return ", ".join(node.place if node.team in facts.named_teams else OF_ANOTHER_TEAM for node in nodes)


def _is_later(leaf: Leaf, here: Leaf, own: set[str], node: Node) -> bool:
    """Whether another node's certificate is a later one of the same family.

    An RSA and an ECDSA certificate side by side do not replace each other; but who changed from one to the other
    serves the former no more.
    """
    if leaf.not_before is None or here.not_before is None or leaf.not_before <= here.not_before:
        return False
    if leaf.sha256 == here.sha256 or not leaf.carries_all_of(here):
        return False
    theirs = {one.key_type for one in node.leaves}
    return leaf.key_type == here.key_type or (leaf.key_type not in own and here.key_type not in theirs)


def _why_replaced(here: Leaf, newer: Newer, service: Service, now: datetime) -> str:
    """What tells that one of these came in the place of ``here``; empty if nothing does."""
    if any((here.sha256, leaf.sha256) in service.replaced for _, leaf in newer):
        return "a node that sent this certificate sent the newer one after it"
    if any(here.key and leaf.key == here.key for _, leaf in newer):
        return "the newer one has the same key"
    is_urgent = here.urgent_from is not None and now >= here.urgent_from
    if is_urgent and any(_came_when_due(leaf, here) for _, leaf in newer):
        return "the newer one began when this one was due for renewal, and little of its life is left"
    return ""


def _came_when_due(leaf: Leaf, here: Leaf) -> bool:
    return bool(leaf.not_before and here.expiring_from and leaf.not_before >= here.expiring_from)


def _without_evidence(here: Leaf, newer: Newer, service: Service, total: int) -> Good | NotJudged:
    changes_at = here.urgent_from if any(_came_when_due(leaf, here) for _, leaf in newer) else None
    if any((here.sha256, leaf.sha256) in service.alternated for _, leaf in newer):
        return NotJudged(
            "A node sent now this certificate, now a newer one, so nobody can say whether that came in its place.",
            changes_at,
        )
    if _serve_most(newer, total):
        return NotJudged(
            "Most nodes serve a newer certificate, and no look has shown that it came in the place of this one.",
            changes_at,
        )
    return Good(changes_at)


def _serve_most(newer: Iterable[tuple[Node, Leaf]], total: int) -> bool:
    """Whether more than half of the nodes serve one and the same of these; one of two is no majority."""
    carried = Counter(sha256 for _, sha256 in {(node.key, leaf.sha256) for node, leaf in newer})
    return any(number * 2 > total for number in carried.values())
