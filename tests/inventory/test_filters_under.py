from __future__ import annotations

from urllib.parse import urlencode

import pytest

from accounts.models import Team, User
from inventory import filters
from inventory.filters import under
from inventory.models import Certificate, Issuer
from inventory.services import recount
from inventory.services.domains import sort_into_domains
from tests.conftest import NOW
from tests.inventory.factories import make_certificate, make_issuer


def _authority(name: str, signed_by: str) -> Issuer:
    """A CA certificate of this name, and the issuer that it makes."""
    issuer = make_issuer(name)
    make_certificate(name, issuer=signed_by, kind="ca", is_ca=True, subject_sha256=issuer.name_sha256)
    return issuer


def _names(user: User, **asked: object) -> set[str]:
    result = filters.certificates(urlencode(asked, doseq=True), user, NOW)
    assert not result.errors, result.errors
    return {row.name for row in result.queryset}


def test_what_passes_through_an_authority_is_found_however_many_lie_between(administrator: User) -> None:
    root, middle, low = _authority("Root", "Root"), _authority("Middle", "Root"), _authority("Low", "Middle")
    other = _authority("Other", "Other")
    for name, issuer in (("direct", "Root"), ("deep", "Low"), ("elsewhere", "Other")):
        make_certificate(name, issuer=issuer)
    assert _names(administrator, under=root.pk) == {"direct", "deep"}
    assert _names(administrator, under=middle.pk) == _names(administrator, under=low.pk) == {"deep"}
    assert _names(administrator, under=[low.pk, other.pk]) == {"deep", "elsewhere"}
    assert _names(administrator, under=root.pk, kind="any") == {"Root", "Middle", "Low", "direct", "deep"}
    assert _names(administrator, issuer=root.pk) == {"direct"}


def test_authorities_that_signed_each_other_come_to_an_end(administrator: User) -> None:
    one, two = _authority("One", "Two"), _authority("Two", "One")
    cross = _authority("Cross", "One")
    _authority("Cross", "Elsewhere")
    make_certificate("leaf", issuer="Cross")
    for issuer in (one, two, cross, make_issuer("Elsewhere")):
        assert _names(administrator, under=issuer.pk) == {"leaf"}


def test_a_leaf_that_calls_itself_like_an_authority_is_none(administrator: User) -> None:
    root = _authority("Root", "Root")
    issuer = make_issuer("Pretender")
    make_certificate("Pretender", issuer="Root", subject_sha256=issuer.name_sha256)
    make_certificate("victim", issuer="Pretender")
    assert _names(administrator, under=root.pk) == {"Pretender"}


def test_an_authority_of_others_is_not_known(stranger: User, web_team: Team) -> None:
    hidden = make_issuer("Theirs")
    make_certificate("hidden", issuer=hidden, owner_team=web_team)
    result = filters.certificates({"under": hidden.pk}, stranger, NOW)
    assert "not known" in result.errors["under"]
    assert not result.queryset.exists()


def test_too_many_authorities_are_an_error_and_not_half_an_answer(
    administrator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = _authority("Root", "Root")
    _authority("Middle", "Root")
    monkeypatch.setattr(under, "MOST_AUTHORITIES", 1)
    result = filters.certificates({"under": root.pk}, administrator, NOW)
    assert "more than 1 authorities" in result.errors["under"]
    assert not result.queryset.exists()


def _sorted(*certificates: Certificate) -> None:
    sort_into_domains(lambda: NOW)
    recount()


def test_a_domain_is_a_condition_in_either_form(administrator: User) -> None:
    make_certificate("www.xn--bcher-kva.de")
    make_certificate("www.example.org", names=["mail.xn--bcher-kva.de"])
    make_certificate("www.example.com")
    _sorted()
    both = {"www.xn--bcher-kva.de", "www.example.org"}
    for name in ("xn--bcher-kva.de", "bücher.de", "BÜCHER.de"):
        assert _names(administrator, domain=name) == both
    assert _names(administrator, domain=["example.com", "bücher.de"]) == both | {"www.example.com"}
    chips = filters.certificates({"domain": "bücher.de"}, administrator, NOW).chips
    assert [chip.words for chip in chips if chip.param == "domain"] == ["bücher.de"]


@pytest.mark.parametrize("most", [0, 1])
def test_a_domain_of_many_finds_the_same(administrator: User, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        make_certificate(f"www-{number}.example.org")
    make_certificate("www.example.com")
    _sorted()
    monkeypatch.setattr("inventory.filters.domain.FEW", 0)
    monkeypatch.setattr("inventory.filters.domain.MANY", most * 3)
    assert len(_names(administrator, domain="example.org")) == 4


def test_a_domain_of_others_is_not_known(stranger: User, web_team: Team, other_team: Team, administrator: User) -> None:
    make_certificate("www.secret.org", owner_team=web_team)
    make_certificate("www.shared.org", owner_team=web_team)
    make_certificate("pay.shared.org", owner_team=other_team)
    _sorted()
    assert "not known" in filters.certificates({"domain": "secret.org"}, stranger, NOW).errors["domain"]
    assert _names(stranger, domain="shared.org") == {"pay.shared.org"}
    listed = filters.domains("", stranger, NOW)
    assert [(row.name, vars(row)["seen"]) for row in listed.ordered()] == [("shared.org", 1)]
    most = filters.domains({"sort": "-certificates"}, administrator, NOW).ordered()
    assert (most[0].name, vars(most[0])["seen"]) == ("shared.org", 2)
    assert [row.name for row in filters.domains({"team": "web"}, administrator, NOW).ordered()] == [
        "secret.org",
        "shared.org",
    ]
    assert not filters.domains({"team": "none"}, administrator, NOW).queryset.exists()
    assert filters.domains({"team": "web"}, stranger, NOW).errors
