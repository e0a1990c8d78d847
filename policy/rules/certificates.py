"""Rules about a certificate wherever it is served."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from policy.rules.catalogue import Severity
from policy.rules.verdicts import Bad, Good, NotApplicable, NotJudged, Verdict

# The last second of the validity still belongs to it (RFC 5280, section 4.1.2.5).
TICK = timedelta(seconds=1)
LAST_YEAR = 9999
LEAST_RSA_BITS = 2048
LEAST_EC_BITS = 224
BROKEN_HASHES = frozenset({"md2", "md4", "md5", "sha1"})
# Not breakable by what the lengths above measure: judged by name, not by bits.
SOUND_KEY_TYPES = frozenset({"Ed25519", "Ed448", "ML-DSA", "SLH-DSA", "ML-DSA composite"})


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What the rules know of one end-entity certificate.

    ``nodes_serving`` counts nodes whose last answer showed it; ``nodes_last_known`` those of them that are silent
    since: they may still serve it. ``key_shared_with`` names certificates for other names with the same key.
    """

    not_before: datetime | None
    not_after: datetime | None
    expiring_from: datetime | None
    urgent_from: datetime | None
    key_type: str
    key_bits: int | None
    key_label: str
    signature_algorithm: str
    signature_hash: str
    is_self_signed: bool | None
    has_owner: bool
    served_ever: bool
    nodes_serving: int
    nodes_last_known: int
    key_shared_with: tuple[str, ...] = ()


def presence(facts: CertificateFacts) -> NotApplicable | None:
    """Say why no rule can be answered now, or None if the certificate is there to be judged.

    What these rules ask stands in the certificate itself, so silence of its nodes answers nothing and excuses nothing.
    """
    if not facts.served_ever or facts.nodes_serving:
        return None
    return NotApplicable("replaced")


def expired(facts: CertificateFacts, now: datetime) -> Verdict:
    if facts.not_after is None:
        return NotJudged("The end of its validity could not be read.")
    if now - facts.not_after < TICK:
        return Good(changes_at=_end_of(facts.not_after))
    days = (now - facts.not_after).days
    ago = "today" if days == 0 else f"{days} day{'' if days == 1 else 's'} ago"
    evidence = {"not after": facts.not_after.isoformat(), "nodes that serve it": str(facts.nodes_serving)}
    if not facts.nodes_serving:
        return Bad(f"It expired {ago}; it was never seen in use.", evidence, Severity.LOW)
    if facts.nodes_serving == facts.nodes_last_known:
        return Bad(
            f"It expired {ago}; {_nodes(facts.nodes_serving)} served it last and gave no answer since.", evidence
        )
    return Bad(f"It expired {ago} and is still served on {_nodes(facts.nodes_serving)}.", evidence)


def expiring(facts: CertificateFacts, now: datetime) -> Verdict:
    if facts.not_after is None or facts.expiring_from is None or facts.urgent_from is None:
        return NotJudged("Its validity could not be read.")
    if now - facts.not_after >= TICK:
        return NotApplicable("overtaken")  # by the rule "expired"
    if now < facts.expiring_from:
        return Good(changes_at=facts.expiring_from)
    days = (facts.not_after - now).days
    urgent = now >= facts.urgent_from
    return Bad(
        f"{days} day{'' if days == 1 else 's'} of its life are left.",
        {"not after": facts.not_after.isoformat(), "expiring from": facts.expiring_from.isoformat()},
        Severity.HIGH if urgent else None,
        changes_at=_end_of(facts.not_after) if urgent else facts.urgent_from,
    )


def not_yet_valid(facts: CertificateFacts, now: datetime) -> Verdict:
    if facts.not_before is None:
        return NotJudged("The begin of its validity could not be read.")
    if now >= facts.not_before:
        return Good()
    return Bad(
        f"Its validity begins on {facts.not_before:%d %B %Y at %H:%M} UTC.",
        {"not before": facts.not_before.isoformat()},
        changes_at=facts.not_before,
    )


def self_signed(facts: CertificateFacts, _now: datetime) -> Verdict:
    if facts.is_self_signed is None:
        return NotJudged("Its signature could not be checked.")
    if not facts.is_self_signed:
        return Good()
    return Bad("It is signed with its own key: no authority vouches for it.", {"signed by": "its own key"})


def weak_key(facts: CertificateFacts, _now: datetime) -> Verdict:
    if facts.key_type in SOUND_KEY_TYPES:
        return Good()
    least = {"RSA": LEAST_RSA_BITS, "DSA": LEAST_RSA_BITS, "EC": LEAST_EC_BITS}.get(facts.key_type)
    if least is None or facts.key_bits is None:
        return NotJudged(f"We cannot judge the strength of this key: {facts.key_label or 'unknown'}.")
    if facts.key_bits >= least:
        return Good()
    return Bad(
        f"The {facts.key_type} key has {facts.key_bits:,} bits; the least allowed is {least:,}.",
        {"what we read": facts.key_label, "what is allowed": f"{least} bits or more"},
    )


def sha1_signature(facts: CertificateFacts, _now: datetime) -> Verdict:
    if facts.is_self_signed:
        return Good()  # nobody relies on the signature of a root or self-signed certificate
    if facts.signature_hash in BROKEN_HASHES:
        return Bad(
            f"It is signed with {facts.signature_algorithm}.",
            {"what we read": facts.signature_algorithm, "what is allowed": "SHA-256 or better"},
        )
    if not facts.signature_algorithm or facts.signature_algorithm.startswith("unknown"):
        return NotJudged("The signature algorithm is not known to us.")
    return Good()


def key_reuse(facts: CertificateFacts, _now: datetime) -> Verdict:
    if not facts.key_shared_with:
        return Good()
    shown = ", ".join(facts.key_shared_with[:3])
    more = len(facts.key_shared_with) - 3
    others = f"{shown} and {more} more" if more > 0 else shown
    return Bad(f"Its key is also used by {others}.", {"also with this key": others})


def ownerless(facts: CertificateFacts, _now: datetime) -> Verdict:
    return Good() if facts.has_owner else Bad("No team owns it.", {"owner": "none"})


def _end_of(not_after: datetime) -> datetime | None:
    """The first moment after the validity; None for the year 9999, after which there is no moment."""
    return not_after + TICK if not_after.year < LAST_YEAR else None


def _nodes(count: int) -> str:
    return "1 node" if count == 1 else f"{count} nodes"


CERTIFICATE_RULES: dict[str, Callable[[CertificateFacts, datetime], Verdict]] = {
    "expired": expired,
    "expiring": expiring,
    "not_yet_valid": not_yet_valid,
    "self_signed": self_signed,
    "weak_key": weak_key,
    "sha1_signature": sha1_signature,
    "key_reuse": key_reuse,
    "ownerless": ownerless,
}
