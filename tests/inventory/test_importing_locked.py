"""PKCS#12 files inside an archive: their password is asked for beside the preview, and kept nowhere."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from pytest_django import Settings

from accounts.models import AuditEvent, User
from inventory.models import Certificate, Import
from inventory.services.importing import (
    ImportRefusedError,
    drop_import,
    still_locked,
    store_import,
    try_password,
    undo_import,
)
from tests.inventory.brought import bring, clock, leaf, pkcs12, worked

pytestmark = pytest.mark.django_db
WORD, OTHER = "first word", "second word"


@pytest.fixture(autouse=True)
def _place(settings: Settings, tmp_path: Path, organisation: object) -> None:
    settings.VAR = tmp_path


@pytest.fixture
def of(operator: User) -> Import:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a.p12", pkcs12(WORD, leaf(1)))
        archive.writestr("b.p12", pkcs12(OTHER, leaf(2)))
        archive.writestr("open.pem", leaf(3).pem)
    return bring(packed.getvalue(), operator, name="all.zip")


def uploads(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "imports").iterdir())


def names(of: Import) -> list[str]:
    locked = still_locked(of)
    return locked.names if locked else []


def test_a_password_opens_what_it_fits_and_the_rest_waits(of: Import, operator: User, tmp_path: Path) -> None:
    assert (of.new, names(of)) == (1, ["a.p12", "b.p12"])
    assert try_password(of, "wrong", actor=operator, now=clock()).opened == 0
    tried = try_password(of, WORD, actor=operator, now=clock())
    assert (tried.opened, tried.left) == (1, 1)
    assert (of.new, names(of)) == (3, ["b.p12"])
    assert try_password(of, OTHER, actor=operator, now=clock()).left == 0
    assert (of.new, names(of), of.upload, uploads(tmp_path)) == (4, [], "", [])
    positions = list(of.items.order_by("position").values_list("position", flat=True))
    assert positions == list(range(len(positions)))

    store_import(of, actor=operator, now=clock())
    worked(of)
    stored = set(Certificate.objects.values_list("sha256", flat=True))
    assert {leaf(1).sha256, leaf(2).sha256, leaf(3).sha256} <= stored
    said = str(list(AuditEvent.objects.values_list("after", flat=True))) + str(
        list(of.items.values_list("reason", "data"))
    )
    assert WORD not in said
    undo_import(of, actor=operator, now=clock())
    worked(of)
    assert not Certificate.objects.exists()


def test_what_did_not_open_goes_when_the_import_is_agreed_to(of: Import, operator: User, tmp_path: Path) -> None:
    (kept,) = uploads(tmp_path)
    assert b"open.pem" not in kept.read_bytes()
    store_import(of, actor=operator, now=clock())
    worked(of)
    assert (of.upload, uploads(tmp_path)) == ("", [])
    with pytest.raises(ImportRefusedError):
        try_password(of, WORD, actor=operator, now=clock())


def test_what_did_not_open_goes_when_the_import_is_dropped(of: Import, operator: User, tmp_path: Path) -> None:
    drop_import(of, actor=operator, now=clock())
    assert uploads(tmp_path) == []


def test_only_its_person_tries_passwords(of: Import, viewer: User) -> None:
    with pytest.raises(PermissionDenied):
        try_password(of, WORD, actor=viewer, now=clock())


def test_the_page_names_what_did_not_open_and_takes_a_password(of: Import, operator: User, client: Client) -> None:
    client.force_login(operator)
    url = f"/certificates/import/{of.pk}/"
    shown = client.get(url).content.decode()
    assert "Files that did not open" in shown
    assert '<li class="mono wrap">b.p12</li>' in shown
    for said, words in (("guessed-words", "opens none of these"), ("", "Write a password")):
        answer = client.post(f"{url}open/", {"password": said}, follow=True).content.decode()
        assert words in answer
        assert "guessed-words" not in answer
    shown = client.post(f"{url}open/", {"password": WORD}, follow=True).content.decode()
    assert "1 file was opened." in shown
    assert '<li class="mono wrap">a.p12</li>' not in shown
