"""Rules about one endpoint: what it sends, to whom, and how."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from inventory.names import lookalike, match
from policy.rules.chains import incomplete_chain, misordered_chain, superfluous_chain, untrusted_path
from policy.rules.facts import EndpointFacts, Sent
from policy.rules.presence import presence
from policy.rules.siblings import not_same_everywhere
from policy.rules.variants import of_everything_sent
from policy.rules.verdicts import Bad, Good, NotJudged, Verdict

__all__ = ["ENDPOINT_RULES", "presence"]

GOOD_VERSIONS = frozenset({"TLSv1.2", "TLSv1.3"})
OLD_VERSIONS = frozenset({"SSLv2", "SSLv3", "TLSv1", "TLSv1.0", "TLSv1.1"})
# Why a handshake stopped after the certificate where that is no chance (discovery.probe.Reason).
BREAKS = {
    "protocol_error": "what it sends does not prove that the key of the certificate is there, or breaks the protocol",
    "tls_alert": "the server refuses it with an alert",
    "message_too_large": "the certificates that it sends are more than clients take",
}
SHOWN = 5


@of_everything_sent
def wrong_name(facts: EndpointFacts, sent: Sent, _now: datetime) -> Verdict:
    if not facts.server_name:
        return NotJudged("The name under which clients ask for it is not known; it was found by its address alone.")
    found = match(facts.server_name, sent.names)
    if found.matched:
        return Good()
    if not sent.are_names_read:
        return NotJudged("The names in its certificate could not be read.")
    if len(sent.names) < sent.names_count:
        return NotJudged(
            f"Its certificate has {sent.names_count:,} names, of which {len(sent.names):,} are kept here; "
            f"{facts.server_name} is not among those."
        )
    return _wrong(facts.server_name, sent, found.reason)


def _wrong(wanted: str, sent: Sent, reason: str) -> Bad:
    carried = ", ".join(value for _, value in sent.names[:SHOWN]) or "no name at all"
    more = f" and {len(sent.names) - SHOWN} more" if len(sent.names) > SHOWN else ""
    evidence = {"asked for": wanted, "names in the certificate": carried + more, "why": reason}
    meant = lookalike(wanted, sent.names)
    if meant:
        return Bad(
            f"Asked for {wanted}, it sends a certificate for “{meant}”, which clients do not recognise.", evidence
        )
    return Bad(f"Asked for {wanted}, it sends a certificate for {carried}{more}.", evidence)


def old_tls(facts: EndpointFacts, _now: datetime) -> Verdict:
    if facts.tls_version in GOOD_VERSIONS:
        return Good()
    if not facts.tls_version:
        return NotJudged("The look did not tell which version of TLS the server chose.")
    if facts.tls_version not in OLD_VERSIONS:
        return NotJudged(f"The server chose a version of TLS that is not known to us: {facts.tls_version}.")
    return Bad(
        f"The best version that it offers us is {facts.tls_version}.",
        {"negotiated": facts.tls_version, "what is allowed": "TLS 1.2 or later"},
    )


def broken_handshake(facts: EndpointFacts, _now: datetime) -> Verdict:
    """Whether clients get any further than the certificate."""
    if not facts.reason:
        return Good()
    if why := BREAKS.get(facts.reason):
        return Bad(f"It sends its certificate, and then the handshake fails: {why}.", {"handshake": facts.reason})
    return NotJudged("After the certificate came, the connection ended too early to say whether the handshake works.")


ENDPOINT_RULES: dict[str, Callable[[EndpointFacts, datetime], Verdict]] = {
    "wrong_name": wrong_name,
    "incomplete_chain": incomplete_chain,
    "misordered_chain": misordered_chain,
    "superfluous_chain": superfluous_chain,
    "untrusted_path": untrusted_path,
    "old_tls": old_tls,
    "broken_handshake": broken_handshake,
    "not_same_everywhere": not_same_everywhere,
}
