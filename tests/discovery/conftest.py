"""What tests of scans share: permissions and a server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from discovery.services import save_network
from tests.conftest import NOW
from tests.discovery.servers import certificate, server_context, serving, tls


@pytest.fixture
def loopback(db: None) -> None:
    save_network("127.0.0.0/8", actor=None, now=NOW, allows_special=True)


@pytest.fixture
def any_address(db: None) -> None:
    save_network("10.0.0.0/8", actor=None, now=NOW)


@pytest.fixture
def server() -> Iterator[int]:
    with serving(tls(server_context(certificate("leaf", names=1)))) as port:
        yield port
