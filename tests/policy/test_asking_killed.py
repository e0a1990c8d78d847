"""A worker that is killed while it calls for changed rules: the next goes on from the last whole batch."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from unittest.mock import patch

import pytest
from django.conf import settings
from django.db import connection

from inventory.models import Certificate, Endpoint
from policy.services import asking, call_for_changed_rules
from tests.conftest import NOW
from tests.inventory.factories import make_certificate
from tests.policy.looks import HOUR, judge

ROWS = 3
pytestmark = pytest.mark.django_db(transaction=True)


def die(at: int, moment: datetime) -> None:
    env = os.environ | {"CERTDASH_DATABASE_URL": _database()}
    command = [sys.executable, "-m", "tests.policy.dying_caller", str(at), str(ROWS), moment.isoformat()]
    ended = subprocess.run(command, env=env, cwd=settings.BASE_DIR, timeout=60, check=False, capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()


def _database() -> str:
    name = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{Path(name['NAME']).resolve()}"
    return f"postgres://{name['USER']}:{name['PASSWORD']}@{name['HOST']}:{name['PORT']}/{name['NAME']}"


def called(moment: datetime) -> list[int]:
    return list(Certificate.objects.filter(judge_at=moment).order_by("pk").values_list("pk", flat=True))


@pytest.mark.parametrize(("at", "kept"), [(1, 0), (2, ROWS)])
def test_what_the_dead_one_called_stays_called_and_the_next_calls_the_rest(at: int, kept: int) -> None:
    all_of_them = [make_certificate(f"n{n}.example.org", judge_at=NOW).pk for n in range(10)]
    judge(NOW)
    for _ in range(2):
        call_for_changed_rules(NOW)
    judge(NOW)
    die(at, NOW + HOUR)
    assert called(NOW + HOUR) == all_of_them[:kept]
    judge(NOW + HOUR)
    with patch.object(asking, "MOST", ROWS), patch.object(asking, "_code", lambda: "another"):
        for _ in range(4):
            call_for_changed_rules(NOW + 2 * HOUR)
    assert called(NOW + 2 * HOUR) == all_of_them[kept:]
    assert not Endpoint.objects.exists()
