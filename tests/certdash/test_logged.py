"""What the log says of a request that was refused: one line, with the id that the page shows."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
from django.test import Client

from accounts.models import User
from certdash.middleware import LineFormatter, Refusals

pytestmark = pytest.mark.django_db


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    handler = logging.StreamHandler(io.StringIO())
    handler.addFilter(Refusals())
    handler.setFormatter(LineFormatter())
    logging.getLogger().addHandler(handler)
    yield handler.stream
    logging.getLogger().removeHandler(handler)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("get", "/discovery/networks/new/", 403), ("get", "/no-such-page", 404), ("post", "/discovery/check/", 422)],
)
def test_a_refusal_is_one_line_with_its_request(
    operator: User, client: Client, log: io.StringIO, method: str, path: str, status: int
) -> None:
    client.force_login(operator)
    response = getattr(client, method)(path)
    assert response.status_code == status
    (line,) = log.getvalue().splitlines()
    assert f" WARNING {response['X-Request-ID']} django.request " in line
    assert "Traceback" not in line
    assert len(line) < 200
