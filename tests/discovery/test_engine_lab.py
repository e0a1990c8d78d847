"""The whole lab: every line of its manifest is found, SHA-256 by SHA-256, and every silence is called what it is."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator

import pytest

from discovery.engines import own
from discovery.probe import HandshakeFailed, Place, ProbeResult, Reason, Served
from lab.manifest import Line, Manifest
from lab.servers import running
from tests.discovery.servers import LOOPBACK

REASONS = {
    "handshake_failed": {Reason.SERVER_NAME_REQUIRED, Reason.TLS_ALERT},
    "silent": {Reason.TIMED_OUT},
    "slow": {Reason.TIMED_OUT},
    "closed": {Reason.CLOSED_EARLY, Reason.CONNECTION_RESET},
    "not_tls": {Reason.NOT_TLS},
}
# Too large for OpenSSL, not for us.
SERVED = {"served", "too_large"}
TIMEOUT = 4.0


@pytest.fixture(scope="module")
def manifest() -> Iterator[Manifest]:
    with running(port_base=27_000) as found:
        yield found


@pytest.fixture(scope="module")
def results(manifest: Manifest) -> dict[Place, ProbeResult]:
    found: list[ProbeResult] = []
    start = time.monotonic()
    own.probe_many(map(place_of, manifest.lines), LOOPBACK, timeout=TIMEOUT, on_result=found.append)
    assert time.monotonic() - start < 2 * TIMEOUT
    assert len(found) == len(manifest.lines)
    return {result.place: result for result in found}


def place_of(line: Line) -> Place:
    return Place(line.address, line.port, line.server_name, line.protocol)


def digests(chain: tuple[bytes, ...]) -> tuple[str, ...]:
    return tuple(hashlib.sha256(octets).hexdigest() for octets in chain)


def test_every_served_line_is_found_certificate_by_certificate(
    manifest: Manifest, results: dict[Place, ProbeResult]
) -> None:
    served = [line for line in manifest.lines if line.outcome in SERVED]
    assert len(served) > 40
    for line in served:
        result = results[place_of(line)]
        assert isinstance(result, Served), (line.kind, result)
        leaves = {variant.variant: digests(variant.chain)[0] for variant in result.variants}
        expected = set(line.variants.values()) or {line.leaf_sha256 or ""}
        assert set(leaves.values()) == expected, line.kind
        if len(expected) == 1:
            assert digests(result.variants[0].chain) == line.chain, line.kind


def test_every_other_line_is_called_what_it_is(manifest: Manifest, results: dict[Place, ProbeResult]) -> None:
    others = [line for line in manifest.lines if line.outcome not in SERVED]
    assert {line.outcome for line in others} == set(REASONS)
    for line in others:
        result = results[place_of(line)]
        assert isinstance(result, HandshakeFailed), (line.kind, result)
        assert result.reason in REASONS[line.outcome], (line.kind, result)
