from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.models import Team, User
from inventory import filters
from inventory.filters.paging import Cursor
from inventory.models import Certificate, Endpoint, Risk, Severity, Tag
from inventory.status import Status
from tests.inventory.factories import make_certificate, make_endpoint, make_issuer, make_sighting


@pytest.fixture
def estate(db: None, web_team: Team, other_team: Team, now: datetime) -> dict[str, Certificate]:
    """One certificate for each thing that a filter can ask for."""
    rows = {
        "plain": make_certificate("plain.example.org", days_left=60, owner_team=web_team),
        "expired": make_certificate("old.example.org", days_left=-3, owner_team=web_team, nodes_serving=2),
        "soon": make_certificate("soon.example.org", days_left=9, owner_team=other_team, environment="production"),
        "future": make_certificate("later.example.org", days_left=120, life_days=90),
        "revoked": make_certificate("revoked.example.org", revoked_at=now - timedelta(days=1)),
        "superseded": make_certificate("before.example.org", superseded=True),
        "gone": make_certificate("gone.example.org", served_ever=True),
        "unread": make_certificate("unread.example.org", not_after=None),
        "weak": make_certificate("weak.example.net", key_label="RSA 1024", risks=["weak_key"], issuer="Old CA"),
        "ca": make_certificate("Example CA 1", kind=Certificate.Kind.CA, days_left=900, life_days=3650),
    }
    rows["plain"].tags.add(Tag.objects.create(name="shop"))
    make_sighting(rows["plain"], "data centre")
    make_endpoint("192.0.2.7", server_name="hidden-host.example.org", certificate=rows["soon"], owner_team=other_team)
    return rows


def names(query: str, user: User, now: datetime) -> set[str]:
    result = filters.certificates(query, user, now)
    assert not result.errors
    return {certificate.name.split(".")[0] for certificate in result.queryset}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=expired", "old"),
        ("status=expired&status=revoked", "old revoked"),
        ("status=expiring", "soon"),
        ("status=not_yet_valid", "later"),
        ("status=superseded", "before"),
        ("status=gone", "gone"),
        ("status=unknown", "unread"),
        ("status=in_date", "plain weak"),
        ("team=web", "plain old"),
        ("team=web&team=payments", "plain old soon"),
        ("team=none&status=in_date", "weak"),
        ("environment=production", "soon"),
        ("key=RSA+1024", "weak"),
        ("risk=weak_key", "weak"),
        ("tag=shop", "plain"),
        ("source=data+centre", "plain"),
        ("in_use=yes", "old"),
        ("in_use=yes&status=in_date", ""),
        ("in_use=never&status=expiring", "soon"),
        ("severity=high", "weak"),
        ("days__lte=10", "old soon"),
        ("days__lte=0", "old"),
        ("expires_after=2027-03-01", "later"),
        ("expires_before=2026-11-23", "old"),
        ("expires_after=2026-11-23&expires_before=2026-12-31T00:00Z", "soon"),
        ("kind=ca", "Example CA 1"),
        ("q=LATER.example", "later"),
        ("q=Old+CA", "old weak"),
        ("q=192.0.2.7", "soon"),
        ("q=hidden-host", "soon"),
        ("q=nothing-has-this", ""),
        ("q=%25", ""),
        ("q=_", ""),
    ],
)
def test_each_parameter_finds_what_it_says(
    query: str, expected: str, estate: dict[str, Certificate], administrator: User, now: datetime
) -> None:
    wanted = {expected} if " CA " in expected else set(expected.split())
    assert names(query, administrator, now) == wanted


def test_a_serial_number_is_found_however_tools_print_it(administrator: User, now: datetime) -> None:
    make_certificate("one.example.org", serial_number="00f00dbeef01")
    for text in ("f00dbeef01", "F0:0D:BE:EF:01", "0xF00DBEEF01", "00:f0:0d:be:ef:01", "f0 0d be ef 01"):
        assert names(f"q={text}", administrator, now) == {"one"}, text


def test_a_fingerprint_is_found_with_and_without_colons(administrator: User, now: datetime) -> None:
    wanted = make_certificate("one.example.org")
    make_certificate("two.example.org")
    colons = ":".join(wanted.sha256[at : at + 2] for at in range(0, 64, 2)).upper()
    assert names(f"q={colons}", administrator, now) == names(f"q={wanted.sha256}", administrator, now) == {"one"}


def test_an_internationalised_name_is_found_as_people_write_it(administrator: User, now: datetime) -> None:
    make_certificate("xn--bcher-kva.example")
    assert names("q=bücher", administrator, now) == {"xn--bcher-kva"}


