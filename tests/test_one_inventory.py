"""Everything in: a sheet, a certbot tree, a PKCS#12 and a scan become one inventory, in whatever order they arrive."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils.html import escape
from pytest_django import Settings

from accounts.models import Organisation, Team, User
from inventory.models import Certificate, Import, OwnershipRule
from inventory.services import owner_of, recount, version_of
from inventory.services.importing import undo_import
from lab.pki import fingerprint
from tests import arriving
from tests.arriving import Desk, Facts, inventory
from tests.discovery.scanning import clock
from tests.inventory.brought import worked

pytestmark = pytest.mark.django_db
ORDERS = [
    ("scan", "certbot", "pkcs12", "sheet"),
    ("sheet", "scan", "certbot", "pkcs12"),
    ("certbot", "sheet", "pkcs12", "scan"),
]


@pytest.fixture(scope="module")
def lab() -> Iterator[arriving.Lab]:
    with arriving.lab(clock()) as running:
        yield running


@pytest.fixture
def desk(
    lab: arriving.Lab,
    administrator: User,
    other_team: Team,
    organisation: Organisation,
    web_team: Team,
    tmp_path: Path,
    settings: Settings,
) -> Desk:
    settings.VAR = tmp_path / "var"
    house = Team.objects.create(name="House", slug="house")
    OwnershipRule.objects.create(position=1, name="Ours", name_pattern="*.web.example.com", team=web_team)
    return Desk(lab, tmp_path / "letsencrypt", administrator, house)


def arrive(desk: Desk, *ways: str) -> Facts:
    """What is known when all came; nothing of it stays."""
    with transaction.atomic():
        for way in ways:
            getattr(desk, way)()
        found = inventory()
        assert recount() == [], "totals are true"
        transaction.set_rollback(True)
    return found


def test_four_ways_make_one_inventory_without_duplicates_in_any_order(desk: Desk) -> None:
    first, *others = [arrive(desk, *order) for order in ORDERS]
    lines = desk.lab.manifest.lines
    served = set(chain.from_iterable(line.chain for line in lines)) | {line.leaf_sha256 for line in lines} - {None}
    unserved = {one.sha256 for one in (arriving.ON_DISK, arriving.IN_FILE, arriving.IN_CELL, arriving.BY_SERIAL)}
    assert set(first["certificates"]) == served | unserved | {fingerprint(arriving.UNSERVED.der)}
    assert len(first["endpoints"]) == len(lines)
    for order, found in zip(ORDERS[1:], others, strict=True):
        assert found.keys() == first.keys()
        for kind, things in first.items():
            assert found[kind].keys() == things.keys(), order
            wrong = {name: said.items() - things[name].items() for name, said in found[kind].items()}
            assert not any(wrong.values()), (order, {name: said for name, said in wrong.items() if said})


def test_undoing_the_sheet_leaves_what_the_other_ways_brought(desk: Desk) -> None:
    without = arrive(desk, "scan", "certbot", "pkcs12")
    for way in ("scan", "certbot", "pkcs12"):
        getattr(desk, way)()
    of = desk.sheet()
    assert of.items.count() == arriving.ROWS
    assert inventory() != without
    undo_import(of, actor=desk.actor, now=clock())
    assert worked(of).step == Import.Step.UNDONE
    assert inventory() == without
    assert recount() == []


def test_every_certificate_ends_with_an_owner_and_the_reason_stands_on_page_and_export(
    desk: Desk, client: Client
) -> None:
    """By row, rule, network, suggestion, link and hand."""
    for way in ("sheet", "scan", "certbot", "pkcs12"):
        getattr(desk, way)()
    client.force_login(desk.actor)
    leaves = Certificate.objects.leaves()
    unowned = {row.name: row for row in leaves.filter(owner_team=None)}
    assert set(unowned) == {"file.example.net"}
    take(client, unowned["file.example.net"], Team.objects.get(slug="payments"), "they told us")
    assert not leaves.filter(owner_team=None).exists()
    assert {"manual", "rule", "inferred"} <= set(leaves.values_list("owner_origin", flat=True))
    exported: Any = client.get("/certificates/export.json")
    told = {row["sha256"]: row for row in json.loads(b"".join(exported.streaming_content))["certificates"]}
    assert all(row.owner_reason and told[row.sha256]["owner_reason"] == row.owner_reason for row in leaves)
    for row in {row.owner_origin + row.owner_reason[:3]: row for row in leaves}.values():
        assert escape(row.owner_reason) in client.get(f"/certificates/{row.pk}/").text


def take(client: Client, row: Certificate, team: Team, reason: str) -> None:
    sent = {"team": team.slug, "reason": reason, "version": version_of(owner_of(row)), "back": ""}
    assert client.post(f"/ownership/certificates/{row.pk}/", sent).status_code == 302
