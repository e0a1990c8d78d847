"""Rules about a certificate wherever it is served."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from inventory.trust import BROKEN_HASHES, LEAST_RSA_BITS
from policy.rules.catalogue import Severity
from policy.rules.moments import day, moment
from policy.rules.verdicts import Bad, Good, NotApplicable, NotJudged, Verdict

# The last second of the validity still belongs to it (RFC 5280, section 4.1.2.5).
TICK = timedelta(seconds=1)
LAST_YEAR = 9999
LEAST_EC_BITS = 224
# Clocks of authorities, servers and ours: what begins within this may have begun.
CLOCKS_DIFFER = timedelta(minutes=5)
# Devices of one make may share one key by the ten thousand: who they are is no news, and changes every day.
MOST_SHARERS = 100
KEY_IS_COMMON = f"More than {MOST_SHARERS} certificates carry its key."
NEVER_IN_USE = "; it was never seen in use"
SHOWN = 3
# Not breakable by what the lengths above measure: judged by name, not by bits.
SOUND_KEY_TYPES = frozenset({"Ed25519", "Ed448", "ML-DSA", "SLH-DSA", "ML-DSA composite"})


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What the rules know of one end-entity certificate.

    ``nodes_serving`` counts nodes whose last answer showed it, the latest at ``last_seen_at``; ``nodes_last_known``
    those of them that are silent since: they may still serve it. ``key_shared_with`` names certificates for other names
    with the same key, ``key_shared_elsewhere`` counts those that must not be named. Where ``key_is_common``, more
    certificates carry it than are read, and one at least is for other names.
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
    last_seen_at: datetime | None = None
    key_shared_with: tuple[str, ...] = ()
    key_shared_elsewhere: int = 0
    key_is_common: bool = False
    retired: bool = False

    @property
    def is_in_use(self) -> bool:
        return self.nodes_serving > 0


def end_of(not_after: datetime) -> datetime | None:
    """The first moment after the validity; None for the year 9999, after which there is no moment."""
    return not_after + TICK if not_after.year < LAST_YEAR else None


def presence(facts: CertificateFacts) -> NotApplicable | None:
    """Say why no rule can be answered now, or None if the certificate is there to be judged.

    What these rules ask stands in the certificate itself, so silence of its nodes answers nothing and excuses nothing.
    One that was in use and was seen to be replaced on each node harms nobody, however it ends; one that was never seen
    in use may be in use where nobody looked.
    """
    if facts.retired:
        return NotApplicable("retired")
    if not facts.served_ever or facts.is_in_use:
        return None
    return NotApplicable("replaced")


def expired(facts: CertificateFacts, now: datetime) -> Verdict:
    if facts.not_after is None:
        return NotJudged("The date on which it ends could not be read.")
    if now - facts.not_after < TICK:
        return Good(changes_at=end_of(facts.not_after))
    evidence = {"not after": facts.not_after.isoformat(), "nodes that serve it": str(facts.nodes_serving)}
    severity = None if facts.is_in_use else Severity.LOW
    return Bad(f"It expired on {day(facts.not_after)}{_where(facts, facts.not_after)}.", evidence, severity)


def _where(facts: CertificateFacts, expired_at: datetime) -> str:
    """Say of use what was seen, and no more: a look from before the end does not show that it is still served."""
    nodes = _nodes(facts.nodes_serving)
    if not facts.is_in_use:
        return NEVER_IN_USE
    answered = facts.nodes_serving - facts.nodes_last_known
    if not answered:
        return f"; {nodes} served it last and gave no answer since"
    if facts.last_seen_at is not None and facts.last_seen_at <= expired_at:
        return f"; {nodes} served it before that, and no look has shown it since"
    silent = f"; {_nodes(facts.nodes_last_known)} more gave no answer since" if facts.nodes_last_known else ""
    return f" and is still served on {_nodes(answered)}{silent}"


def _nodes(number: int) -> str:
    return "1 node" if number == 1 else f"{number} nodes"


def expiring(facts: CertificateFacts, now: datetime) -> Verdict:
    if facts.not_after is None:
        return NotJudged("The date on which it ends could not be read.")
    if now - facts.not_after >= TICK:
        return NotApplicable("overtaken")  # by the rule "expired"
    if facts.expiring_from is None or facts.urgent_from is None:
        return NotJudged("Its first day could not be read or comes after its last, so it has no lifetime to measure.")
    if now < facts.expiring_from:
        return Good(changes_at=facts.expiring_from)
    is_urgent = now >= facts.urgent_from
    return Bad(
        f"It ends on {day(facts.not_after)}{'' if facts.is_in_use else NEVER_IN_USE}.",
        {"not after": facts.not_after.isoformat(), "expiring from": facts.expiring_from.isoformat()},
        _severity_of_expiring(facts, is_urgent=is_urgent),
        changes_at=end_of(facts.not_after) if is_urgent else facts.urgent_from,
    )


def _severity_of_expiring(facts: CertificateFacts, *, is_urgent: bool) -> Severity | None:
    if not facts.is_in_use:
        return Severity.LOW
    return Severity.HIGH if is_urgent else None


def not_yet_valid(facts: CertificateFacts, now: datetime) -> Verdict:
    begins = facts.not_before
    if begins is None:
        return NotJudged("The date on which it begins could not be read.")
    if now >= begins:
        return Good()
    if begins - now <= CLOCKS_DIFFER:
        return NotJudged(
            f"It begins at {begins:%H:%M:%S} UTC; clocks may differ by the minutes that are missing.", begins
        )
    return Bad(
        f"Its validity begins on {moment(begins)}{'' if facts.is_in_use else NEVER_IN_USE}.",
        {"not before": begins.isoformat()},
        None if facts.is_in_use else Severity.LOW,
        changes_at=begins,
    )


def self_signed(facts: CertificateFacts, _now: datetime) -> Verdict:
    if facts.is_self_signed is None:
        return NotJudged("Its signature could not be checked, so nobody can say whether it is its own.")
    if not facts.is_self_signed:
        return Good()
    return Bad("It is signed with its own key: no authority vouches for it.", {"signed by": "its own key"})


def weak_key(facts: CertificateFacts, _now: datetime) -> Verdict:
    if facts.key_type in SOUND_KEY_TYPES:
        return Good()
    least = {"RSA": LEAST_RSA_BITS, "DSA": LEAST_RSA_BITS, "EC": LEAST_EC_BITS}.get(facts.key_type)
    if least is None or facts.key_bits is None:
        return NotJudged(f"It is not known to us how strong a key of this kind is: {facts.key_label or 'unreadable'}.")
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
        return NotJudged(f"The algorithm of its signature is not known to us: {facts.signature_algorithm or 'unread'}.")
    return Good()


def key_reuse(facts: CertificateFacts, _now: datetime) -> Verdict:
    if facts.key_is_common:
        return Bad(KEY_IS_COMMON, {"also with this key": f"more than {MOST_SHARERS} certificates"})
    named, unnamed = facts.key_shared_with, facts.key_shared_elsewhere
    if not named and not unnamed:
        return Good()
    shown = [", ".join(named[:SHOWN])] if named else []
    if len(named) > SHOWN:
        shown.append(f"{len(named) - SHOWN} more")
    if unnamed:
        shown.append("a certificate of another team" if unnamed == 1 else f"{unnamed} certificates of other teams")
    others = " and ".join(shown)
    return Bad(f"Its key is also used by {others}.", {"also with this key": others})


def ownerless(facts: CertificateFacts, _now: datetime) -> Verdict:
    return Good() if facts.has_owner else Bad("No team owns it.", {"owner": "none"})


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
