"""What tests of scans share: permissions and a server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from discovery.models import Network
from tests.conftest import NOW
from tests.discovery.permitting import permit
from tests.discovery.servers import certificate, server_context, serving, tls


@pytest.fixture
def loopback(db: None) -> None:
    """As in an installation of an earlier version: what is found there and nobody else owns is nobody's."""
    network = permit("127.0.0.0/8", actor=None, now=NOW, allows_special=True)
    Network.objects.filter(pk=network.pk).update(owner_team=None)


@pytest.fixture
def any_address(db: None) -> None:
    permit("10.0.0.0/8", actor=None, now=NOW)


@pytest.fixture
def server() -> Iterator[int]:
    with serving(tls(server_context(certificate("leaf", names=1)))) as port:
        yield port
