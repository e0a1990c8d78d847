"""What a new connection to the database is told."""

from __future__ import annotations

from unittest.mock import MagicMock

import pytest
from django.db import connection

from certdash.apps import PLANNING, plan_well


@pytest.mark.parametrize(("vendor", "told"), [("postgresql", [PLANNING]), ("sqlite", [])])
def test_only_postgresql_is_told_how_to_plan(vendor: str, told: list[str]) -> None:
    new = MagicMock(vendor=vendor)
    plan_well(new)
    assert [call.args[0] for call in new.cursor().__enter__().execute.call_args_list] == told


@pytest.mark.django_db
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="only PostgreSQL has these settings")
def test_postgresql_took_what_it_was_told() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('jit'), current_setting('join_collapse_limit')")
        assert cursor.fetchone() == ("off", "16")
