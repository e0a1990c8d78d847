"""Questions about one node beside the others of its service."""

from __future__ import annotations

from collections.abc import Sequence

from policy.rules.facts import EndpointFacts, Leaf, Node, Sent
from policy.rules.variants import of_everything_sent
from policy.rules.verdicts import Bad, Good, NotJudged, Verdict

# Each is compared with each. Behind one name in a wide network any number of addresses may answer.
MOST_NODES = 1_000
SHOWN = 5
# A finding is read by the team that owns its subject; what belongs to others is counted, not named.
OF_ANOTHER_TEAM = "a node of another team"


@of_everything_sent
def not_same_everywhere(facts: EndpointFacts, sent: Sent) -> Verdict:
    if facts.service.is_too_large:
        return NotJudged(f"More than {MOST_NODES:,} nodes answer to this name: they were not compared.")
    if sent.leaf.not_before is None:
        return NotJudged("The first day of its certificate could not be read, so nobody can say which is the newer.")
    own = {one.leaf.key_type for one in facts.sent}
    others = [node for node in facts.service.nodes if node.key != facts.key]
    newer = [node for node in others if any(_replaces(leaf, sent.leaf, own, node) for leaf in node.leaves)]
    if not newer:
        return Good()
    return Bad(
        f"{len(newer)} of {len(others) + 1} nodes already serve a newer certificate; this one was left behind.",
        {"newer on": _places(newer[:SHOWN], facts)},
    )


def _places(nodes: Sequence[Node], facts: EndpointFacts) -> str:
    return ", ".join(node.place if node.team in facts.named_teams else OF_ANOTHER_TEAM for node in nodes)


def _replaces(leaf: Leaf, here: Leaf, own: set[str], node: Node) -> bool:
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
