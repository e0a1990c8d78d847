"""Tables as people export them: encodings, delimiters, what is refused row by row, and what columns mean."""

from __future__ import annotations

import io
import json
from datetime import date

import pytest

from inventory.sources.cells import days_of, differs, read_cells
from inventory.sources.columns import FIELDS, product_of, propose
from inventory.sources.tables import (
    COLUMNS_AT_MOST,
    KEY_LEFT_OUT,
    LINE_AT_MOST,
    ROWS_AT_MOST,
    Table,
    TableError,
    read_table,
)


def table(raw: bytes) -> Table:
    return read_table(io.BytesIO(raw))


@pytest.mark.parametrize(
    ("raw", "headings", "cells"),
    [
        (b"Host,Port\nwww,443\n", ("Host", "Port"), ("www", "443")),
        (b"\xef\xbb\xbfHost;Port\r\nwww;443\r\n", ("Host", "Port"), ("www", "443")),
        ("Höst\tPort\nwww\t443\n".encode("utf-16"), ("Höst", "Port"), ("www", "443")),
        ("Höst\tPort\nwww\t443\n".encode("utf-16-le"), ("Höst", "Port"), ("www", "443")),
        ("Höst,Port\nä,443\n".encode("latin-1"), ("Höst", "Port"), ("ä", "443")),
        (b"sep=;\nHost;Port\n1,2;3\n", ("Host", "Port"), ("1,2", "3")),
        (b'Host,"a ""b""\nc"\nwww,"x\ny"\n', ("Host", 'a "b" c'), ("www", "x\ny")),
        (b"Host,,Host\nwww,1,2\n", ("Host", "Column 2", "Host (2)"), ("www", "1", "2")),
        (b"Host\nwww\n", ("Host",), ("www",)),
        (b"Host,Port\nwww\n", ("Host", "Port"), ("www", "")),
        (b'[{"host": "www", "in": {"name": "Web"}, "all": ["a", "b"]}]', ("host", "in", "all"), ("www", "Web", "a, b")),
        (b'{"items": [{"host": "www", "port": 443}], "total": 1}', ("host", "port"), ("www", "443")),
    ],
)
def test_the_usual_shapes_are_read(raw: bytes, headings: tuple[str, ...], cells: tuple[str, ...]) -> None:
    found = table(raw)
    assert found.headings == headings
    assert [row.cells for row in found.rows] == [cells]


def test_letters_that_are_no_utf_8_are_said() -> None:
    assert "Latin-1" in table("Höst\n".encode("latin-1")).note
    assert table("Höst\nä\n".encode()).note == ""


@pytest.mark.parametrize("raw", [b"", b"\n\n", b"[1, 2]", b"{broken", b'{"items": 5}', b"," * 500 + b"\n"])
def test_what_is_no_table_says_why(raw: bytes) -> None:
    with pytest.raises(TableError):
        list(table(raw).rows)


def test_bad_rows_are_refused_alone_and_counted_as_a_spreadsheet_counts() -> None:
    raw = b"Host,b\nx,1\n\n1,2,3\n" + b"x" * 1_500_000 + b",1\n" + b"y" * 3_000_000 + b"\nok,2\n"
    rows = list(table(raw).rows)
    assert [row.number for row in rows] == [2, 4, 5, 6, 7]
    assert [bool(row.problem) for row in rows] == [False, True, True, True, False]
    assert "Column 1" in rows[2].problem


def test_a_quote_that_never_ends_costs_one_cell_not_the_memory() -> None:
    rows = table(b'Host,b\n"' + b"x\n" * 1_200_000).rows
    assert "cannot be read" in next(rows).problem


def test_rows_beyond_the_limit_are_refused_as_one() -> None:
    rows = list(table(b"Host\n" + b"a\n" * (ROWS_AT_MOST + 50)).rows)
    assert len(rows) == ROWS_AT_MOST + 1
    assert rows[-1].problem


def test_private_keys_and_the_last_line_of_certutil_go_no_further() -> None:
    raw = b'Host,Key\nwww,"-----BEGIN RSA PRIVATE KEY-----\nMII"\nCertUtil: -view command completed successfully.\n'
    assert [row.cells for row in table(raw).rows] == [("www", KEY_LEFT_OUT)]


@pytest.mark.parametrize(
    ("headings", "form", "columns"),
    [
        (["Hostname", "TCP Port", "Owner e-mail", "Team"], "spreadsheet",
         {"host": "Hostname", "port": "TCP Port", "owner": "Owner e-mail", "team": "Team"}),
        (["name", "FQDN", "Gültig bis", "Verantwortlicher"], "spreadsheet",
         {"host": "FQDN", "owner": "Verantwortlicher", "expiry": "Gültig bis"}),
        (["Issued Request ID", "Issued Common Name", "Certificate Expiration Date", "Binary Certificate"], "adcs",
         {"host": "Issued Common Name", "expiry": "Certificate Expiration Date", "certificate": "Binary Certificate"}),
        (["id", "name", "body", "owner", "authority", "serial", "serialHex", "commonName"], "lemur",
         {"host": "commonName", "owner": "owner", "certificate": "body", "serial": "serialHex"}),
        (["IssuedCN", "IssuedDN", "NotAfter", "SerialNumber"], "keyfactor",
         {"host": "IssuedCN", "expiry": "NotAfter", "serial": "SerialNumber"}),
        (["Common Name", "Alternative Names", "Certificate Authority", "Status", "Expiration"], "sectigo",
         {"host": "Common Name", "expiry": "Expiration"}),
        (["Nickname", "Common Name", "Valid To", "Serial Number"], "venafi",
         {"host": "Common Name", "expiry": "Valid To", "serial": "Serial Number"}),
        (["foo", "bar"], "spreadsheet", {}),
    ],
)  # fmt: skip
def test_headings_propose_a_mapping(headings: list[str], form: str, columns: dict[str, str]) -> None:
    assert product_of(headings) == form
    assert propose(headings) == columns


