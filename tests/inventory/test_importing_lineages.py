"""Moving in from certbot and acme.sh: whose renewal it is, which certificate is current, and no secret anywhere."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command
from pytest_django import Settings

from accounts.models import Organisation, Team, User
from inventory.models import Certificate, Import, ImportItem
from inventory.services import recount
from inventory.services.importing import store_import, undo_import
from inventory.sources import Found
from inventory.sources.lineages import Lineages
from inventory.sources.renewals import read_settings
from tests.inventory.brought import bring, clock, leaf, worked
from tests.inventory.renewing import ACCOUNT, ACME_NAME, CERTBOT, NAME, SECRETS, acme_sh, certbot, tar_of, zip_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _place(settings: Settings, tmp_path: Path, organisation: Organisation) -> None:
    settings.VAR = tmp_path / "var"


def fields(number: int) -> dict[str, str]:
    found: dict[str, str] = Certificate.objects.get(sha256=leaf(number).sha256).custom_fields
    return found


def import_folder(*paths: Path) -> None:
    call_command("import_certs", *map(str, paths))


def stored(of: Import, actor: User) -> Import:
    store_import(of, actor=actor, now=clock())
    return worked(of)


def test_a_certbot_folder_says_by_whom_and_how_its_certificate_is_renewed(tmp_path: Path) -> None:
    import_folder(certbot(tmp_path / "letsencrypt", 1, 2))
    current = fields(2)
    assert current.pop("Renewed by").startswith("certbot on ")
    assert current == {
        "ACME server": "https://acme.example.org/directory",
        "Challenge": "webroot /var/www/html",
        "Lineage": f"{NAME} (current)",
        "Reloaded with": "systemctl reload nginx",
        "Renewal key type": "ecdsa",
    }
    assert fields(1) == {"Lineage": f"{NAME} (older)"}
    item = ImportItem.objects.get(label=NAME, path__endswith=".conf")
    assert "may hold secrets: privkey, account, dns_cloudflare_credentials, rsa_key_size." in item.reason
    assert "Not mapped: version, post_hook, must_staple" in item.reason
    assert recount() == []


def test_an_acme_sh_folder_does_too_and_its_account_is_left_aside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import_folder(acme_sh(tmp_path / "acme"))
    current = fields(3)
    assert current.pop("Renewed by").startswith("acme.sh on ")
    assert current == {
        "ACME server": "https://acme-v02.api.letsencrypt.org/directory",
        "Challenge": "dns-01 by dns_cf",
        "Deployed by": "haproxy",
        "Lineage": f"{ACME_NAME} (current)",
        "Next renewal": "2027-01-20 00:00 UTC",
        "Reloaded with": "service nginx reload",
        "Renewal key type": "ec-256",
    }
    assert "Settings of an account. Not kept, because they may hold secrets: ACCOUNT_EMAIL, SAVED_CF_Token." in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize("pack", [tar_of, zip_of])
def test_no_secret_is_kept_and_links_are_no_refusal(
    tmp_path: Path, operator: User, pack: Callable[[Path], bytes]
) -> None:
    (tmp_path / "all").mkdir()
    acme_sh(certbot(tmp_path / "all", 1, 2))
    of = stored(bring(pack(tmp_path / "all"), operator, name="all.tar"), operator)
    assert (fields(2)["Lineage"], fields(1)["Lineage"]) == (f"{NAME} (current)", f"{NAME} (older)")
    assert fields(2)["Renewed by"].startswith("certbot on all.tar (")
    assert [item.reason[:23] for item in of.items.filter(outcome="refused")] == ["Settings of an account."]
    kept = json.dumps([[item.reason, item.data] for item in of.items.all()])
    kept += json.dumps([row.custom_fields for row in Certificate.objects.all()])
    assert not [secret for secret in SECRETS if secret in kept]

    undo_import(of, actor=operator, now=clock())
    worked(of)
    assert not Certificate.objects.exists()


def test_the_next_import_moves_current_on_and_keeps_what_people_wrote(tmp_path: Path) -> None:
    root = tmp_path / "letsencrypt"
    import_folder(certbot(root, 1))
    assert fields(1)["Lineage"] == f"{NAME} (current)"
    row = Certificate.objects.get(sha256=leaf(1).sha256)
    row.custom_fields |= {"Challenge": "by hand"}
    row.save()
    import_folder(certbot(root, 1, 2))
    assert fields(1) == {"Challenge": "by hand", "Lineage": f"{NAME} (older)"}
    assert fields(2)["Challenge"] == "webroot /var/www/html"


def test_settings_never_change_a_certificate_of_another_team(
    tmp_path: Path, operator: User, administrator: User, other_team: Team
) -> None:
    import_folder(certbot(tmp_path / "letsencrypt", 2))
    Certificate.objects.update(owner_team=other_team, custom_fields={})
    of = stored(bring(tar_of(tmp_path / "letsencrypt"), operator), operator)
    assert fields(2) == {}
    assert "not yours to change" in of.items.get(outcome="matched").reason


def test_settings_without_their_certificate_are_said(tmp_path: Path, operator: User) -> None:
    root = certbot(tmp_path / "letsencrypt", 2)
    for path in sorted(root.rglob("*.pem")):
        path.unlink()
    item = bring(tar_of(root), operator).items.get(path__endswith=".conf")
    assert item.reason.startswith("Renewal settings of certbot, and the certificate that they are for is not here.")


def test_links_of_no_lineage_are_refused_as_ever(tmp_path: Path, operator: User) -> None:
    root = certbot(tmp_path / "letsencrypt", 2)
    (root / "renewal" / f"{NAME}.conf").unlink()
    of = bring(tar_of(root), operator)
    assert {item.reason for item in of.items.filter(outcome="refused")} == {"It is a symbolic link, not a file."}


@pytest.mark.parametrize("data", [b"\xff" * 100, b"[renewalparams]\n" * 9, b"Le_Domain='", CERTBOT.encode() * 100])
def test_any_bytes_are_read(data: bytes) -> None:
    read = read_settings(data)
    assert read is None or not read.fields.get("Renewed by")


def test_a_file_full_of_names_is_held_to_a_few_of_them() -> None:
    read = read_settings(b"Le_Domain='a'\n" + b"x='1'\n" * 9_000)
    assert read is not None
    assert (len(read.others), read.left_out().endswith("x, x and more.")) == (21, True)
    names = read_settings(b"Le_Alt='" + b"a," * 20_000 + b"'\nLe_Domain='a'")
    assert names is not None
    assert len(names.names) == 100


def test_many_lineages_are_told_apart_in_time() -> None:
    lineages = Lineages()
    for number in range(3_000):
        lineages.note(Found(f"archive/n{number}/cert1.pem", 0, b"%d" % number))
        lineages.take_settings(f"renewal/n{number}.conf", CERTBOT.encode())
    began = time.process_time()
    told = list(lineages.told())
    assert [each.renewal.lineage for each in told if each.renewal] == [f"n{number}" for number in range(3_000)]
    assert time.process_time() - began < 1


def test_an_account_alone_has_no_fields() -> None:
    read = read_settings(ACCOUNT.encode())
    assert read is not None
    assert (read.fields, read.names) == ({}, ())
