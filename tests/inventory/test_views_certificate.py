from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Organisation, Team, User
from inventory.models import Certificate, TrustStore
from lab.pki import Authority, Issued
from tests.inventory.factories import make_certificate, make_endpoint
from tests.inventory.stored import store_chain

HTMX = {"HX-Request": "true"}


@pytest.fixture
def authority(db: None) -> Authority:
    return Authority.make("Test Root").intermediate("Test Issuing CA")


def words(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.text).split())


def keep(issued: Issued, now: datetime, *, sent: tuple[bytes, ...] | None = None) -> Certificate:
    """Store what a server sends, and let one node send it."""
    store_chain(sent or issued.sent, now)
    leaf = Certificate.objects.get(sha256=issued.sha256)
    others = Certificate.objects.filter(links__chain__leaf=leaf, links__position__gt=0).order_by("links__position")
    make_endpoint(server_name=leaf.name, certificate=leaf, chain=list(others), now=now)
    return leaf


def test_the_page_shows_what_the_certificate_says(
    as_administrator: Client, authority: Authority, today: datetime
) -> None:
    issued = authority.issue(["api.example.org", "www.example.org"], not_after=today + timedelta(days=40, hours=1))
    page = words(as_administrator.get(f"/certificates/{keep(issued, today).pk}/"))
    for text in ("in date, 40 days left", "and 1 more name", "Test Issuing CA", "ECDSA P-256", "www.example.org"):
        assert text in page


def test_a_path_to_a_private_root_is_shown_with_the_store_that_trusts_it(
    as_administrator: Client, authority: Authority, today: datetime
) -> None:
    TrustStore.objects.create(name="Our roots", pem=Authority.make("Test Root").pem, added_at=today)
    leaf = keep(authority.issue(["api.example.org"]), today)
    chain = as_administrator.get(f"/certificates/{leaf.pk}/").context["page"].chain
    assert (chain.trusted, chain.built_note) == (True, "trusted by Our roots")
    assert [(link.kind, link.name) for link in chain.built] == [
        ("leaf", "api.example.org"),
        ("ca", "Test Issuing CA"),
        ("anchor", "Test Root"),
    ]


def test_what_was_not_sent_is_drawn_and_is_not_called_good(
    as_administrator: Client, authority: Authority, today: datetime
) -> None:
    TrustStore.objects.create(name="Our roots", pem=Authority.make("Test Root").pem, added_at=today)
    keep(authority.issue(["whole.example.org"]), today)
    bare = authority.issue(["bare.example.org"])
    leaf = keep(bare, today, sent=(bare.der,))
    chain = as_administrator.get(f"/certificates/{leaf.pk}/").context["page"].chain
    assert chain.trusted is False
    assert [(link.kind, link.name) for link in chain.sent] == [
        ("leaf", "bare.example.org"),
        ("missing", "Test Issuing CA"),
    ]
    assert chain.sentences == [
        "Clients that do not have Test Issuing CA already cannot build a path; with it, Our roots trusts it."
    ]


def test_without_a_trusted_root_the_page_says_why(
    as_administrator: Client, authority: Authority, today: datetime
) -> None:
    leaf = keep(authority.issue(["api.example.org"]), today)
    chain = as_administrator.get(f"/certificates/{leaf.pk}/").context["page"].chain
    assert chain.trusted is False
    assert "Test Root" in chain.sentences[0]


def test_nodes_are_this_one_another_or_silent(as_administrator: Client, today: datetime) -> None:
    this = make_certificate("api.example.org", nodes_serving=1, nodes_total=3, now=today)
    other = make_certificate("api.example.org", days_left=5, now=today)
    make_endpoint("192.0.2.1", server_name="api.example.org", certificate=this, now=today)
    make_endpoint("192.0.2.2", server_name="api.example.org", certificate=other, now=today)
    make_endpoint("192.0.2.3", server_name="api.example.org", now=today)
    response = as_administrator.get(f"/certificates/{this.pk}/")
    assert [(n.label, n.state) for n in response.context["page"].served.nodes] == [
        ("192.0.2.1:443", "this"),
        ("192.0.2.2:443", "other"),
        ("192.0.2.3:443", "silent"),
    ]
    assert "1 node of the same services sends another certificate." in words(response)


def test_nodes_of_other_teams_are_only_a_number(
    client: Client, organisation: Organisation, operator: User, web_team: Team, other_team: Team, today: datetime
) -> None:
    mine = make_certificate("api.example.org", owner_team=web_team, nodes_serving=2, nodes_total=2, now=today)
    make_endpoint("192.0.2.1", server_name="api.example.org", certificate=mine, owner_team=web_team, now=today)
    make_endpoint("192.0.2.2", server_name="api.example.org", certificate=mine, owner_team=other_team, now=today)
    client.force_login(operator)
    response = client.get(f"/certificates/{mine.pk}/")
    assert "192.0.2.2" not in response.text
    assert "and 1 node of another team" in words(response)


def test_people_of_another_team_get_not_found(
    client: Client, organisation: Organisation, stranger: User, web_team: Team, today: datetime
) -> None:
    certificate = make_certificate(owner_team=web_team, issuer="Secret CA")
    endpoint = make_endpoint(owner_team=web_team)
    client.force_login(stranger)
    for url in (
        f"/certificates/{certificate.pk}/",
        f"/certificates/{certificate.pk}/certificate.pem",
        f"/certificates/{certificate.pk}/certificate.cer",
        f"/certificates/{certificate.pk}/owner/",
        f"/endpoints/{endpoint.pk}/",
        f"/issuers/{certificate.issuer_id}/",
    ):
        assert client.get(url).status_code == 404, url
    assert client.post(f"/endpoints/{endpoint.pk}/retire/", {"reason": "x"}).status_code == 404


