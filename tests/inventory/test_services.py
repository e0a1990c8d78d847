"""Storing certificates and chains: once, whole, and never again."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inventory.models import Certificate, CertificateDer, Chain, Issuer
from inventory.services import chain_digest, store_certificates, store_chains
from inventory.services.facts import NAMES_AT_MOST, USUAL_BYTES, _remembered, digest_of, facts_of
from lab import pki
from tests.conftest import NOW
from tests.inventory.stored import store_certificate, store_chain

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def root() -> pki.Authority:
    return pki.Authority.make("Example Root", seed=1)


def test_a_certificate_is_stored_with_its_bytes_names_and_issuer(root: pki.Authority) -> None:
    issued = root.issue(["WWW.Example.org", "10.0.0.1"])
    row = store_certificate(issued.der, NOW)
    assert row.sha256 == issued.sha256
    assert bytes(CertificateDer.objects.get(certificate=row).der) == issued.der
    assert [(name.kind, name.value) for name in row.names.all()] == [("dns", "www.example.org"), ("ip", "10.0.0.1")]
    assert row.issuer is not None
    assert row.issuer.label == "Example Root"
    assert row.kind == Certificate.Kind.LEAF
    assert row.judge_at == NOW


def test_storing_again_changes_no_fact(root: pki.Authority) -> None:
    issued = root.issue(["www.example.org"])
    before = Certificate.objects.filter(pk=store_certificate(issued.der, NOW).pk).values().get()
    store_chain([issued.der, root.der], NOW + timedelta(days=1))
    assert Certificate.objects.filter(sha256=issued.sha256).values().get() == before


def test_no_service_updates_a_fact_column(root: pki.Authority) -> None:
    """Facts are the columns above ``kind``: what the code writes later is none of them."""
    issued = root.issue(["www.example.org"])
    with CaptureQueriesContext(connection) as queries:
        store_chains([[issued.der, root.der], [root.der]], NOW)
        store_chains([[issued.der], [root.der]], NOW + timedelta(days=1))
    updates = [q["sql"] for q in queries if 'UPDATE "inventory_certificate"' in q["sql"]]
    written = {word.partition('" =')[0] for sql in updates for word in sql.partition(" SET ")[2].split('"')[1::2]}
    facts = {field.column for field in Certificate._meta.concrete_fields}
    facts = {name for name in facts if name in _fact_columns()}
    assert updates
    assert not written & facts - {"id"}


def _fact_columns() -> set[str]:
    columns = [field.column or "" for field in Certificate._meta.local_concrete_fields]
    return set(columns[columns.index("sha256") : columns.index("problems") + 1])


def test_an_issuer_certificate_is_a_ca_until_it_stands_at_the_head_of_a_chain(root: pki.Authority) -> None:
    issued = root.issue(["www.example.org"])
    store_chain([issued.der, root.der], NOW)
    ca = Certificate.objects.get(sha256=pki.fingerprint(root.der))
    assert ca.kind == Certificate.Kind.CA
    store_chain([root.der], NOW)
    ca.refresh_from_db()
    assert ca.kind == Certificate.Kind.LEAF


def test_a_chain_keeps_the_order_in_which_it_was_sent(root: pki.Authority) -> None:
    issued = root.issue(["www.example.org"])
    chain = store_chain([root.der, issued.der], NOW)
    assert [link.certificate.sha256 for link in chain.links.all()] == [pki.fingerprint(root.der), issued.sha256]
    assert chain.leaf.sha256 == pki.fingerprint(root.der)
    assert store_chain([root.der, issued.der], NOW) == chain
    assert store_chain([issued.der, root.der], NOW) != chain
    assert Chain.objects.get(pk=chain.pk).sha256 == chain_digest([root.der, issued.der])


def test_a_chain_may_hold_a_certificate_twice(root: pki.Authority) -> None:
    issued = root.issue(["www.example.org"])
    chain = store_chain([issued.der, issued.der], NOW)
    assert chain.length == chain.links.count() == 2


def test_many_chains_take_as_many_queries_as_few(root: pki.Authority) -> None:
    few = [[root.issue([f"a{n}.example.org"]).der, root.der] for n in range(2)]
    many = [[root.issue([f"b{n}.example.org"]).der, root.der] for n in range(20)]
    with CaptureQueriesContext(connection) as for_few:
        store_chains(few, NOW)
    with CaptureQueriesContext(connection) as for_many:
        store_chains(many, NOW)
    assert len(for_many) <= len(for_few)
    assert Issuer.objects.count() == 1


def test_bytes_that_are_no_certificate_are_kept_and_named_so() -> None:
    row = store_certificate(b"no certificate at all", NOW)
    assert not row.conforming
    assert row.problems[0]["property"] == "certificate"
    assert row.not_after is None


def test_only_certificates_of_usual_size_stay_in_memory() -> None:
    _remembered.cache_clear()
    for size, remembered in ((USUAL_BYTES, 1), (USUAL_BYTES + 1, 0)):
        der, before = bytes(size), _remembered.cache_info().currsize
        assert digest_of(der) == digest_of(der) == hashlib.sha256(der).hexdigest()
        assert _remembered.cache_info().currsize - before == remembered


def test_names_have_no_order_and_no_case(root: pki.Authority) -> None:
    one = store_certificate(root.issue(["a.example.org", "B.example.org"]).der, NOW)
    other = store_certificate(root.issue(["b.example.org", "a.example.org"]).der, NOW)
    assert one.names_sha256 == other.names_sha256
    assert store_certificate(root.issue(["a.example.org"]).der, NOW).names_sha256 != one.names_sha256


def test_a_certificate_of_too_many_names_keeps_their_true_number(root: pki.Authority) -> None:
    facts = facts_of(root.issue([f"h{n}.example.org" for n in range(NAMES_AT_MOST + 1)]).der)
    row = store_certificate(facts.der, NOW)
    assert row.names_count == NAMES_AT_MOST + 1
    assert row.names.count() == NAMES_AT_MOST


def test_what_is_longer_than_its_column_stays_whole_in_the_details(root: pki.Authority) -> None:
    name = "a" * 300 + ".example.org"
    facts = facts_of(root.issue([name], subject="x").der)
    row = store_certificate(facts.der, NOW)
    assert row.names.get().value == name
    assert len(row.name) <= 255


def test_the_same_bytes_twice_in_a_batch_are_one_certificate(root: pki.Authority) -> None:
    der = root.issue(["www.example.org"]).der
    stored = store_certificates([der, der], NOW)
    assert len(stored.ids) == len(stored.new) == Certificate.objects.count() == 1
