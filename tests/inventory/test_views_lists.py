from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Organisation, Team, User
from inventory.models import Certificate, Endpoint
from tests.inventory.factories import make_certificate, make_endpoint, make_issuer

HTMX = {"HX-Request": "true"}
LISTS = ["/certificates/", "/endpoints/", "/issuers/"]


def make_estate(number: int, team: Team | None, now: datetime) -> None:
    first = Endpoint.objects.count()
    for n in range(first, first + number):
        certificate = make_certificate(
            f"host-{n:03}.example.org",
            names=[f"alias-{n}.example.org"],
            days_left=n % 90,
            issuer=f"CA {n % 7}",
            owner_team=team,
            risks=["weak_key", "old_tls"] if n % 3 == 0 else [],
            nodes_serving=1,
            nodes_total=2,
            now=now,
        )
        address = f"192.0.{n // 250}.{n % 250}"
        make_endpoint(address, server_name=certificate.name, certificate=certificate, owner_team=team, now=now)


def queries(client: Client, url: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        response = client.get(url)
    assert response.status_code == 200, url
    return len(captured)


@pytest.mark.parametrize("url", LISTS)
def test_a_list_needs_no_more_queries_when_the_estate_grows(
    url: str, as_administrator: Client, web_team: Team, today: datetime
) -> None:
    make_estate(20, web_team, today)
    few = queries(as_administrator, url)
    make_estate(180, web_team, today)
    many = queries(as_administrator, url)
    assert many <= few <= 23


@pytest.mark.parametrize("url", LISTS)
def test_a_list_is_a_page_for_browsers_and_a_fragment_for_htmx(
    url: str, as_administrator: Client, today: datetime
) -> None:
    make_estate(3, None, today)
    page = as_administrator.get(url)
    fragment = as_administrator.get(url, headers=HTMX)
    assert "<html" in page.text
    assert "<html" not in fragment.text
    assert 'id="results"' in fragment.text
    assert "HX-Request" in page["Vary"]
    assert "HX-Request" in fragment["Vary"]


def test_going_back_in_the_browser_gets_the_whole_page(as_administrator: Client) -> None:
    headers = {**HTMX, "HX-History-Restore-Request": "true"}
    assert "<html" in as_administrator.get("/certificates/", headers=headers).text


def test_a_list_says_each_word_of_a_row(as_administrator: Client, web_team: Team, today: datetime) -> None:
    make_certificate(
        "pay.example.org",
        names=["www.pay.example.org"],
        days_left=5.5,
        owner_team=web_team,
        risks=["sha1_signature"],
        nodes_serving=2,
        nodes_total=3,
        now=today,
    )
    text = " ".join(re.sub(r"<[^>]+>", " ", as_administrator.get("/certificates/").text).split())
    for words in (
        "pay.example.org +1",
        "in 5 days",
        "Web",
        "Example CA 1",
        "2 of 3",
        "ECDSA P-256",
        "SHA-1 or MD5 signature",
    ):
        assert words in text


def test_following_next_and_previous_walks_the_whole_list(as_administrator: Client, today: datetime) -> None:
    make_estate(60, None, today)
    seen: list[str] = []
    url: str | None = "/certificates/?sort=name"
    last = ""
    while url:
        text = as_administrator.get(url).text
        seen += re.findall(r'title="(host-\d+\.example\.org)"', text)
        last = text
        following = re.search(r'href="(\?[^"]+)"[^>]*rel="next"', text)
        url = f"/certificates/{following[1].replace('&amp;', '&')}" if following else None
    assert seen == [f"host-{n:03}.example.org" for n in range(60)]
    previous = re.search(r'href="(\?[^"]+)"[^>]*rel="prev"', last)
    assert previous is not None
    assert "host-025" in as_administrator.get(f"/certificates/{previous[1].replace('&amp;', '&')}").text


def test_a_wrong_parameter_is_said_on_the_page(as_administrator: Client, today: datetime) -> None:
    make_estate(1, None, today)
    response = as_administrator.get("/certificates/?stauts=expired")
    assert response.status_code == 422
    assert "“stauts”" in response.text
    assert "host-000" not in response.text


def test_a_filter_without_hits_names_its_narrowest_condition(
    as_administrator: Client, web_team: Team, today: datetime
) -> None:
    make_estate(4, web_team, today)
    text = as_administrator.get("/certificates/?team=web&status=revoked").text
    assert "The narrowest condition is “Status: Revoked”; without it there are 4." in " ".join(text.split())


def test_an_empty_inventory_says_what_to_do(as_administrator: Client) -> None:
    assert "No certificate is known yet." in as_administrator.get("/certificates/").text
    assert "No endpoint is known yet." in as_administrator.get("/endpoints/").text
    assert "No issuer is known yet." in as_administrator.get("/issuers/").text


def test_facets_count_what_each_answer_would_leave(
    as_administrator: Client, web_team: Team, other_team: Team, today: datetime
) -> None:
    make_estate(3, web_team, today)
    make_estate(2, other_team, today)
    facets = {facet.param: facet for facet in as_administrator.get("/certificates/?team=web").context["facets"]}
    assert {o.value: o.count for o in facets["team"].options} == {"web": 3, "payments": 2}
    assert {o.value: o.count for o in facets["issuer"].options}.keys() == {
        str(pk) for pk in Certificate.objects.filter(owner_team=web_team).values_list("issuer", flat=True)
    }
    assert sum(o.count or 0 for o in facets["status"].options) == 3


def test_people_of_another_team_see_nothing_in_any_list(
    client: Client, organisation: Organisation, stranger: User, web_team: Team, today: datetime
) -> None:
    make_certificate("secret.example.org", owner_team=web_team, issuer=make_issuer("Secret CA"), risks=["weak_key"])
    make_endpoint("192.0.2.99", server_name="secret.example.org", owner_team=web_team)
    client.force_login(stranger)
    for url in [
        *LISTS,
        "/certificates/?kind=any",
        "/endpoints/?retired=any",
        "/search/?q=secret",
        "/search/?q=192.0.2.99",
    ]:
        response = client.get(url)
        assert "secret.example.org" not in response.text, url
        assert "Secret CA" not in response.text, url
        assert "192.0.2.99:443" not in response.text, url
    facets = client.get("/certificates/").context["facets"]
    assert not any(option.count for facet in facets for option in facet.options)


HOSTILE = "<script>alert(1)</script>\u202egpj.exe\x00"


def test_hostile_names_are_inert_wherever_lists_show_them(as_administrator: Client, today: datetime) -> None:
    name = HOSTILE.replace("\x00", "")
    certificate = make_certificate(name, names=[name], issuer=name, key_label=name[:80], nodes_serving=1, now=today)
    make_endpoint("192.0.2.66", server_name=name, certificate=certificate, now=today)
    issuer = certificate.issuer_id
    for url in [
        *LISTS,
        f"/certificates/?issuer={issuer}",
        "/search/?q=alert",
        "/certificates/?q=%3Cscript%3E%E2%80%AE",
    ]:
        text = as_administrator.get(url).text
        assert "<script>alert" not in text, url
        # What somebody typed goes back into its own field as it was.
        assert "\u202e" not in re.sub(r'value="[^"]*"', "", text), url


def test_nobody_sees_a_list_without_signing_in(client: Client, organisation: Organisation, administrator: User) -> None:
    for url in [*LISTS, "/search/", "/certificates/export.csv", "/certificates/1/"]:
        assert client.get(url).status_code == 302


def test_endpoints_of_one_port_are_told_apart_by_the_name_they_were_asked_for(
    as_administrator: Client, today: datetime
) -> None:
    served = make_certificate("www.example.org", now=today)
    make_endpoint(server_name="", certificate=served, now=today)
    make_endpoint(server_name="www.example.org", certificate=served, now=today)
    page = as_administrator.get("/endpoints/").content.decode()
    assert page.count("no name asked") == 1
    assert page.count('title="www.example.org">') == 3
    assert page.count("the same name") == 1


def test_what_is_not_yet_valid_says_when_it_begins(as_administrator: Client, today: datetime) -> None:
    make_certificate(not_before=today + timedelta(days=9, hours=1), days_left=99, now=today)
    page = " ".join(as_administrator.get("/certificates/").content.decode().split())
    assert '<span class="visually-hidden">not yet valid,</span> begins <time' in page
    assert ">in 9 days</time>" in page


def test_what_is_urgent_is_read_out_as_expiring(as_administrator: Client, today: datetime) -> None:
    make_certificate(days_left=2, urgent_from=today - timedelta(days=1), now=today)
    page = as_administrator.get("/certificates/").content.decode()
    assert '<span class="visually-hidden">expiring,</span>' in page
    assert ">urgent" not in page
