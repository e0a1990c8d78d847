"""The pages of importing: who sees which, each step, and hostile cells that stay text."""

from __future__ import annotations

import ssl
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Membership, Role, Team, User
from inventory.models import Certificate, Endpoint, Import, ImportItem, ImportMapping
from inventory.services.importing import run_import
from tests.conftest import MakeUser
from tests.discovery.servers import certificate as real_certificate
from tests.discovery.servers import der
from tests.inventory.factories import make_endpoint

pytestmark = pytest.mark.django_db
Step = Import.Step
HOSTILE = '=cmd|calc!A1","<script>alert(1)</script>","\u202eabc","x\r\nBcc: all@example.org'


@pytest.fixture(autouse=True)
def var(settings: Settings, tmp_path: Path) -> None:
    settings.VAR = tmp_path


@pytest.fixture
def olga(organisation: object, make_user: MakeUser, web_team: Team) -> User:
    user = make_user("olga@example.org", role=Role.OPERATOR)
    Membership.objects.get_or_create(user=user, team=web_team)
    return user


@pytest.fixture
def browser(client: Client, olga: User) -> Client:
    client.force_login(olga)
    return client


def work() -> None:
    for of in Import.objects.open():
        run_import(of.pk, "test", timezone.now)


def bring(client: Client, text: str | bytes, name: str = "estate.csv", **fields: str) -> Import:
    raw = text.encode() if isinstance(text, str) else text
    answer = client.post("/certificates/import/", {"uploads": SimpleUploadedFile(name, raw), **fields})
    assert answer.status_code == 302, answer.content.decode()
    work()
    return Import.objects.latest("pk")


def columns(of: Import, **others: str) -> dict[str, str]:
    """The form as it stands, sent as it is."""
    field_of = {heading: field for field, heading in of.columns.items()}
    chosen = {f"column-{at}": field_of.get(each["name"], "") for at, each in enumerate(of.headings)}
    return chosen | {"keep_as": ""} | others


def say(client: Client, of: Import, what: str, data: dict[str, str] | None = None) -> Any:
    answer = client.post(f"/certificates/import/{of.pk}/{what}/", data or {})
    work()
    of.refresh_from_db()
    return answer


def page(client: Client, of: Import, query: str = "", **headers: str) -> str:
    answer = client.get(f"/certificates/import/{of.pk}/{query}", headers=headers)
    assert answer.status_code == 200
    return str(answer.content.decode())


def test_a_spreadsheet_goes_through_all_its_steps(browser: Client, web_team: Team) -> None:
    place = make_endpoint("192.0.2.1", 443, "www.example.org")
    of = bring(browser, "Host,Port,Team,Room\nwww.example.org,443,Web,B1\nlate.example.org,,Web,B2\n,,Web,B3\n")
    assert of.step == Step.MAPPING
    shown = page(browser, of)
    assert "www.example.org · late.example.org" in " ".join(shown.split())

    say(browser, of, "columns", columns(of, **{"column-3": "custom:", "keep_as": "Our estate"}))
    assert of.step == Step.PREVIEW
    shown = page(browser, of)
    assert "192.0.2.1:443" in shown
    assert "It names no host" in page(browser, of, "?outcome=refused")
    assert Endpoint.objects.get(pk=place.pk).owner_team is None

    say(browser, of, "store")
    assert of.step == Step.STORED
    assert "Take back" in page(browser, of)
    place.refresh_from_db()
    assert (place.owner_team, place.custom_fields) == (web_team, {"Room": "B1"})
    say(browser, of, "undo")
    assert of.step == Step.UNDONE
    place.refresh_from_db()
    assert (place.owner_team, place.custom_fields) == (None, {})

    again = bring(browser, "Host,Port,Team,Room\nwww.example.org,443,Web,B1\n")
    assert ImportMapping.objects.get().name == "Our estate"
    assert '<option value="custom:" selected>' in page(browser, again)
    say(browser, again, "drop")
    assert again.step == Step.DROPPED


def test_a_pasted_certificate_is_stored_for_the_team(browser: Client, web_team: Team) -> None:
    pem = ssl.DER_cert_to_PEM_cert(der(real_certificate("pasted.example.org")))
    assert browser.post("/certificates/import/", {"pasted": pem, "team": "web"}).status_code == 302
    work()
    of = Import.objects.get()
    assert "Store 1 certificate" in page(browser, of)
    say(browser, of, "store")
    stored = Certificate.objects.get()
    assert stored.owner_team == web_team
    assert f"/certificates/{stored.pk}/" in page(browser, of)