def test_a_certificate_is_recognised_whatever_its_column_is_called() -> None:
    columns = propose(["Anforderungs-ID", "Binäres Zertifkat"], [["1", "MIIB" + "A" * 60]])
    assert columns == {"certificate": "Binäres Zertifkat"}


EACH = {field: field for field in FIELDS}


@pytest.mark.parametrize(
    ("host", "port", "answer"),
    [
        ("WWW.Example.org.", "", ("www.example.org", None)),
        ("bücher.example", "443.0", ("xn--bcher-kva.example", 443)),
        ("https://www.example.org:8443/x?y", "", ("www.example.org", 8443)),
        ("https://www.example.org/", "", ("www.example.org", 443)),
        ("www.example.org:636", "", ("www.example.org", 636)),
        ("www.example.org:636", "443", ("www.example.org", 443)),
        ("[2001:DB8::1]:443", "", ("2001:db8::1", 443)),
        ("2001:0db8:0::1", "", ("2001:db8::1", None)),
        ("192.0.2.1", "tcp/443", ("192.0.2.1", 443)),
    ],
)
def test_places_are_read_as_they_are_compared(host: str, port: str, answer: tuple[str, int | None]) -> None:
    said = read_cells({"host": host, "port": port}, EACH)
    assert (said.host, said.port, said.problem) == (*answer, "")


@pytest.mark.parametrize(
    "row",
    [
        {"host": "*.example.org"}, {"host": "John Doe"}, {"host": "a@b"}, {"host": "http://[::1"}, {"port": "443"},
        {"host": "www", "port": "99999"}, {"certificate": "-----BEGIN CERTIFICATE-----\n!"}, {"certificate": "hello!"},
        {"serial": "no hex"},
    ],
)  # fmt: skip
def test_rows_about_nothing_are_refused(row: dict[str, str]) -> None:
    assert read_cells(row, EACH).problem


def test_a_person_s_common_name_does_no_harm_where_a_serial_number_stands() -> None:
    said = read_cells({"host": "John Doe", "serial": "0x00AB:cd:1"}, EACH)
    assert (said.host, said.serial, said.problem) == ("", "0abcd1", "")
    assert said.remarks


def test_words_of_ours_are_understood_and_others_are_kept_as_fields() -> None:
    said = read_cells({"host": "www", "environment": "PRD", "criticality": "Medium"}, EACH)
    assert said.details == {"environment": "production", "criticality": "normal"}
    said = read_cells({"host": "www", "environment": "blue", "owner": "the web people"}, EACH)
    assert said.custom == {"Environment": "blue", "Owner": "the web people"}
    assert len(said.remarks) == 2


def test_hostile_cells_become_visible_text() -> None:
    row = {"host": "www", "application": "a\u202eb\r\nBcc: x", "notes": "=1+1\n\0", "team": "<b>\t", "tags": "A b;<c>"}
    said = read_cells(row, EACH)
    assert said.details == {"application": "a‹U+202E›b Bcc: x", "notes": "=1+1\n‹U+0000›"}
    assert (said.team, said.tags) == ("<b>", ["a-b", "c"])


def test_other_columns_are_kept_on_request_and_cut() -> None:
    said = read_cells({"Rack": "r" * 400, "host": "www", "Room": "x"}, {"host": "host", "custom:Rack": "Rack"})
    assert set(said.custom) == {"Rack"}
    assert len(said.custom["Rack"]) == 300


@pytest.mark.parametrize(
    ("cell", "days"),
    [
        ("2027-01-31T12:00:00Z", ["2027-01-31"]), ("31.01.2027 08:15", ["2027-01-31"]),
        ("1/31/2027 3:04 PM", ["2027-01-31"]), ("5/6/2027", ["2027-06-05", "2027-05-06"]),
        ("Jan 31, 2027", ["2027-01-31"]), ("soon", []),
    ],
)  # fmt: skip
def test_dates_mean_the_days_that_they_may_mean(cell: str, days: list[str]) -> None:
    assert days_of(cell) == days


def test_an_expiry_differs_only_where_no_reading_of_it_fits() -> None:
    day = date(2027, 6, 5)
    assert not differs(["2027-05-06", "2027-06-05"], day)
    assert not differs(["2027-06-06"], day)
    assert differs(["2027-07-05"], day)
    assert not differs([], day)


def test_json_that_would_fill_the_memory_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inventory.sources.tables.json.loads", pytest.fail)
    with pytest.raises(TableError, match=r"up to 8 MB: export it as CSV, or page by page"):
        read_table(io.BytesIO(b'[{"a":[]}' + b',{"a":[]}' * 900_000 + b"]"))


def test_columns_beyond_those_allowed_are_refused_in_json_too_and_long_headings_are_named() -> None:
    many = json.dumps([{f"k{at}": 1 for at in range(COLUMNS_AT_MOST + 1)}]).encode()
    with pytest.raises(TableError, match="more than 200 columns"):
        read_table(io.BytesIO(many))
    with pytest.raises(TableError, match="The line of its headings is longer than"):
        read_table(io.BytesIO(b"Host," + b"a" * LINE_AT_MOST + b"\nwww,x\n"))
