"""A real mail server for the letters."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from tests.alerts.post import Post, open_post


@pytest.fixture
def post(settings: Settings) -> Iterator[Post]:
    with open_post() as opened:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", opened.port
        settings.EMAIL_TIMEOUT = 1
        yield opened
