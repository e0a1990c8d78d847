"""A worker that is killed when the mail server has taken the n-th letter: ``python -m … <port> <n>``."""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from typing import Any
from unittest.mock import patch

import django

django.setup()

from django.conf import settings  # noqa: E402 - after the setup

from alerts.services import letters, send_letters  # noqa: E402 - after the setup
from tests.conftest import NOW  # noqa: E402 - after the setup


def main(port: int, at: int) -> None:
    calls, send = count(1), letters._send

    def deadly(*given: Any) -> Any:
        fault = send(*given)
        if next(calls) == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return fault

    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", port, 5
    with patch.object(letters, "_send", deadly):
        send_letters(lambda: NOW, 20)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
