"""Paths from chains as servers send them, right and wrong."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from inventory.trust import (
    Incomplete,
    NotJudged,
    Path,
    Trusted,
    TrustStore,
    Untrusted,
    build_path,
    store_from_pem,
)
from lab import der, pki
from lab.pki import Authority
from tests.inventory import corpus

NOW = datetime(2026, 11, 23, 9, 41, tzinfo=UTC)
FRESH = {"not_before": NOW - timedelta(days=30), "not_after": NOW + timedelta(days=60)}
ROOT = corpus.ROOT
ISSUING = corpus.ISSUING
LEAF = ISSUING.issue(["www.example.org"], not_before=FRESH["not_before"], not_after=FRESH["not_after"])
STRANGER = Authority.make("Stranger Root")


def store(*roots: Authority, name: str = "Example roots") -> TrustStore:
    return store_from_pem(name, "".join(root.pem for root in roots))


STORE = store(ROOT)


def judged(*chain: bytes, stores: tuple[TrustStore, ...] = (STORE,), now: datetime = NOW) -> Path:
    return build_path(chain, stores, now)


def fresh(authority: Authority, name: str = "a.example", **options: object) -> pki.Issued:
    return authority.issue([name], **{**FRESH, **options})  # type: ignore[arg-type]  # options as they come


def code(path: Path) -> str:
    return path.code if isinstance(path, Untrusted) else type(path).__name__


# Right chains


def test_a_right_chain_is_trusted_through_a_named_store_until_its_first_end() -> None:
    found = judged(*LEAF.sent)
    assert isinstance(found, Trusted)
    assert [certificate.name for certificate in found.path] == ["www.example.org", "Example Issuing", "Example Root"]
    assert (found.store, found.ends_at) == ("Example roots", FRESH["not_after"])
    assert found.ends_with.sha256 == LEAF.sha256


def test_the_path_ends_with_the_authority_if_that_ends_first() -> None:
    soon = NOW + timedelta(days=3)
    found = judged(*fresh(ROOT.intermediate("Short", not_after=soon)).sent)
    assert isinstance(found, Trusted)
    assert (found.ends_at, found.ends_with.name) == (soon, "Short")


def test_an_authority_with_a_key_that_clients_refuse_leads_nowhere() -> None:
    root = Authority.make("Root rsa1024", key="rsa1024")
    below = fresh(root.intermediate("Issuing rsa1024", key="rsa1024"))
    assert code(judged(*below.sent, stores=(store(root),))) == "weak_key"
    assert code(judged(*fresh(root).sent, stores=(store(root),))) == "Trusted"


@pytest.mark.parametrize("kind", ["rsa2048", "p521", "ed25519", "ed448", "mldsa65"])
def test_signatures_of_every_kind_lead_to_a_root(kind: str) -> None:
    root = Authority.make(f"Root {kind}", key=kind)
    leaf = fresh(root.intermediate(f"Issuing {kind}", key=kind), key=kind)
    assert code(judged(*leaf.sent, stores=(store(root),))) == "Trusted"


def test_sha1_is_a_weakness_and_no_broken_path() -> None:
    assert code(judged(*fresh(ISSUING, digest="sha1").sent)) == "Trusted"


def test_order_and_strangers_do_not_keep_a_path_from_being_found() -> None:
    deep = ROOT.intermediate("One").intermediate("Two")
    leaf, two, one = fresh(deep).sent
    assert code(judged(leaf, STRANGER.der, one, ROOT.der, two)) == "Trusted"


def test_a_private_store_may_hold_an_issuing_authority_or_the_leaf_itself() -> None:
    alone = pki.self_signed(["printer.example"])
    assert code(judged(*LEAF.sent, stores=(store(ISSUING),))) == "Trusted"
    assert code(judged(alone.der, stores=(store_from_pem("Printers", alone.pem),))) == "Trusted"


def test_the_store_that_leads_to_trust_is_named() -> None:
    found = judged(*LEAF.sent, stores=(store(STRANGER, name="A"), store(ROOT, name="B")))
    assert isinstance(found, Trusted)
    assert found.store == "B"


# Dates


def test_an_expired_leaf_with_a_right_chain_is_not_untrusted_as_well() -> None:
    found = judged(*LEAF.sent, now=NOW + timedelta(days=400))
    assert isinstance(found, Trusted)
    assert found.ends_at < NOW + timedelta(days=400)


def test_a_leaf_that_begins_tomorrow_has_a_right_chain() -> None:
    assert code(judged(*LEAF.sent, now=NOW - timedelta(days=100))) == "Trusted"


def test_an_expired_authority_on_the_path_is_named_with_its_date() -> None:
    ended = ROOT.intermediate("Ended", not_after=datetime(2026, 11, 1, tzinfo=UTC))
    found = judged(*fresh(ended).sent)
    assert isinstance(found, Untrusted)
    assert (found.code, found.sentence) == ("expired", "Ended, which is on the path, ended on 2026-11-01.")


def test_an_authority_that_begins_later_is_named() -> None:
    later = ROOT.intermediate("Later", not_before=NOW + timedelta(days=1))
    assert code(judged(*fresh(later).sent)) == "not_yet_valid"


def test_an_expired_twin_of_an_authority_does_no_harm() -> None:
    good = ROOT.intermediate("Twin")
    ended = ROOT.intermediate("Twin", key=good.key, not_after=datetime(2026, 1, 1, tzinfo=UTC))
    leaf = fresh(good)
    assert code(judged(leaf.der, ended.der, good.der)) == "Trusted"


# What is missing or unknown


def test_a_leaf_without_its_issuer_is_incomplete_and_says_whom_to_ask() -> None:
    access = x509.AuthorityInformationAccess(
        [
            x509.AccessDescription(
                AuthorityInformationAccessOID.CA_ISSUERS,
                x509.UniformResourceIdentifier("http://ca.example/issuing.cer"),
            )
        ]
    )
    found = judged(fresh(ISSUING, extensions=[(access, False)]).der)
    assert isinstance(found, Incomplete)
    assert (found.missing, found.hints) == ("Example Issuing", ("http://ca.example/issuing.cer",))


def test_a_hole_in_the_middle_is_incomplete_at_the_hole() -> None:
    leaf, _, one = fresh(ROOT.intermediate("One").intermediate("Two")).sent
    found = judged(leaf, one)
    assert isinstance(found, Incomplete)
    assert found.missing == "Two"


def test_a_root_that_nobody_trusts_is_named() -> None:
    found = judged(*fresh(STRANGER.intermediate("Strange Issuing")).sent, STRANGER.der)
    assert isinstance(found, Untrusted)
    assert (found.code, found.path[-1].name) == ("untrusted_root", "Stranger Root")


def test_a_self_signed_leaf_is_called_so() -> None:
    assert code(judged(pki.self_signed(["printer.example"]).der)) == "self_signed"


def test_a_root_of_the_same_name_with_another_key_is_not_the_root() -> None:
    false_root = Authority.make("Example Root", seed=99)
    found = judged(*fresh(false_root.intermediate("Example Issuing")).sent, false_root.der)
    assert code(found) == "untrusted_root"


def test_a_false_root_that_is_not_sent_leaves_the_chain_incomplete() -> None:
    false_root = Authority.make("Example Root", seed=99)
    assert code(judged(*fresh(false_root).sent)) == "Incomplete"


def test_an_empty_chain_and_an_unreadable_leaf_are_not_judged() -> None:
    assert code(judged()) == "NotJudged"
    assert code(judged(b"junk", ISSUING.der)) == "NotJudged"
    assert code(judged(*LEAF.sent, stores=())) == "NotJudged"


def test_a_signature_that_cannot_be_computed_here_is_not_judged() -> None:
    leaf, issuing = LEAF.sent
    slh_dsa = der.wrap(der.SEQUENCE, bytes.fromhex("0609608648016503040314"))
    body, _, signature = der.children(corpus.replaced(leaf, 2, slh_dsa))
    found = judged(der.wrap(der.SEQUENCE, body + slh_dsa + signature), issuing)
    assert isinstance(found, NotJudged)
    assert "SLH-DSA-SHA2-128s" in found.sentence


# What a path must not contain


def test_a_changed_certificate_has_a_bad_signature() -> None:
    leaf, issuing = LEAF.sent
    found = judged(leaf.replace(b"www.example.org", b"www.examp1e.org"), issuing)
    assert isinstance(found, Untrusted)
    assert (found.code, found.path[0].name) == ("bad_signature", "www.examp1e.org")


def test_a_changed_self_signed_certificate_has_a_bad_signature() -> None:
    changed = pki.self_signed(["printer.example"]).der.replace(b"printer", b"painter")
    assert code(judged(changed)) == "bad_signature"


def test_a_leaf_that_issues_is_no_authority() -> None:
    leaf = fresh(ISSUING, "middle.example", subject="middle.example")
    false_ca = Authority("middle.example", leaf, leaf.sent, "false")
    found = judged(*fresh(false_ca).sent)
    assert isinstance(found, Untrusted)
    assert found.code == "not_a_ca"
    assert found.sentence == "middle.example signed a.example, but is not a CA."


def test_a_certificate_for_mail_is_not_for_servers() -> None:
    server, mail = bytes.fromhex("06082b06010505070301"), bytes.fromhex("06082b06010505070304")
    leaf, issuing = LEAF.sent
    found = judged(corpus.signed_again(leaf.replace(server, mail), ISSUING), issuing)
    assert isinstance(found, Untrusted)
    assert found.sentence == "www.example.org is not meant for a TLS server, but for emailProtection."


def test_a_server_certificate_is_not_for_clients() -> None:
    assert code(build_path(LEAF.sent, (STORE,), NOW, purpose="client")) == "purpose"


def test_an_authority_may_allow_none_below_it() -> None:
    upper = corpus.limited(ROOT.intermediate("Upper"), ROOT, 0)
    assert code(judged(*fresh(upper).sent)) == "Trusted"
    found = judged(*fresh(upper.intermediate("Lower")).sent)
    assert isinstance(found, Untrusted)
    assert found.sentence == "Upper allows only 0 more on the path, and there are 1."


def test_a_critical_extension_that_nobody_knows_is_refused() -> None:
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0")
    assert code(judged(*fresh(ISSUING, extensions=[(unknown, True)]).sent)) == "critical_extension"
    assert code(judged(*fresh(ISSUING, extensions=[(unknown, False)]).sent)) == "Trusted"


def test_a_precertificate_is_refused() -> None:
    assert code(judged(*fresh(ISSUING, extensions=[(x509.PrecertPoison(), True)]).sent)) == "precertificate"


def test_name_constraints_are_kept_and_broken() -> None:
    within = x509.NameConstraints([x509.DNSName("example.org")], None)
    bound = ROOT.intermediate("Bound", extensions=[(within, True)])
    assert code(judged(*fresh(bound, "www.example.org").sent)) == "Trusted"
    found = judged(*fresh(bound, "www.evil.example").sent)
    assert isinstance(found, Untrusted)
    assert found.code == "name_constraints"
    assert found.sentence.startswith("A CA on the path may not issue for these names")


def test_name_constraints_that_cannot_be_checked_are_not_judged() -> None:
    within = x509.NameConstraints([x509.DNSName("example.org")], None)
    bound = ROOT.intermediate("Bound", extensions=[(within, True)])
    found = judged(*fresh(bound, "www.example.org", digest="sha1").sent)
    assert isinstance(found, NotJudged)
    assert "name constraints" in found.sentence


def test_a_bad_path_does_not_hide_a_good_one() -> None:
    ended = ROOT.intermediate("Twin", not_after=datetime(2026, 1, 1, tzinfo=UTC))
    other = STRANGER.intermediate("Twin", key=ended.key)
    leaf = fresh(ended)
    found = judged(leaf.der, ended.der, other.der, stores=(store(ROOT), store(STRANGER, name="Other")))
    assert isinstance(found, Trusted)
    assert found.store == "Other"
