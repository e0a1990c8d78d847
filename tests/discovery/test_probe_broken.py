"""A handshake that breaks after the certificate is told apart from one that only wants a certificate of ours."""

from __future__ import annotations

import pytest
from OpenSSL import SSL

from discovery.engines import own
from discovery.models import Observation
from discovery.probe import Place, Reason, Served
from discovery.probe.look import Look
from discovery.services import Recording, record
from inventory.models import Endpoint
from inventory.services import SeenBy
from policy.models import Finding
from tests.conftest import NOW
from tests.discovery.flights import FLIGHTS, PLACE, VERSIONS, alert, flight, sent, shake, told
from tests.discovery.servers import LOOPBACK, certificate, der, says, server_context, serving, tls
from tests.judging import judge_all_due

BY = Recording(SeenBy("network", "loopback"))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_handshake_that_is_finished_is_not_broken(version: str) -> None:
    only = VERSIONS[version]
    variant = sent(shake(Look(PLACE), server_context(certificate("leaf"), lowest=only, highest=only))).variant
    assert variant.broken is None


def test_a_signature_that_is_not_of_the_key_in_the_certificate_breaks_it() -> None:
    """The server signed the random number of another client."""
    look = told(FLIGHTS["1.2"])
    assert look.answer is not None
    assert sent(look.answer).variant.broken == Reason.PROTOCOL_ERROR


def test_an_alert_after_the_certificate_breaks_it() -> None:
    hello_and_certificate = flight([der(certificate("leaf"))])[:-9]
    look = told(hello_and_certificate + alert(80))
    assert look.answer is not None
    assert sent(look.answer).variant.broken == Reason.TLS_ALERT


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_who_wants_a_certificate_of_ours_is_not_broken(version: str) -> None:
    context = server_context(certificate("leaf"), lowest=VERSIONS[version], highest=VERSIONS[version])
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
    answered = sent(shake(Look(PLACE), context))
    assert "a client certificate is requested" in answered.detail
    assert answered.variant.broken is None


@pytest.mark.django_db
def test_an_endpoint_whose_handshake_breaks_is_found_and_closed_when_it_works_again() -> None:
    with serving(says(FLIGHTS["1.2"])) as port:
        place = Place("127.0.0.1", port)
        broken = own.probe_one(place, LOOPBACK, timeout=2.0)
    with serving(tls(server_context(certificate("leaf"))), port=port):
        whole = own.probe_one(place, LOOPBACK, timeout=2.0)
    assert isinstance(broken, Served)
    assert isinstance(whole, Served)
    record([broken], BY, NOW)
    judge_all_due(NOW)
    endpoint = Endpoint.objects.get()
    assert (endpoint.outcome, endpoint.reason) == ("served", "protocol_error")
    finding = Finding.objects.get(rule="broken_handshake")
    assert (finding.endpoint, finding.closed_at) == (endpoint, None)
    record([whole], BY, NOW)
    judge_all_due(NOW)
    finding.refresh_from_db()
    assert finding.closed_at == NOW
    assert [span.reason for span in Observation.objects.order_by("pk")][-1] == ""
