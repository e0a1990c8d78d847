"""No bytes, however broken, make a look raise or go on for ever."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from discovery.probe import Reason
from discovery.probe.look import MAX_RECEIVED, Look
from tests.discovery.flights import FLIGHTS, PLACE, failed, record, told


@pytest.mark.parametrize("name", FLIGHTS)
def test_a_flight_cut_anywhere_gets_an_answer(name: str) -> None:
    octets = FLIGHTS[name]
    for at in range(0, len(octets), 7):
        assert told(octets[:at]).answer is not None


@settings(max_examples=400, deadline=2000)
@given(st.data())
def test_mutated_flights_never_escape(data: st.DataObject) -> None:
    octets = bytearray(data.draw(st.sampled_from(list(FLIGHTS.values()))))
    for at, new in data.draw(st.lists(st.tuples(st.integers(0, len(octets) - 1), st.integers(0, 255)), max_size=12)):
        octets[at] = new
    at_once = data.draw(st.sampled_from([1, 5, 37, 4096]))
    assert told(bytes(octets), at_once=at_once).answer is not None


@settings(max_examples=200, deadline=2000)
@given(st.lists(st.tuples(st.integers(20, 24), st.binary(max_size=80)), max_size=20))
def test_random_records_never_escape(records: list[tuple[int, bytes]]) -> None:
    assert told(b"".join(record(kind, payload) for kind, payload in records)).answer is not None


@settings(max_examples=100, deadline=2000)
@given(st.binary(min_size=1, max_size=200))
def test_random_bytes_never_escape(octets: bytes) -> None:
    assert told(octets).answer is not None


@pytest.mark.parametrize("kind", [20, 21, 22, 23])
def test_an_endless_stream_of_empty_records_ends(kind: int) -> None:
    look = Look(PLACE)
    look.opening()
    chunk = (bytes([kind]) + b"\x03\x03\x00\x00") * 3000
    for _ in range(MAX_RECEIVED // len(chunk) + 2):
        look.receive(chunk)
    assert failed(look.answer)[0] in (Reason.MESSAGE_TOO_LARGE, Reason.PROTOCOL_ERROR)
