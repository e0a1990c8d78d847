"""``manage.py import_certs``: whole folders into the inventory, keys left aside, everything told."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accounts.models import AuditEvent, Organisation, Team
from inventory.models import Certificate, Import, Sighting
from inventory.services import recount
from tests.inventory.brought import leaf, pkcs12
from tests.inventory.corpus import ISSUING

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _place(settings: Settings, tmp_path: Path, organisation: Organisation) -> None:
    settings.VAR = tmp_path / "var"


@pytest.fixture
def certbot(tmp_path: Path) -> Path:
    """As certbot lays it out: files in archive, links to them in live."""
    root = tmp_path / "letsencrypt"
    archive, live = root / "archive" / "a.example.org", root / "live" / "a.example.org"
    archive.mkdir(parents=True)
    live.mkdir(parents=True)
    parts = {
        "cert": leaf(1).pem,
        "chain": ISSUING.pem,
        "fullchain": leaf(1).pem + ISSUING.pem,
        "privkey": leaf(1).key_pem,
    }
    for name, text in parts.items():
        (archive / f"{name}1.pem").write_text(text)
        (live / f"{name}.pem").symlink_to(f"../../archive/a.example.org/{name}1.pem")
    (live / "README").write_text("This directory contains your keys and certificates.")
    (root / "renewal.conf").write_text("")
    return root


def run(*arguments: object, code: int = 0) -> str:
    out = io.StringIO()
    if code:
        with pytest.raises(SystemExit) as ended:
            call_command("import_certs", *map(str, arguments), stdout=out)
        assert ended.value.code == code
    else:
        call_command("import_certs", *map(str, arguments), stdout=out)
    return out.getvalue()


def as_json(*arguments: object, code: int = 0) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(run(*arguments, "--json", code=code))
    return answer


def test_a_certbot_tree_is_imported_with_its_links_counted_once(certbot: Path, web_team: Team) -> None:
    said = run(certbot, "--team", web_team.slug)
    assert set(Certificate.objects.values_list("sha256", flat=True)) == {leaf(1).sha256, _issuing()}
    assert Certificate.objects.get(sha256=leaf(1).sha256).owner_team == web_team
    assert "6 files: 2 new certificates, 2 known already, 0 refused, 3 left aside." in said
    assert "privkey1.pem: This is a private key" in said
    of = Import.objects.get()
    assert (of.step, of.status, of.requested_by) == ("stored", "done", None)
    assert Sighting.objects.filter(source_kind="import").count() == 2
    assert recount() == []
    assert [event.actor_email for event in AuditEvent.objects.filter(verb="import.stored")] != [""]


def _issuing() -> str:
    return Certificate.objects.get(name="Example Issuing").sha256


def test_a_second_run_stores_nothing_new(certbot: Path) -> None:
    run(certbot)
    assert as_json(certbot)["counts"] == {"known": 4, "skipped": 3}
    assert Certificate.objects.count() == 2


def test_a_dry_run_tells_the_same_and_writes_nothing(certbot: Path) -> None:
    answer = as_json(certbot, "--dry-run")
    assert answer["import"] is None
    assert answer["counts"] == {"new": 2, "known": 2, "skipped": 3}
    assert not Certificate.objects.exists()
    assert not Import.objects.exists()
    assert not AuditEvent.objects.exists()


def test_what_is_refused_is_told_with_its_place_and_gives_exit_code_1(tmp_path: Path) -> None:
    file = tmp_path / "mixed.pem"
    file.write_bytes(leaf(1).pem.encode() + b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n")
    answer = as_json(file, code=1)
    assert answer["counts"] == {"new": 1, "refused": 1, "skipped": 0}
    assert answer["items"][1] == {
        "path": str(file),
        "offset": len(leaf(1).pem),
        "outcome": "refused",
        "name": "",
        "sha256": "",
        "reason": "The text between the lines is not base64.",
    }
    assert Certificate.objects.count() == 1, "the good one beside it is kept"
    assert f"refused: {file} at byte {len(leaf(1).pem)}: The text between" in run(file, code=1)


def test_pkcs12_opens_with_the_password_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "one.p12").write_bytes(pkcs12("word"))
    (tmp_path / "password").write_text("word\n")
    assert as_json(tmp_path / "one.p12", code=1)["counts"] == {"refused": 1, "skipped": 1}
    answer = as_json(tmp_path / "one.p12", "--password-file", tmp_path / "password")
    assert answer["counts"] == {"new": 2, "skipped": 1}


def test_a_circle_of_links_a_pipe_and_what_cannot_be_read_end_in_sentences(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "circle").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "gone.pem").symlink_to("nowhere")
    os.mkfifo(tmp_path / "in" / "pipe")
    reasons = [item["reason"] for item in as_json(tmp_path / "in", code=1)["items"]]
    assert reasons == ["It cannot be read: no such file or directory.", "It is not a file."]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["/nowhere"], "There is no /nowhere"),
        (["/", "--team", "nobody"], "no team nobody"),
        (["/", "--password-file", "/x"], "cannot be read"),
    ],
)
def test_what_cannot_be_begun_is_exit_code_2(arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words) as refused:
        call_command("import_certs", *arguments)
    assert refused.value.returncode == 2
    assert not Import.objects.exists()
