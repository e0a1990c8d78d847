"""Importing: read, looked at, stored, taken back; each step once, whoever asks twice."""

from __future__ import annotations

import io
import stat
import time
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from asn1crypto import x509 as asn1
from asn1crypto.keys import PublicKeyInfo, RSAPublicKey
from django.conf import settings as django_settings
from django.core.exceptions import PermissionDenied
from django_q.models import OrmQ
from pytest_django import Settings

from accounts.models import AuditEvent, Organisation, Role, Team, User
from inventory.models import Certificate, CertificateDer, Import, ImportItem, Sighting
from inventory.services import assign_owner, note_sightings, recount
from inventory.services.importing import (
    ImportRefusedError,
    PasswordNeededError,
    begin_import,
    drop_import,
    resume_imports,
    spool,
    store_import,
    tidy_imports,
    undo_import,
)
from inventory.services.sightings import SeenBy
from inventory.sources import KEY_REASON
from lab import pki
from tests.conftest import MakeUser
from tests.inventory.brought import bring, clock, leaf, leaves, pkcs12, worked
from tests.inventory.corpus import ISSUING

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _place(settings: Settings, tmp_path: Path, organisation: Organisation) -> None:
    settings.VAR = tmp_path


def stored(of: Import, actor: User) -> Import:
    store_import(of, actor=actor, now=clock())
    return worked(of)


def undone(of: Import, actor: User) -> Import:
    undo_import(of, actor=actor, now=clock())
    return worked(of)


def uploads() -> list[Path]:
    return list((Path(django_settings.VAR) / "imports").glob("*"))


def test_the_preview_says_what_is_new_known_and_refused_and_nothing_is_stored(operator: User) -> None:
    read = bring(leaves(2) + leaf(1).pem.encode() + leaf(1).key_pem.encode(), operator)
    assert (read.step, read.status, read.form) == ("preview", "done", "certificates")
    assert (read.new, read.known, read.refused, read.done) == (2, 1, 1, read.size)
    assert list(read.items.values_list("position", "outcome", "label", "reason")) == [
        (0, "new", "brought1.example.org", ""),
        (1, "new", "brought2.example.org", ""),
        (2, "known", "", "It stands in this file more than once."),
        (3, "refused", "", KEY_REASON),
    ]
    assert not Certificate.objects.exists()
    assert not uploads(), "the upload is gone as soon as it was read"


def test_storing_keeps_certificates_once_with_owner_sighting_and_totals(operator: User, web_team: Team) -> None:
    of = stored(bring(leaves(2) + b"-----BEGIN CERTIFICATE-----\n", operator, team=web_team), operator)
    assert (of.step, of.new, of.refused, of.done, of.total) == ("stored", 2, 1, 3, 3)
    assert {row.owner_team for row in Certificate.objects.all()} == {web_team}
    assert bytes(CertificateDer.objects.first().der) in {leaf(1).der, leaf(2).der}  # type: ignore[union-attr] # there are two
    assert set(Sighting.objects.values_list("source_kind", "source_name")) == {
        ("import", f"bundle.pem (import {of.pk})")
    }
    assert not of.items.exclude(der=None).exists(), "the bytes lie with the certificates"
    assert recount() == [], "totals were right"
    verbs = list(AuditEvent.objects.order_by("number").values_list("verb", flat=True))
    assert verbs == ["import.begun", "import.agreed", "certificates.owner_inferred", "import.stored"]


def test_a_second_import_of_the_same_file_is_all_known(operator: User) -> None:
    stored(bring(leaves(3), operator), operator)
    again = stored(bring(leaves(3), operator), operator)
    assert (again.new, again.known) == (0, 3)
    assert Certificate.objects.count() == 3
    assert not again.items.filter(made=True).exists()


def test_undoing_forgets_what_only_the_import_knew(operator: User, web_team: Team) -> None:
    of = undone(stored(bring(leaves(3), operator, team=web_team), operator), operator)
    assert (of.step, of.status) == ("undone", "done")
    assert not Certificate.objects.exists()
    assert not Sighting.objects.exists()
    assert recount() == []
    told = AuditEvent.objects.get(verb="import.undone").after
    assert (told["forgotten"], told["kept"]) == (3, 0)


