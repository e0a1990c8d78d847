"""What is rare is read first: the same rows are found whether it is rare or not."""

from __future__ import annotations

import pytest
from django.db import connection

from accounts.models import User
from inventory import filters
from inventory.filters import base
from inventory.filters.certificate import UNUSED
from inventory.models import Certificate, Endpoint
from tests.conftest import NOW
from tests.inventory.factories import make_certificate, make_endpoint

pytestmark = pytest.mark.django_db

CERTIFICATES = {
    "status=superseded": {"superseded.example.org"},
    "status=revoked": {"revoked.example.org"},
    "status=superseded&status=revoked": {"superseded.example.org", "revoked.example.org"},
    "status=superseded&status=expired": {"superseded.example.org", "expired.example.org"},
    "in_use=no": {"superseded.example.org", "revoked.example.org", "expired.example.org"},
    "retired=yes": {"retired.example.org"},
}
ENDPOINTS = {
    "port=8443": {8443},
    "port=443": {443},
    "protocol=smtp": {25},
    "protocol=smtp&protocol=tls": {25, 443, 8443, 9443},
    "tls=TLSv1": {9443},
    "severity=high": {9443},
    "retired=yes": {10443},
    "port=10443&retired=any": {10443},
    "port=10443": set(),
}


@pytest.fixture(params=[10_000, 0], ids=["rare", "not rare"])
def _limit(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "MOST_COUNTED", request.param)


@pytest.fixture
def _estate() -> None:
    make_certificate("used.example.org", nodes_serving=1, served_ever=True)
    make_certificate("superseded.example.org", superseded=True)
    make_certificate("revoked.example.org", revoked_at=NOW)
    make_certificate("expired.example.org", days_left=-1)
    make_certificate("retired.example.org", retired_at=NOW)
    certificate = Certificate.objects.get(name="used.example.org")
    make_endpoint(port=443, certificate=certificate)
    make_endpoint(port=8443)
    make_endpoint(port=25, protocol="smtp")
    make_endpoint(port=9443, certificate=certificate, worst_severity=3)
    Endpoint.objects.filter(port=9443).update(tls_version="TLSv1")
    make_endpoint(port=10443, retired_at=NOW)


@pytest.mark.usefixtures("_limit", "_estate")
def test_rare_certificates_are_those_that_a_walk_would_meet(auditor: User) -> None:
    found = {query: filters.certificates(query, auditor, NOW) for query in CERTIFICATES}
    assert {query: {row.name for row in result.queryset} for query, result in found.items()} == CERTIFICATES


@pytest.mark.usefixtures("_limit", "_estate")
def test_rare_endpoints_are_those_that_a_walk_would_meet(auditor: User) -> None:
    found = {query: filters.endpoints(query, auditor, NOW) for query in ENDPOINTS}
    assert {query: {row.port for row in result.queryset} for query, result in found.items()} == ENDPOINTS


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL reads a small table whole")
def test_what_is_not_in_use_is_found_in_an_index_of_its_own() -> None:
    assert "cert_not_in_use" in Certificate.objects.filter(UNUSED).order_by().values_list("pk").explain()
