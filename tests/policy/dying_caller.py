"""Calls for changed rules and dies by SIGKILL in its n-th batch: ``python -m … <n> <rows a batch> <moment>``."""

from __future__ import annotations

import os
import signal
import sys
from datetime import datetime
from itertools import count
from typing import Any
from unittest.mock import patch

import django

django.setup()

from policy.models import Asked  # noqa: E402 - after the setup
from policy.services import asking, call_for_changed_rules  # noqa: E402 - after the setup
from policy.services.calling import call  # noqa: E402 - after the setup


def main(at: int, rows: int, moment: datetime) -> None:
    calls = count(1)

    def deadly(*given: Any) -> None:
        call(*given)
        if next(calls) == at:
            os.kill(os.getpid(), signal.SIGKILL)

    assert Asked.objects.exists(), "the caller looks at another database"
    with patch.multiple(asking, call=deadly, MOST=rows, _code=lambda: "another"):
        call_for_changed_rules(moment)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), datetime.fromisoformat(sys.argv[3]))