def test_the_kind_is_end_entity_unless_asked_otherwise_and_says_so(
    estate: dict[str, Certificate], administrator: User, now: datetime
) -> None:
    result = filters.certificates("", administrator, now)
    assert [(chip.param, chip.words) for chip in result.chips] == [("kind", "End entity")]
    assert result.queryset.count() == len(estate) - 1
    assert filters.certificates(result.chips[0].without, administrator, now).queryset.count() == len(estate)


def test_the_status_filter_says_what_each_row_says(
    estate: dict[str, Certificate], administrator: User, now: datetime
) -> None:
    found = 0
    for status in Status:
        rows = filters.certificates(f"status={status}&kind=any", administrator, now).queryset
        assert {row.status_at(now) for row in rows} <= {status}
        found += len(rows)
    assert found == len(estate)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("status=valid", "status"),
        ("status=expired&status=valid", "status"),
        ("stauts=expired", "stauts"),
        ("team=nobody-knows", "team"),
        ("environment=moon", "environment"),
        ("issuer=abc", "issuer"),
        ("issuer=99999", "issuer"),
        ("issuer=99999999999999999999999", "issuer"),
        ("tag=missing", "tag"),
        ("kind=leaf&kind=ca", "kind"),
        ("in_use=perhaps", "in_use"),
        ("days__lte=soon", "days__lte"),
        ("days__lte=999999999", "days__lte"),
        ("expires_after=2026-13-45", "expires_after"),
        ("expires_before=tomorrow", "expires_before"),
        ("severity=9", "severity"),
        ("sort=size", "sort"),
        ("per_page=26", "per_page"),
        ("after=forged", "after"),
        ("q=a&q=b", "q"),
        ("q=%00", "q"),
        ("key=" + "x" * 301, "key"),
    ],
)
def test_what_cannot_be_understood_is_named_and_answers_nothing(
    query: str, parameter: str, estate: dict[str, Certificate], administrator: User, now: datetime
) -> None:
    result = filters.certificates(query, administrator, now)
    assert set(result.errors) == {parameter}
    assert not result.queryset.exists()
    assert f"“{parameter}”" in filters.error_sentences(result.errors)[0]


def test_blank_parameters_of_a_form_ask_for_nothing(administrator: User, now: datetime) -> None:
    make_certificate()
    result = filters.certificates("q=&status=&team=+&days__lte=", administrator, now)
    assert (dict(result.errors), result.queryset.count()) == ({}, 1)


def test_an_operator_sees_own_and_unowned_rows_and_learns_nothing_of_others(
    estate: dict[str, Certificate], operator: User, now: datetime
) -> None:
    estate["soon"].issuer = make_issuer("Payments CA")
    estate["soon"].save()
    assert "soon" not in names("", operator, now)
    assert names("q=192.0.2.7", operator, now) == set()
    assert set(filters.certificates("team=payments", operator, now).errors) == {"team"}
    assert set(filters.certificates(f"issuer={estate['soon'].issuer_id}", operator, now).errors) == {"issuer"}


def test_a_host_of_another_team_does_not_find_a_certificate(
    operator: User, web_team: Team, other_team: Team, now: datetime
) -> None:
    mine = make_certificate("shared.example.org", owner_team=web_team)
    make_endpoint("192.0.2.8", server_name="secret-host.example.net", certificate=mine, owner_team=other_team)
    assert names("q=secret-host", operator, now) == set()
    assert names("q=shared", operator, now) == {"shared"}


SORTS = ["expires", "name", "first_seen", "severity", "owner"]


@pytest.mark.parametrize("sort", [*SORTS, *(f"-{sort}" for sort in SORTS)])
def test_walking_the_pages_shows_each_row_exactly_once_both_ways(
    sort: str, administrator: User, web_team: Team, other_team: Team, now: datetime
) -> None:
    for number in range(60):
        columns: dict[str, Any] = {"not_after": None} if number % 4 == 0 else {"days_left": number % 5}
        team = [web_team, None, other_team][number % 3]
        make_certificate(f"n{number % 7}.example.org", owner_team=team, worst_severity=number % 3, **columns)
    pages = [filters.certificates(f"sort={sort}", administrator, now).page()]
    while pages[-1].next:
        pages.append(filters.certificates({"sort": sort, "after": pages[-1].next}, administrator, now).page())
    walked = [row.pk for page in pages for row in page.rows]
    assert [len(page.rows) for page in pages] == [25, 25, 10]
    assert len(set(walked)) == 60
    assert walked == [row.pk for row in filters.certificates(f"sort={sort}", administrator, now).ordered()]
    back = filters.certificates({"sort": sort, "after": pages[-1].previous}, administrator, now).page()
    assert [row.pk for row in back.rows] == [row.pk for row in pages[1].rows]
    first = filters.certificates({"sort": sort, "after": back.previous}, administrator, now).page()
    assert [row.pk for row in first.rows] == [row.pk for row in pages[0].rows]
    assert not first.previous