def test_progress_is_asked_for_while_a_worker_is_at_it_and_then_the_page_is_loaded_anew(browser: Client) -> None:
    of = bring(browser, "Host,Team\nwww.example.org,Web\n")
    assert browser.get(f"/certificates/import/{of.pk}/", headers={"HX-Request": "true"})["HX-Refresh"] == "true"
    Import.objects.filter(pk=of.pk).update(step=Step.STORING, status="queued")
    assert 'hx-trigger="load delay:2s"' in page(browser, of, **{"HX-Request": "true"})
    assert "Show how far it is" in page(browser, of)


@pytest.mark.parametrize("what", ["", "columns/", "store/", "undo/", "drop/", "places/"])
def test_the_import_of_another_person_is_not_there(
    browser: Client, client: Client, make_user: MakeUser, what: str
) -> None:
    of = bring(browser, "Host,Team\nwww.example.org,Web\n")
    client.force_login(make_user("sam@example.org", role=Role.OPERATOR))
    send: Any = client.get if what in {"", "places/"} else client.post
    assert send(f"/certificates/import/{of.pk}/{what}").status_code == 404
    assert "estate.csv" not in client.get("/certificates/import/").content.decode()
    assert "www.example.org" not in client.get(f"/discovery/sources/new/?import={of.pk}").content.decode()
    of.refresh_from_db()
    assert of.step == Step.MAPPING


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AUDITOR])
def test_who_only_reads_brings_nothing_in(
    organisation: object, client: Client, make_user: MakeUser, role: Role
) -> None:
    client.force_login(make_user("v@example.org", role=role))
    assert client.get("/certificates/import/").status_code == 403
    assert "/certificates/import/" not in client.get("/certificates/").content.decode()


def test_a_team_of_others_cannot_be_chosen(browser: Client, other_team: Team) -> None:
    answer = browser.post("/certificates/import/", {"pasted": "Host,Team\nx,y\n", "team": other_team.slug})
    assert answer.status_code == 422
    assert other_team.name not in browser.get("/certificates/import/").content.decode()
    assert not Import.objects.exists()


def test_nothing_at_all_and_too_many_files_are_said(browser: Client) -> None:
    assert "Choose a file" in browser.post("/certificates/import/", {"pasted": " "}).content.decode()
    many = [SimpleUploadedFile(f"{n}.pem", b"x") for n in range(21)]
    assert "At most 20" in browser.post("/certificates/import/", {"uploads": many}).content.decode()
    empty = browser.post("/certificates/import/", {"uploads": [SimpleUploadedFile("empty.pem", b"")]})
    assert "empty.pem: There is nothing in it." in empty.content.decode()


def test_an_upload_that_is_too_large_gets_the_page_of_that(browser: Client, settings: Settings) -> None:
    settings.UPLOAD_CAP = 1_000
    answer = browser.post("/certificates/import/", {"uploads": SimpleUploadedFile("big.pem", b"x" * 2_000)})
    assert answer.status_code == 413
    assert "too large" in answer.content.decode()
    assert not Import.objects.exists()


def test_columns_that_mean_the_same_or_nothing_are_said(browser: Client) -> None:
    of = bring(browser, "Host,Other,Team\nwww.example.org,x,Web\n")
    twice = say(browser, of, "columns", columns(of, **{"column-1": "host"}))
    assert "means that already" in twice.content.decode()
    nothing = say(browser, of, "columns", columns(of, **{"column-0": ""}))
    assert "Say which column" in nothing.content.decode()
    assert of.step == Step.MAPPING


def test_steps_that_are_over_are_said_and_change_nothing(browser: Client) -> None:
    of = bring(browser, "Host,Team\nwww.example.org,Web\n")
    for what in ("store", "undo"):
        assert say(browser, of, what).status_code == 302
        assert of.step == Step.MAPPING
    say(browser, of, "drop")
    say(browser, of, "columns", columns(of))
    assert of.step == Step.DROPPED


