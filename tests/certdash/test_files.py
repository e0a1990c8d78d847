"""What cannot be written is told before the work, in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import CommandError

from certdash.lib.files import require_writable, writing


def test_asking_leaves_everything_as_it_was(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.write_text("kept")
    require_writable(old)
    require_writable(new)
    assert old.read_text() == "kept"
    assert not new.exists()


@pytest.mark.parametrize(
    ("name", "reason"),
    [("missing/x.csv", "no such file or directory"), ("", "is a directory"), ("x" * 300, "file name too long")],
)
def test_what_cannot_be_written_is_refused_with_its_reason(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(CommandError, match=rf"cannot be written: {reason}\. Nothing was done\. Name a file"):
        require_writable(tmp_path / name)


def test_a_device_is_not_opened() -> None:
    require_writable(Path("/dev/full"))


def test_a_disk_that_fills_up_is_told_with_what_is_left_of_the_work() -> None:
    full = Path("/dev/full")
    said = r"/dev/full could not be written: no space left on device\. It is kept\."
    with pytest.raises(CommandError, match=said), writing(full, "It is kept."):
        full.write_text("x")
