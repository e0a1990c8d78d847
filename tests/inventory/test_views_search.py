from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

import pytest
from django.test import Client

from accounts.models import User
from inventory import filters
from inventory.models import Certificate
from lab.pki import Authority
from tests.inventory.factories import make_certificate, make_endpoint
from tests.inventory.test_views_certificate import authority, keep, words

__all__ = ["authority"]


def test_a_whole_fingerprint_or_serial_number_leads_to_the_certificate(
    as_administrator: Client, today: datetime
) -> None:
    certificate = make_certificate(serial_number="0abbccddee")
    for text in (certificate.sha256, "0A:BB:CC:DD:EE"):
        response = as_administrator.get("/search/", {"q": text})
        assert response.headers.get("Location") == f"/certificates/{certificate.pk}/"
    make_certificate(serial_number="0abbccddee", issuer="Another CA")
    assert as_administrator.get("/search/", {"q": "0A:BB:CC:DD:EE"}).status_code == 200


def test_a_pasted_certificate_is_found_by_its_bytes(
    as_administrator: Client, authority: Authority, today: datetime
) -> None:
    known, unknown = authority.issue(["known.example.org"]), authority.issue(["unknown.example.org"])
    leaf = keep(known, today)
    for pem in (known.pem, known.pem.replace("\n", " ")):
        assert as_administrator.get("/search/", {"q": pem}).headers["Location"] == f"/certificates/{leaf.pk}/"
    assert "not in the inventory" in as_administrator.get("/search/", {"q": unknown.pem}).text
    assert as_administrator.get("/search/", {"q": "-----BEGIN CERTIFICATE-----\nabc"}).status_code == 422
    assert not Certificate.objects.filter(sha256=unknown.sha256).exists()


def test_a_search_groups_what_it_finds(as_administrator: Client, today: datetime) -> None:
    certificate = make_certificate("shop.example.org", issuer="Shop CA", now=today)
    make_endpoint("192.0.2.5", server_name="shop.example.org", certificate=certificate, now=today)
    page = words(as_administrator.get("/search/", {"q": "shop"}))
    for text in ("shop.example.org", "192.0.2.5:443", "Shop CA"):
        assert text in page


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.5:8443", {"shop.example.org"}),
        ("192.0.2.5:443", set()),
        ("[2001:db8::5]:443", {"mail.example.org"}),
        ("www.lab.example:8443", {"shop.example.org"}),
        ("lab.example:443", set()),
        ("shop lab", {"shop.example.org"}),
        ("LAB  shop example", {"shop.example.org"}),
        ("shop mail", set()),
        ("one two three four five", set()),
    ],
)
def test_host_and_port_and_several_words_find_what_matches_all_of_it(
    administrator: User, today: datetime, text: str, expected: set[str]
) -> None:
    shop = make_certificate("shop.example.org", issuer="Lab CA", now=today)
    mail = make_certificate("mail.example.org", issuer="Lab CA", now=today)
    make_endpoint("192.0.2.5", port=8443, server_name="www.lab.example", certificate=shop, now=today)
    make_endpoint("2001:db8::5", certificate=mail, now=today)
    found = filters.certificates(urlencode({"q": text}), administrator, today)
    assert set(found.queryset.values_list("name", flat=True)) == expected


def test_what_is_too_long_for_an_address_comes_by_post(
    as_administrator: Client, authority: Authority, today: datetime
) -> None:
    known, unknown = authority.issue(["known.example.org"]), authority.issue(["unknown.example.org"])
    leaf = keep(known, today)
    text = "Certificate chain\n" * 2_000 + known.pem + unknown.pem
    assert as_administrator.post("/search/", {"q": text}).headers["Location"] == f"/certificates/{leaf.pk}/"
    colons = ":".join(leaf.sha256[at : at + 2] for at in range(0, 64, 2))
    for written in (colons.upper(), colons.replace(":", " ")):
        assert as_administrator.post("/search/", {"q": written}).headers["Location"] == f"/certificates/{leaf.pk}/"
    assert 'id="search-pasted"' in as_administrator.get("/search/").text


def test_a_place_that_is_one_node_leads_to_it(as_administrator: Client, today: datetime) -> None:
    one = make_endpoint("192.0.2.5", server_name="one.example.org", now=today)
    make_endpoint("192.0.2.6", server_name="two.example.org", now=today)
    make_endpoint("192.0.2.7", server_name="two.example.org", now=today)
    for text in ("192.0.2.5:443", "one.example.org:443", "ONE.example.org:443"):
        assert as_administrator.get("/search/", {"q": text}).headers.get("Location") == f"/endpoints/{one.pk}/"
    for text in ("two.example.org:443", "192.0.2.5:8443", "192.0.2.5:99999", "192.0.2.5"):
        assert as_administrator.get("/search/", {"q": text}).status_code == 200


def test_a_sha1_is_told_from_what_is_not_there(as_administrator: Client) -> None:
    assert "as many digits as a SHA-1" in words(as_administrator.get("/search/", {"q": "ab:" * 19 + "ab"}))