def test_a_cursor_of_another_order_or_a_changed_one_is_refused(administrator: User, now: datetime) -> None:
    cursor = Cursor("expires", now, 7).write("time")
    assert not filters.certificates({"after": cursor}, administrator, now).errors
    for params in ({"after": cursor, "sort": "name"}, {"after": cursor[:-2] + "xx"}, {"after": "x" + cursor}):
        assert set(filters.certificates(params, administrator, now).errors) == {"after"}


def test_counting_stops_at_the_limit(administrator: User, now: datetime) -> None:
    for _ in range(4):
        make_certificate()
    queryset = filters.certificates("", administrator, now).queryset
    assert filters.in_words(filters.count_up_to(queryset, 4)) == "4"
    assert filters.in_words(filters.count_up_to(queryset, 3)) == "3+"


ENDPOINT_CASES: list[tuple[str, set[str]]] = [
    ("", {"a", "b", "c"}),
    ("retired=yes", {"d"}),
    ("retired=any", {"a", "b", "c", "d"}),
    ("outcome=served", {"a", "c"}),
    ("outcome=unreachable", {"b"}),
    ("outcome=never", set()),
    ("judged=yes", {"a"}),
    ("judged=no", {"b", "c"}),
    ("port=8443", {"b"}),
    ("protocol=smtp", {"c"}),
    ("team=web", {"a"}),
    ("q=198.51.100", set()),
    ("q=198.51.100.2", {"b"}),
    ("q=198.51.100.2:8443", {"b"}),
    ("q=198.51.100.2:443", set()),
    ("q=a.example.org", {"a"}),
    ("q=served-name", {"a", "c"}),
    ("q=[2001:db8::3]:25", {"c"}),
    ("tls=TLSv1.3", {"a", "c"}),
]


@pytest.fixture
def endpoints(web_team: Team, now: datetime) -> dict[str, Endpoint]:
    served = make_certificate("served-name.example.org")
    long_ago = now - timedelta(days=3)
    return {
        "a": make_endpoint("198.51.100.1", server_name="a.example.org", certificate=served, owner_team=web_team),
        "b": make_endpoint("198.51.100.2", 8443, "b.example.org"),
        "c": make_endpoint("2001:db8::3", 25, "", protocol="smtp", certificate=served, last_seen_at=long_ago),
        "d": make_endpoint("198.51.100.4", server_name="d.example.org", retired_at=now),
    }


@pytest.mark.parametrize(("query", "expected"), ENDPOINT_CASES)
def test_each_parameter_of_endpoints_finds_what_it_says(
    query: str, expected: set[str], endpoints: dict[str, Endpoint], administrator: User, now: datetime
) -> None:
    result = filters.endpoints(query, administrator, now)
    assert not result.errors
    found = {row.pk for row in result.queryset}
    assert {name for name, row in endpoints.items() if row.pk in found} == expected


@pytest.mark.parametrize("sort", ["address", "name", "seen", "severity", "owner"])
def test_endpoints_are_walked_in_every_order(
    sort: str, endpoints: dict[str, Endpoint], administrator: User, now: datetime
) -> None:
    for number in range(30):
        make_endpoint(f"203.0.113.{number}", server_name="")
    first = filters.endpoints(f"sort={sort}", administrator, now).page()
    second = filters.endpoints({"sort": sort, "after": first.next}, administrator, now).page()
    assert len({row.pk for row in [*first.rows, *second.rows]}) == 33
    assert not second.next


def test_two_filters_narrow_each_other(estate: dict[str, Certificate], administrator: User, now: datetime) -> None:
    Risk.objects.create(certificate=estate["soon"], code="weak_key", severity=Severity.LOW)
    assert names("risk=weak_key", administrator, now) == {"weak", "soon"}
    assert names("risk=weak_key&environment=production", administrator, now) == {"soon"}
    assert names("risk=weak_key&environment=production&team=web", administrator, now) == set()
