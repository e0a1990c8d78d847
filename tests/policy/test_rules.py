"""Every rule has a case that must fail and one that must pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from inventory.models import Severity as StoredSeverity
from policy.rules import CATALOGUE, CERTIFICATE_RULES, ENDPOINT_RULES, Bad, Good, NotApplicable, NotJudged, Severity
from policy.rules.certificates import CertificateFacts
from policy.rules.certificates import presence as certificate_presence
from policy.rules.endpoints import presence as endpoint_presence
from policy.rules.facts import EndpointFacts, Leaf, Node, PathFacts, Sent, Service

NOW = datetime(2026, 11, 23, 9, 41, tzinfo=UTC)
DAY = timedelta(days=1)

CERTIFICATE = CertificateFacts(
    not_before=NOW - 10 * DAY,
    not_after=NOW + 80 * DAY,
    expiring_from=NOW + 50 * DAY,
    urgent_from=NOW + 66 * DAY,
    key_type="EC",
    key_bits=256,
    key_label="ECDSA P-256",
    signature_algorithm="ECDSA with SHA-256",
    signature_hash="sha256",
    is_self_signed=False,
    has_owner=True,
    served_ever=True,
    nodes_serving=2,
    nodes_last_known=0,
)
HERE = Leaf("a" * 64, "n" * 64, "EC", NOW - 10 * DAY)
SENT = Sent(
    variant="default",
    leaf=HERE,
    names=(("dns", "www.example.org"),),
    names_count=1,
    path=PathFacts(trusted=True, sentence=""),
)
ENDPOINT = EndpointFacts(
    retired=False,
    tried=True,
    served=True,
    reason="",
    seen_at=NOW - DAY,
    stale_from=NOW + DAY,
    server_name="www.example.org",
    tls_version="TLSv1.3",
    sent=(SENT,),
)


def _path(**path: Any) -> dict[str, Any]:
    return {"sent": (replace(SENT, path=PathFacts(sentence="No root.", **path)),)}


BROKEN_CERTIFICATES: dict[str, dict[str, Any]] = {
    "expired": {"not_after": NOW - DAY},
    "expiring": {"expiring_from": NOW - DAY},
    "not_yet_valid": {"not_before": NOW + DAY},
    "self_signed": {"is_self_signed": True},
    "weak_key": {"key_type": "RSA", "key_bits": 1024},
    "sha1_signature": {"signature_hash": "sha1"},
    "key_reuse": {"key_shared_with": ("other.example.org",)},
    "ownerless": {"has_owner": False},
}
UNREAD_CERTIFICATES: dict[str, dict[str, Any]] = {
    "expired": {"not_after": None},
    "expiring": {"not_after": None},
    "not_yet_valid": {"not_before": None},
    "self_signed": {"is_self_signed": None},
    "weak_key": {"key_type": "unknown", "key_bits": None},
    "sha1_signature": {"signature_hash": "", "signature_algorithm": "unknown (1.2.3)"},
}
BROKEN_ENDPOINTS: dict[str, dict[str, Any]] = {
    "wrong_name": {"server_name": "mail.example.org"},
    "incomplete_chain": _path(trusted=False, missing="Corp CA 2", missing_is="intermediate"),
    "misordered_chain": _path(trusted=True, misplaced=("Corp CA 2",)),
    "superfluous_chain": _path(trusted=True, strangers=("Old CA",)),
    "untrusted_path": _path(trusted=False),
    "old_tls": {"tls_version": "TLSv1.1"},
    "broken_handshake": {"reason": "protocol_error"},
    "not_same_everywhere": {
        "service": Service(
            (Node(2, "10.0.0.2:443", (Leaf("b" * 64, "n" * 64, "EC", NOW - DAY),)),),
            replaced=frozenset({("a" * 64, "b" * 64)}),
        )
    },
}
UNREAD_ENDPOINTS: dict[str, dict[str, Any]] = {
    "wrong_name": {"server_name": ""},
    "incomplete_chain": _path(trusted=None, is_read=False),
    "misordered_chain": {"sent": (replace(SENT, path=None),)},
    "superfluous_chain": {"sent": (replace(SENT, path=None),)},
    "untrusted_path": _path(trusted=None),
    "old_tls": {"tls_version": ""},
    "broken_handshake": {"reason": "connection_reset"},
    "not_same_everywhere": {"sent": (replace(SENT, leaf=replace(HERE, not_before=None)),)},
}


@pytest.mark.parametrize("code", CERTIFICATE_RULES)
def test_a_sound_certificate_passes_each_rule(code: str) -> None:
    assert isinstance(CERTIFICATE_RULES[code](CERTIFICATE, NOW), Good)


@pytest.mark.parametrize("code", CERTIFICATE_RULES)
def test_a_broken_certificate_fails_its_rule(code: str) -> None:
    verdict = CERTIFICATE_RULES[code](replace(CERTIFICATE, **BROKEN_CERTIFICATES[code]), NOW)
    assert isinstance(verdict, Bad)
    assert verdict.sentence.endswith(".")


@pytest.mark.parametrize("code", UNREAD_CERTIFICATES)
def test_what_could_not_be_read_of_a_certificate_is_not_judged(code: str) -> None:
    verdict = CERTIFICATE_RULES[code](replace(CERTIFICATE, **UNREAD_CERTIFICATES[code]), NOW)
    assert isinstance(verdict, NotJudged)


@pytest.mark.parametrize("code", ENDPOINT_RULES)
def test_a_sound_endpoint_passes_each_rule(code: str) -> None:
    assert isinstance(ENDPOINT_RULES[code](ENDPOINT, NOW), Good)


@pytest.mark.parametrize("code", ENDPOINT_RULES)
def test_a_broken_endpoint_fails_its_rule(code: str) -> None:
    verdict = ENDPOINT_RULES[code](replace(ENDPOINT, **BROKEN_ENDPOINTS[code]), NOW)
    assert isinstance(verdict, Bad)


@pytest.mark.parametrize("code", UNREAD_ENDPOINTS)
def test_what_could_not_be_read_of_an_endpoint_is_not_judged(code: str) -> None:
    verdict = ENDPOINT_RULES[code](replace(ENDPOINT, **UNREAD_ENDPOINTS[code]), NOW)
    assert isinstance(verdict, NotJudged)


def test_every_rule_is_in_the_catalogue_and_every_entry_has_a_rule() -> None:
    assert set(CATALOGUE) == set(CERTIFICATE_RULES) | set(ENDPOINT_RULES)


def test_severities_are_those_that_are_stored() -> None:
    assert {s.name: int(s) for s in Severity} == {s.name: s.value for s in StoredSeverity if s.value}


def test_the_last_second_of_the_validity_still_counts() -> None:
    facts = replace(CERTIFICATE, not_after=NOW)
    assert isinstance(CERTIFICATE_RULES["expired"](facts, NOW), Good)
    assert isinstance(CERTIFICATE_RULES["expired"](facts, NOW + timedelta(seconds=1)), Bad)


def test_an_expired_certificate_that_nobody_serves_is_less_urgent() -> None:
    facts = replace(CERTIFICATE, not_after=NOW - DAY, nodes_serving=0, served_ever=False)
    verdict = CERTIFICATE_RULES["expired"](facts, NOW)
    assert isinstance(verdict, Bad)
    assert verdict.severity is Severity.LOW


def test_a_certificate_whose_nodes_are_all_silent_still_expires_and_is_not_called_served() -> None:
    facts = replace(CERTIFICATE, not_after=NOW - DAY, nodes_serving=2, nodes_last_known=2)
    assert certificate_presence(facts) is None
    verdict = CERTIFICATE_RULES["expired"](facts, NOW)
    assert isinstance(verdict, Bad)
    assert verdict.sentence == "It expired on 22 November 2026; 2 nodes served it last and gave no answer since."


def test_a_certificate_seen_to_be_replaced_everywhere_is_no_question_any_more() -> None:
    facts = replace(CERTIFICATE, nodes_serving=0, nodes_last_known=0)
    assert certificate_presence(facts) == NotApplicable("replaced")


def test_an_endpoint_is_judged_only_by_fresh_evidence() -> None:
    assert endpoint_presence(ENDPOINT, NOW) is None
    assert isinstance(endpoint_presence(ENDPOINT, NOW + DAY), NotJudged)
    assert isinstance(endpoint_presence(replace(ENDPOINT, served=False), NOW), NotJudged)
