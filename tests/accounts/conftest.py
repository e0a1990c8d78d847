"""An audit chain with its copy outside."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction
from pytest_django import Settings

from accounts.services import audit
from tests.conftest import NOW


@pytest.fixture
def heads(tmp_path: Path, settings: Settings) -> Path:
    settings.AUDIT_HEADS = str(tmp_path / "outside" / "heads.jsonl")
    return tmp_path / "outside" / "heads.jsonl"


@pytest.fixture
def chain(transactional_db: None, heads: Path) -> Path:
    """Twelve events, each in a transaction of its own, and their heads outside."""
    for number in range(1, 13):
        with transaction.atomic():
            before, after = {"name": f"old {number}"}, {"name": f"new {number}"}
            audit(None, "changed", f"thing {number}", before, after, now=NOW + timedelta(minutes=number))
    return heads
