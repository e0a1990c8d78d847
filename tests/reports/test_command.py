"""``manage.py report``: what it says when its file cannot be written."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from reports.models import Report

pytestmark = pytest.mark.django_db


def test_a_file_that_cannot_be_written_is_told_before_a_report_is_made(administrator: User, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"missing/c3\.pdf cannot be written: no such file"):
        call_command("report", "inventory", "--output", str(tmp_path / "missing" / "c3.pdf"))
    assert not Report.objects.exists()


def test_a_disk_that_is_full_at_the_end_leaves_the_report_where_it_is_named(administrator: User) -> None:
    with pytest.raises(CommandError, match=r"/dev/full could not be written.*is made and kept"):
        call_command("report", "inventory", "--output", "/dev/full", stdout=StringIO())
    assert Report.objects.get().pdf_size


def test_a_filter_that_is_not_understood_is_told_in_sentences(administrator: User, tmp_path: Path) -> None:
    with pytest.raises(CommandError) as refused:
        call_command("report", "inventory", "--filter", "status=bogus", "--output", str(tmp_path / "r.pdf"))
    first, second = str(refused.value).splitlines()
    assert first == "--filter was not understood."
    assert "status" in second
    assert "[" not in second
