"""Names of other scripts: what machines compare and what people read stand side by side."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import Organisation, User
from tests.inventory.factories import make_certificate, make_endpoint

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("page", ["list", "detail"])
def test_an_endpoint_shows_the_name_it_was_asked_for_in_both_forms(
    page: str, client: Client, organisation: Organisation, auditor: User
) -> None:
    node = make_endpoint("192.0.2.1", server_name="xn--bcher-kva.example")
    client.force_login(auditor)
    shown = client.get("/endpoints/" if page == "list" else f"/endpoints/{node.pk}/").text
    assert "xn--bcher-kva.example" in shown
    assert ">bücher.example<" in shown


def test_a_certificate_shows_each_of_its_names_in_both_forms(
    client: Client, organisation: Organisation, auditor: User
) -> None:
    others = [f"n{n}.example" for n in range(40)]
    certificate = make_certificate("a.example", names=["xn--bcher-kva.example", *others, "xn--strae-oqa.example"])
    client.force_login(auditor)
    shown = client.get(f"/certificates/{certificate.pk}/").text
    for name in ("xn--bcher-kva.example", "bücher.example", "xn--strae-oqa.example", "straße.example"):
        assert name in shown
