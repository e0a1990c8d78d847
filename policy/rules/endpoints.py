"""Rules about one endpoint: what it sends, to whom, and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from inventory.names import matches
from policy.rules.verdicts import Bad, Good, NotApplicable, NotJudged, Verdict

GOOD_VERSIONS = frozenset({"TLSv1.2", "TLSv1.3"})
OLD_VERSIONS = frozenset({"SSLv2", "SSLv3", "TLSv1", "TLSv1.0", "TLSv1.1"})


@dataclass(frozen=True, slots=True)
class Node:
    """What one node of a service serves: enough to see which was left behind."""

    place: str
    sha256: str
    names_sha256: str
    not_before: datetime | None


@dataclass(frozen=True, slots=True)
class PathFacts:
    """What path building says of the chain as sent (inventory.trust).

    ``trusted`` is None when it could not be judged; without ``is_read`` the form of the chain is unknown. ``missing``
    names the issuer that was not sent.
    """

    trusted: bool | None
    sentence: str
    is_read: bool = True
    missing: str = ""
    misplaced: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EndpointFacts:
    """What the rules know of one endpoint after its last look.

    ``stale_from`` is when the look stops being evidence (twice the schedule). ``server_name`` comes from people or
    DNS, never from the certificate.
    """

    retired: bool
    served: bool
    reason: str
    stale_from: datetime | None
    server_name: str
    names: tuple[tuple[str, str], ...]
    tls_version: str
    path: PathFacts | None
    here: Node | None
    others: tuple[Node, ...] = ()


def presence(facts: EndpointFacts, now: datetime) -> NotApplicable | NotJudged | None:
    """Say why no rule can be answered now, or None if there is fresh evidence to judge."""
    if facts.retired:
        return NotApplicable("retired")
    if not facts.served or facts.here is None:
        return NotJudged(f"The last look brought no certificate ({facts.reason or 'never tried'}).")
    if facts.stale_from is not None and now >= facts.stale_from:
        return NotJudged("The last look is older than twice its schedule.")
    return None


def wrong_name(facts: EndpointFacts, _now: datetime) -> Verdict:
    if not facts.server_name:
        return NotJudged("The name under which clients ask is not known.")
    if matches(facts.server_name, facts.names):
        return Good()
    carried = ", ".join(value for _, value in facts.names[:5]) or "no name at all"
    more = f" and {len(facts.names) - 5} more" if len(facts.names) > 5 else ""
    return Bad(
        f"Asked for {facts.server_name}, it sends a certificate for {carried}{more}.",
        {"asked for": facts.server_name, "names in the certificate": carried + more},
    )


def incomplete_chain(facts: EndpointFacts, _now: datetime) -> Verdict:
    if facts.path is None or not facts.path.is_read:
        return NotJudged("The chain could not be read.")
    if not facts.path.missing:
        return Good()
    return Bad(f"It does not send {facts.path.missing}.", {"missing": facts.path.missing})


def misordered_chain(facts: EndpointFacts, _now: datetime) -> Verdict:
    if facts.path is None or not facts.path.is_read:
        return NotJudged("The chain could not be read.")
    if not facts.path.misplaced:
        return Good()
    listed = ", ".join(facts.path.misplaced[:3])
    return Bad(f"Sent at the wrong place: {listed}.", {"out of order": listed})


def superfluous_chain(facts: EndpointFacts, _now: datetime) -> Verdict:
    if facts.path is None or not facts.path.is_read:
        return NotJudged("The chain could not be read.")
    if not facts.path.strangers:
        return Good()
    listed = ", ".join(facts.path.strangers[:3])
    more = f" and {len(facts.path.strangers) - 3} more" if len(facts.path.strangers) > 3 else ""
    return Bad(f"Sent, but on no path: {listed}{more}.", {"not needed": listed + more})


def untrusted_path(facts: EndpointFacts, _now: datetime) -> Verdict:
    if facts.path is None or facts.path.trusted is None:
        return NotJudged(facts.path.sentence if facts.path else "The chain could not be read.")
    if facts.path.trusted:
        return Good()
    if facts.path.missing:
        # One fault, one finding: until the chain is complete nobody can say whether its root is trusted.
        return NotJudged(f"The chain is incomplete: {facts.path.missing} is missing.")
    return Bad(facts.path.sentence, {"path": facts.path.sentence})


def old_tls(facts: EndpointFacts, _now: datetime) -> Verdict:
    if facts.tls_version in GOOD_VERSIONS:
        return Good()
    if facts.tls_version not in OLD_VERSIONS:
        return NotJudged(f"The TLS version is not known to us: {facts.tls_version or 'not recorded'}.")
    return Bad(
        f"The best version that it offers us is {facts.tls_version}.",
        {"negotiated": facts.tls_version, "what is allowed": "TLS 1.2 or later"},
    )


def not_same_everywhere(facts: EndpointFacts, _now: datetime) -> Verdict:
    here = facts.here
    if here is None or here.not_before is None:
        return NotJudged("The certificate's dates could not be read.")
    newer = [
        node
        for node in facts.others
        if node.names_sha256 == here.names_sha256
        and node.sha256 != here.sha256
        and node.not_before is not None
        and node.not_before > here.not_before
    ]
    if not newer:
        return Good()
    nodes = len(facts.others) + 1
    return Bad(
        f"{len(newer)} of {nodes} nodes already serve a newer certificate; this one was left behind.",
        {"newer on": ", ".join(node.place for node in newer[:5])},
    )


ENDPOINT_RULES: dict[str, Callable[[EndpointFacts, datetime], Verdict]] = {
    "wrong_name": wrong_name,
    "incomplete_chain": incomplete_chain,
    "misordered_chain": misordered_chain,
    "superfluous_chain": superfluous_chain,
    "untrusted_path": untrusted_path,
    "old_tls": old_tls,
    "not_same_everywhere": not_same_everywhere,
}