def test_undoing_keeps_what_a_scan_saw_or_a_person_spoke_of(
    operator: User, administrator: User, web_team: Team
) -> None:
    of = stored(bring(leaves(4), operator), operator)
    ids = dict(Certificate.objects.values_list("name", "pk"))
    note_sightings(SeenBy("network", "Data centre"), (), [ids["brought1.example.org"]], clock())
    assign_owner([ids["brought2.example.org"]], web_team, None, "theirs", actor=administrator, now=clock())
    Certificate.objects.filter(name="brought3.example.org").update(served_ever=True)
    undone(of, operator)
    assert sorted(Certificate.objects.values_list("name", flat=True)) == [
        "brought1.example.org",
        "brought2.example.org",
        "brought3.example.org",
    ]
    assert not Sighting.objects.filter(source_kind="import").exists()
    assert AuditEvent.objects.get(verb="import.undone").after["kept"] == 3


def test_what_two_imports_brought_goes_with_the_second_of_them(operator: User) -> None:
    first = stored(bring(leaves(1), operator), operator)
    second = stored(bring(leaves(1), operator), operator)
    undone(first, operator)
    assert Certificate.objects.count() == 1, "the second import still speaks for it"
    undone(second, operator)
    assert not Certificate.objects.exists()


def test_each_step_asked_twice_is_done_once(operator: User) -> None:
    of = bring(leaves(2), operator)
    OrmQ.objects.all().delete()
    store_import(of, actor=operator, now=clock())
    store_import(of, actor=operator, now=clock())
    assert OrmQ.objects.count() == 1
    worked(worked(of))
    assert AuditEvent.objects.filter(verb="import.stored").count() == 1
    with pytest.raises(ImportRefusedError, match="stored"):
        drop_import(of, actor=operator, now=clock())


def test_a_dropped_import_forgets_its_bytes_and_stores_nothing(operator: User) -> None:
    of = bring(leaves(2), operator)
    drop_import(of, actor=operator, now=clock())
    drop_import(of, actor=operator, now=clock())
    tidy_imports(clock())
    assert (of.step, of.items.exclude(der=None).count()) == ("dropped", 0)
    assert AuditEvent.objects.filter(verb="import.dropped").count() == 1
    with pytest.raises(ImportRefusedError):
        store_import(of, actor=operator, now=clock())


def test_an_import_that_is_dropped_while_it_waits_leaves_no_upload(operator: User) -> None:
    begun = begin_import("a.pem", io.BytesIO(leaves(1)), password="", team=None, actor=operator, now=clock())
    drop_import(begun, actor=operator, now=clock())
    worked(begun)
    assert (begun.step, begun.items.count(), uploads()) == ("dropped", 0, [])


def test_uploads_lie_where_only_we_can_read_them(operator: User) -> None:
    begin_import("a.pem", io.BytesIO(leaves(1)), password="", team=None, actor=operator, now=clock())
    (upload,) = uploads()
    assert stat.S_IMODE(upload.stat().st_mode) == 0o600
    assert stat.S_IMODE(upload.parent.stat().st_mode) == 0o700


def test_what_is_empty_or_too_large_is_refused_and_leaves_nothing(
    operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "MOST_BYTES", 1000)
    for data, words in ((b"", "nothing"), (b"x" * 1001, "More than")):
        with pytest.raises(ImportRefusedError, match=words):
            begin_import("a.pem", io.BytesIO(data), password="", team=None, actor=operator, now=clock())
    assert uploads() == []


def test_pkcs12_is_opened_at_once_and_neither_password_nor_key_is_kept(operator: User) -> None:
    with pytest.raises(PasswordNeededError):
        bring(pkcs12("secret words"), operator, name="one.p12")
    with pytest.raises(PasswordNeededError, match="wrong"):
        bring(pkcs12("secret words"), operator, name="one.p12", password="other")
    assert uploads() == []
    begun = begin_import(
        "one.p12", io.BytesIO(pkcs12("secret words")), password="secret words", team=None, actor=operator, now=clock()
    )
    (upload,) = uploads()
    kept = upload.read_bytes()
    assert b"secret words" not in kept
    of = worked(begun)
    assert sorted(of.items.values_list("outcome", "sha256", "reason")) == sorted(
        [("new", leaf(1).sha256, ""), ("new", pki.fingerprint(ISSUING.der), ""), ("refused", "", KEY_REASON)]
    )