def test_the_page_needs_no_more_queries_for_more_nodes(as_administrator: Client, today: datetime) -> None:
    certificate = make_certificate("api.example.org", risks=["weak_key", "old_tls"], now=today)
    counts = []
    for first, number in ((0, 20), (20, 180)):
        for n in range(first, first + number):
            make_endpoint(f"192.0.2.{n}", server_name=f"n{n % 9}.example.org", certificate=certificate, now=today)
        with CaptureQueriesContext(connection) as captured:
            assert as_administrator.get(f"/certificates/{certificate.pk}/").status_code == 200
        counts.append(len(captured))
    assert counts[1] <= counts[0] <= 30


def test_earlier_and_later_certificates_of_the_same_names_are_listed(as_administrator: Client, today: datetime) -> None:
    family = [make_certificate("api.example.org", days_left=days, now=today) for days in (-60, 20, 80)]
    make_certificate("other.example.org", now=today)
    lineage = as_administrator.get(f"/certificates/{family[-1].pk}/").context["page"].lineage
    assert (lineage.total, [span.is_this for span in lineage.spans]) == (3, [False, False, True])


def test_pem_and_der_are_the_certificate_itself(
    as_administrator: Client, authority: Authority, today: datetime
) -> None:
    issued = authority.issue(['x"\r\nSet-Cookie: a=b'], subject="evil")
    leaf = keep(issued, today)
    pem = as_administrator.get(f"/certificates/{leaf.pk}/certificate.pem")
    der = as_administrator.get(f"/certificates/{leaf.pk}/certificate.cer")
    assert x509.load_pem_x509_certificate(pem.content) == issued.certificate
    assert der.content == issued.der
    assert (pem["Content-Type"], der["Content-Type"]) == ("application/x-pem-file", "application/pkix-cert")
    for response in (pem, der):
        assert re.fullmatch(r'attachment; filename="[a-z0-9._-]+"', response["Content-Disposition"])


def test_problems_in_reading_are_said(as_administrator: Client, today: datetime) -> None:
    certificate = make_certificate(
        not_after=None, conforming=False, problems=[{"property": "not_after", "reason": "the month is 13"}]
    )
    page = words(as_administrator.get(f"/certificates/{certificate.pk}/"))
    assert "unknown" in page
    assert "not_after: the month is 13" in page
    assert "does not conform to RFC 5280" in page


@pytest.mark.parametrize("role", ["viewer", "auditor"])
def test_readers_cannot_change_the_owner(
    role: str, request: pytest.FixtureRequest, client: Client, organisation: Organisation, today: datetime
) -> None:
    certificate = make_certificate()
    endpoint = make_endpoint()
    client.force_login(request.getfixturevalue(role))
    assert client.post(f"/certificates/{certificate.pk}/owner/", {"owner-reason": "x"}).status_code == 403
    assert client.post(f"/endpoints/{endpoint.pk}/retire/", {"reason": "x"}).status_code == 403
    assert "Change owner" not in client.get(f"/certificates/{certificate.pk}/").text


def test_tabs_lead_to_the_panels_of_other_apps(as_administrator: Client, settings: Any, today: datetime) -> None:
    settings.CERTIFICATE_PANELS = [
        ("history", "History", "inventory:certificate_detail"),
        ("later", "Not built", "nowhere:panel"),
    ]
    pk = make_certificate().pk
    text = as_administrator.get(f"/certificates/{pk}/?tab=history").text
    assert "Not built" not in text
    assert f'hx-get="/certificates/{pk}/"' in text


def test_hostile_text_is_inert_on_the_page(as_administrator: Client, today: datetime) -> None:
    name = "<img src=x onerror=alert(1)>\u202e"
    certificate = make_certificate(name, names=[name], issuer=name, key_label=name[:80])
    endpoint = make_endpoint(server_name=name, certificate=certificate, service=name)
    for url in (
        f"/certificates/{certificate.pk}/",
        f"/endpoints/{endpoint.pk}/",
        f"/issuers/{certificate.issuer_id}/",
    ):
        text = as_administrator.get(url).text
        assert "<img src=x" not in text, url
        assert "\u202e" not in text, url


def test_an_endpoint_is_retired_with_a_reason_and_taken_back(
    client: Client, organisation: Organisation, operator: User, web_team: Team, today: datetime
) -> None:
    endpoint = make_endpoint(owner_team=web_team, now=today)
    client.force_login(operator)
    assert client.post(f"/endpoints/{endpoint.pk}/retire/", {"reason": ""}).status_code == 422
    client.post(f"/endpoints/{endpoint.pk}/retire/", {"reason": "switched off"})
    endpoint.refresh_from_db()
    assert endpoint.retired_reason == "switched off"
    assert "switched off" in client.get(f"/endpoints/{endpoint.pk}/").text
    client.post(f"/endpoints/{endpoint.pk}/restore/", {"reason": "it is back"})
    endpoint.refresh_from_db()
    assert endpoint.retired_at is None


def test_an_endpoint_without_recent_evidence_is_not_judged(as_administrator: Client, today: datetime) -> None:
    certificate = make_certificate(now=today)
    stale = make_endpoint(certificate=certificate, now=today - timedelta(days=3))
    response = as_administrator.get(f"/endpoints/{stale.pk}/")
    assert "not judged" in words(response)
    assert "status-in_date" not in response.text.split("<main")[1].split("</main>")[0]
