"""Whether there is evidence of an endpoint that can be judged; if not, a sentence that says what is missing."""

from __future__ import annotations

from datetime import datetime

from policy.rules.facts import EndpointFacts
from policy.rules.moments import moment
from policy.rules.verdicts import NotApplicable, NotJudged

# Why a look brought no certificate (discovery.probe.Reason; a test compares them), as the end of a sentence.
REASONS = {
    "refused": "the connection was refused",
    "silent": "nothing answered",
    "unroutable": "no way leads there from here",
    "excluded": "it is excluded from looking",
    "not_allowed": "its address is in no network that may be scanned",
    "name_not_found": "its name was not found in DNS",
    "name_lookup_failed": "its name could not be looked up in DNS",
    "connection_reset": "the connection was cut",
    "closed_early": "the server hung up before it sent one",
    "timed_out": "the server was too slow",
    "not_tls": "what answers there does not speak TLS",
    "tls_alert": "the server refused the handshake",
    "server_name_required": "the server answers only to a name, and none is known",
    "starttls_refused": "the server refused to change to TLS",
    "no_certificate": "the server identifies itself without one",
    "message_too_large": "the answer was larger than clients accept",
    "protocol_error": "the handshake broke off",
    "too_many_addresses": "its name has more addresses than are asked",
    "too_many_files": "the scanner had no connection left",
}


def presence(facts: EndpointFacts, now: datetime) -> NotApplicable | NotJudged | None:
    """Say why no rule can be answered now, or None if there is fresh evidence to judge."""
    if facts.retired:
        return NotApplicable("retired")
    if not facts.served or not facts.sent:
        return NotJudged(_without_certificate(facts))
    if facts.stale_from is not None and now >= facts.stale_from:
        since = moment(facts.seen_at) if facts.seen_at else "long ago"
        return NotJudged(f"Its last answer is of {since}. Nobody has looked since, so it is too old to judge by.")
    return None


def _without_certificate(facts: EndpointFacts) -> str:
    if not facts.tried:
        return "Nobody has looked at it yet."
    why = REASONS.get(facts.reason) or facts.reason.replace("_", " ") or "no reason is known"
    before = f"The last one came on {moment(facts.seen_at)}." if facts.seen_at else "None has ever come."
    return f"The last look brought no certificate: {why}. {before}"