def test_only_members_choose_a_team_and_only_owners_touch_an_import(
    operator: User, other_team: Team, viewer: User, auditor: User
) -> None:
    for actor in (viewer, auditor):
        with pytest.raises(PermissionDenied):
            bring(leaves(1), actor)
    with pytest.raises(PermissionDenied):
        bring(leaves(1), operator, team=other_team)
    of = bring(leaves(1), operator)
    for refused in (store_import, undo_import, drop_import):
        with pytest.raises(PermissionDenied):
            refused(of, actor=auditor, now=clock())
    assert not Certificate.objects.exists()


def test_an_import_whose_task_was_lost_is_handed_over_again(operator: User) -> None:
    begun = begin_import("a.pem", io.BytesIO(leaves(1)), password="", team=None, actor=operator, now=clock())
    OrmQ.objects.all().delete()
    assert resume_imports(clock()) == 0, "it still has time"
    assert resume_imports(clock() + timedelta(seconds=61)) == 1
    assert [task.task["args"] for task in OrmQ.objects.all()] == [(begun.pk,)]


def test_what_nobody_agreed_to_is_dropped_after_a_month(operator: User) -> None:
    of = bring(leaves(1), operator)
    tidy_imports(clock() + timedelta(days=31))
    of.refresh_from_db()
    assert (of.step, ImportItem.objects.exclude(der=None).count()) == ("dropped", 0)


def test_an_upload_that_is_gone_is_a_sentence(operator: User) -> None:
    begun = begin_import("a.pem", io.BytesIO(leaves(1)), password="", team=None, actor=operator, now=clock())
    spool.remove(begun.upload)
    of = worked(begun)
    assert (of.status, of.error) == ("failed", "The upload is not on this machine any more. Import it again.")


def test_undoing_keeps_what_others_hold(operator: User, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    of = stored(bring(leaves(2), operator), operator)
    held = Certificate.objects.get(name="brought1.example.org")
    monkeypatch.setattr("reports.services.cited", lambda pks: {held.pk} & set(pks))
    undone(of, operator)
    assert list(Certificate.objects.all()) == [held]


def test_what_breaks_the_rules_is_stored_in_part_with_its_problems(operator: User) -> None:
    odd = pki.pem(ISSUING.issue(["odd.example.org"], serial=-5).der).encode()
    of = stored(bring(odd + leaf(1).pem.encode(), operator), operator)
    item = of.items.get(position=0)
    assert (item.outcome, item.reason) == ("partial", "serial_number: it is not positive")
    assert item.certificate is not None
    assert (of.new, item.certificate.conforming) == (2, False)


def test_an_rsa_key_of_a_million_bits_is_read_in_no_time(operator: User) -> None:
    """Nobody checks such a key, or a signature by it."""
    certificate = asn1.Certificate.load(leaf(1).der)
    key = RSAPublicKey({"modulus": (1 << 2**20) - 1, "public_exponent": 65537})
    certificate["tbs_certificate"]["subject_public_key_info"] = PublicKeyInfo(
        {"algorithm": {"algorithm": "rsa"}, "public_key": key}
    )
    started = time.process_time()
    of = stored(bring(certificate.dump(force=True), operator, name="bomb.der"), operator)
    assert (of.new, Certificate.objects.get().key_bits) == (1, 2**20)
    assert time.process_time() - started < 5


def test_an_archive_tells_the_path_of_each_thing(operator: User) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("web/one.pem", leaf(1).pem)
        archive.writestr("web/key.pem", leaf(1).key_pem)
    of = bring(packed.getvalue(), operator, name="all.zip")
    assert list(of.items.values_list("path", "outcome", "reason")) == [
        ("web/one.pem", "new", ""),
        ("web/key.pem", "refused", KEY_REASON),
    ]


def test_what_an_import_saw_is_told_to_who_brought_it_and_to_its_team(
    operator: User, make_user: MakeUser, web_team: Team, stranger: User
) -> None:
    of = stored(bring(leaves(1), operator, name="n" * 199, team=web_team), operator)
    colleague = make_user("colleague@example.org", Role.VIEWER, web_team)
    for person, count in ((operator, 1), (colleague, 1), (stranger, 0)):
        assert Sighting.objects.visible_to(person).filter(certificate__in=Certificate.objects.all()).count() == count
    assert Sighting.objects.get().source_name.endswith(f" (import {of.pk})")