def test_hostile_cells_and_headings_are_text_on_every_page(browser: Client, today: datetime) -> None:
    heading = '"<img src=x onerror=1>"'
    of = bring(browser, f'Host,{heading},Notes,Team\n"{HOSTILE}"\nwww.example.org,"{HOSTILE}"\n', "<b>\u202e.csv")
    before = page(browser, of)
    say(browser, of, "columns", columns(of, **{"column-1": "custom:"}))
    pages = [before, page(browser, of), browser.get("/certificates/import/").content.decode()]
    say(browser, of, "store")
    pages.append(page(browser, of))
    for shown in pages:
        assert "<script>alert" not in shown
        assert "<img src=x" not in shown
        assert "<b>" not in shown.split("<h1", 1)[1].split("</h1>", 1)[0]
        assert "\u202e" not in shown


def test_items_come_a_page_at_a_time(browser: Client) -> None:
    of = bring(browser, "Host,Team\n" + "".join(f"n{n}.example.org,Web\n" for n in range(60)))
    say(browser, of, "columns", columns(of))
    first = page(browser, of, "?outcome=waiting", **{"HX-Request": "true"})
    assert "n49.example.org" in first
    assert "n50.example.org" not in first
    assert "?outcome=waiting&amp;after=49" in first
    assert "n50.example.org" in page(browser, of, "?outcome=waiting&after=49")
    assert page(browser, of, "?outcome=nonsense&after=x")


def test_places_that_wait_lead_to_a_source(browser: Client) -> None:
    of = bring(browser, "Host,Port\na.example.org,443\n2001:db8::1,636\na.example.org,443\nb.example.org,\n")
    say(browser, of, "columns", columns(of))
    say(browser, of, "store")
    panel = browser.get(f"/certificates/import/{of.pk}/places/").content.decode()
    assert "3 places of this file are not known yet." in " ".join(panel.split())
    form = browser.get(f"/discovery/sources/new/?import={of.pk}").content.decode()
    assert "[2001:db8::1]:636\na.example.org:443\nb.example.org" in form
    assert browser.get("/discovery/sources/new/?import=x").status_code == 200
    assert ImportItem.objects.filter(outcome="waiting").count() == 4


def test_columns_are_chosen_again_without_another_upload(browser: Client, web_team: Team, settings: Settings) -> None:
    make_endpoint("192.0.2.1", 443, "www.example.org")
    of = bring(browser, "Host,Team,Room\nwww.example.org,Web,B1\nlate.example.org,Web,B2\n")
    say(browser, of, "columns", columns(of, **{"column-1": ""}))
    assert "Change the columns" in page(browser, of)
    for _twice in range(2):
        say(browser, of, "again")
        assert of.step == Step.MAPPING
    assert '<option value="" selected>' in page(browser, of), "what was chosen before stands there"
    say(browser, of, "columns", columns(of, **{"column-1": "team", "column-2": "custom:"}))
    assert (of.step, of.items.count()) == (Step.PREVIEW, 2)
    assert [each.data["team"] for each in of.items.all()] == ["Web", "Web"]
    say(browser, of, "store")
    assert (of.step, of.upload, list((settings.VAR / "imports").iterdir())) == (Step.STORED, "", [])
    say(browser, of, "again")
    assert of.step == Step.STORED
    assert Endpoint.objects.get().custom_fields == {"Room": "B1"}


def test_the_preview_shows_what_stands_there_and_what_would(browser: Client, web_team: Team) -> None:
    place = make_endpoint("192.0.2.1", 443, "www.example.org")
    Endpoint.objects.filter(pk=place.pk).update(custom_fields={"Room": "A1"}, application="Old shop")
    of = bring(browser, "Host,Team,Application,Room,Tags\nwww.example.org,Web,Shop,B1,blue\nlate.example.org,Web,,,\n")
    say(browser, of, "columns", columns(of, **{"column-3": "custom:", "overwrite": "on"}))
    first, second = of.items.all()
    assert first.data["changes"][0]["values"] == [
        {"field": "owner", "old": "", "new": "Web"},
        {"field": "application", "old": "Old shop", "new": "Shop"},
        {"field": "Room", "old": "A1", "new": "B1"},
        {"field": "tags", "old": "", "new": "blue, added"},
    ]
    assert second.data["changes"][0]["values"] == [{"field": "team", "old": "", "new": "Web"}]
    shown = page(browser, of)
    assert '<del class="quiet">A1</del>' in shown
    assert "<ins>B1</ins>" in shown
