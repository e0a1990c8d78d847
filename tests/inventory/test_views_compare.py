from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from django.test import Client

from accounts.models import Team, User
from inventory.models import Certificate
from lab.pki import Authority
from tests.inventory.factories import make_certificate, make_endpoint, make_issuer
from tests.inventory.test_views_certificate import authority, keep, words

__all__ = ["authority"]


def _pair(now: datetime, **columns: Any) -> tuple[Certificate, Certificate]:
    old = make_certificate("www.example.org", names=["old.example.org"], now=now, days_left=-5, **columns)
    new = make_certificate("www.example.org", names=["new.example.org"], now=now, issuer="Other CA", **columns)
    return old, new


def test_differences_are_said_in_words(as_administrator: Client, today: datetime) -> None:
    old, new = _pair(today)
    make_endpoint("192.0.2.5", certificate=new, now=today)
    page = words(as_administrator.get(f"/certificates/compare/?a={old.pk}&b={new.pk}"))
    assert re.search(r"Status expired in date ≠ differs", page), page
    assert "Issuer CN=Example CA 1 CN=Other CA ≠ differs" in page
    assert "Key ECDSA P-256 ECDSA P-256 = same" in page
    assert "− only A old.example.org + only B new.example.org = both www.example.org" in page
    assert "+ only B 192.0.2.5:443" in page


def test_one_picks_among_earlier_and_later_ones(as_administrator: Client, today: datetime) -> None:
    one, two = (make_certificate("www.example.org", now=today, days_left=days) for days in (5, 80))
    stranger = make_certificate("other.example.org", now=today)
    html = as_administrator.get(f"/certificates/compare/?a={one.pk}").text
    assert f"?a={one.pk}&amp;b={two.pk}" in html
    assert f"b={stranger.pk}" not in html
    assert f"/certificates/compare/?a={one.pk}" in as_administrator.get(f"/certificates/{one.pk}/").text


def test_both_must_be_visible(client: Client, stranger: User, web_team: Team, today: datetime) -> None:
    hidden = make_certificate("hidden.example.org", now=today, owner_team=web_team)
    seen = make_certificate("seen.example.org", now=today)
    client.force_login(stranger)
    for a, b in ((hidden, seen), (seen, hidden), (hidden, hidden)):
        assert client.get(f"/certificates/compare/?a={a.pk}&b={b.pk}").status_code == 404
    answer = client.post("/certificates/compare/", {"a": str(seen.pk), "b": hidden.sha256})
    assert answer.status_code == 422
    assert "hidden.example" not in answer.text
    for wrong in ("x", "-1", "9" * 40, "²"):
        assert client.get(f"/certificates/compare/?a={wrong}").status_code == 404


def test_certificates_are_named_by_fingerprint_or_pem(
    as_administrator: Client, authority: Authority, today: datetime
) -> None:
    issued = authority.issue(["known.example.org"])
    known, other = keep(issued, today), make_certificate(now=today)
    colons = ":".join(re.findall("..", other.sha256)).upper()
    answer = as_administrator.post("/certificates/compare/", {"a": issued.pem, "b": colons})
    assert answer.headers["Location"] == f"/certificates/compare/?a={known.pk}&b={other.pk}"
    assert as_administrator.get(answer.headers["Location"]).status_code == 200
    for wrong in ("-----BEGIN CERTIFICATE-----\nx", "ab" * 32, "", "x"):
        assert as_administrator.post("/certificates/compare/", {"a": "", "b": wrong}).status_code == 422


def test_names_of_strangers_stay_text(as_administrator: Client, today: datetime) -> None:
    evil = make_certificate("<img src=x>", names=["<b>bold</b>"], now=today, issuer="<i>CA</i>")
    html = as_administrator.get(f"/certificates/compare/?a={evil.pk}&b={make_certificate(now=today).pk}").text
    assert "<img src=x>" not in html
    assert "<b>bold" not in html
    assert "<i>CA" not in html


def test_an_issuer_says_where_it_stands_and_what_passes_through_it(as_administrator: Client, today: datetime) -> None:
    middle = make_issuer("Middle")
    make_certificate("Middle", issuer="Root", kind="ca", is_ca=True, subject_sha256=middle.name_sha256, now=today)
    make_certificate("leaf.example.org", issuer=middle, now=today)
    root = make_issuer("Root")
    page = as_administrator.get(f"/issuers/{root.pk}/")
    assert "Has issued Middle Everything whose path passes through it 2" in words(page)
    assert "Authorities under it that end within 30 months" in words(page)
    assert f"under={root.pk}&amp;kind=any" in page.text
    assert "Issued by Root" in words(as_administrator.get(f"/issuers/{middle.pk}/"))
