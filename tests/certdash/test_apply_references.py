"""References to files and to the environment: where they may lead, and that what they lead to is shown nowhere."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from django.core.management import call_command

from accounts.models import Team
from certdash.lib.declare import DeclareError, read
from tests.certdash.declaring import apply


def refused(content: str, folder: Path) -> str:
    with pytest.raises(DeclareError) as raised:
        apply(content, folder)
    return str(raised.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [("%YAML 1." + "9" * 5000 + "\n---\na: 1\n", "line 1: "), ('a: 1\nb: "\\UFFFFFFFF"\n', "line 2: ")],
)
def test_numbers_beyond_all_bounds_are_a_fault_with_its_line(text: str, line: str) -> None:
    with pytest.raises(DeclareError) as raised:
        read(text)
    assert str(raised.value).startswith(line)


def test_a_reference_stays_in_the_folder_and_leads_to_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    (folder / "below").mkdir(parents=True)
    (tmp_path / "outside").write_text("x")
    (folder / "link").symlink_to(tmp_path / "outside")
    os.mkfifo(folder / "pipe")
    for name in (str(tmp_path / "outside"), "../outside", "link", "below/../../outside"):
        assert "in the folder of this one" in refused(f"teams: [{{name: {{file: {name}}}}}]", folder)
    for name in ("pipe", "below"):
        assert "not a folder, a pipe or a device" in refused(f"teams: [{{name: {{file: {name}}}}}]", folder)


@pytest.mark.django_db
def test_what_was_read_by_reference_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELF", "hunter2")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "words").write_text("hunter3")
    path = tmp_path / "file.yaml"
    path.write_text("teams: [{name: {env: SHELF}, short_name: s, description: {file: below/words}}]\n")
    for options in ((), ("--json",)):
        out = io.StringIO()
        with pytest.raises(SystemExit):
            call_command("apply", str(path), "--check", *options, stdout=out)
        assert "hunter" not in out.getvalue()
        assert "(from env SHELF)" in out.getvalue()
        assert "(from file below/words)" in out.getvalue()
    assert apply(path.read_text(), tmp_path).problems == []
    assert Team.objects.get().description == "hunter3"
    (problem,) = apply("teams: [{name: A, short_name: a, contact: {env: SHELF}}]", tmp_path).problems
    assert "hunter" not in problem.sentence
    networks = "networks: [{cidr: 127.3.0.0/24, special: true, owner: {env: SHELF}}]"
    Team.objects.all().delete()
    (problem,) = apply(networks, tmp_path).problems
    assert "There is no team “(from env SHELF)”" in problem.sentence
