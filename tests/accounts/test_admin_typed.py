"""What is typed in the administration hides nothing, and where else people are known by their names."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import AuditEvent, Organisation, Team, User
from discovery.models import Zone
from inventory.models import TrustStore
from lab.pki import Authority

pytestmark = pytest.mark.django_db

HIDDEN = {
    "control": "\x07",
    "bidi": "\u202e",
    "zero-width": "\u200b",
    "joiner": "\u2060",
    "no-break": "\u00a0",
    "filler": "\u3164",
}
NO_MEMBERS = {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}
TEAM = {"name": "Web", "slug": "web", "contact_email": "", "description": "", **NO_MEMBERS}
USER = {"email": "new@example.org", "name": "", "role": "viewer", **NO_MEMBERS}
ORGANISATION = {"name": "Ours", "timezone": "UTC", "base_url": ""}
# What is typed where, with a place for what cannot be seen.
TYPED: list[tuple[str, dict[str, Any], str, str]] = [
    ("accounts/team/add/", TEAM, "name", "We{}b"),
    ("accounts/team/add/", TEAM, "contact_email", "web@exam{}ple.org"),
    ("accounts/team/add/", TEAM, "description", "one\r\ntwo{}three"),
    ("accounts/user/add/", USER, "name", "A{}da"),
    ("accounts/user/add/", USER, "email", "new@exam{}ple.org"),
    ("accounts/organisation/1/change/", ORGANISATION, "name", "O{}urs"),
    ("accounts/organisation/1/change/", ORGANISATION, "base_url", "https://certs.exam{}ple.org"),
    ("discovery/zone/add/", {"name": "dmz", "description": ""}, "name", "d{}mz"),
    ("discovery/zone/add/", {"name": "dmz", "description": ""}, "description", "be{}hind"),
    ("inventory/truststore/add/", {"pem": "-"}, "name", "Ou{}rs"),
]


@pytest.fixture
def office(client: Client, organisation: Organisation, administrator: User) -> Client:
    client.force_login(administrator)
    return client


@pytest.mark.parametrize("hidden", HIDDEN.values(), ids=HIDDEN)
@pytest.mark.parametrize(("where", "rest", "field", "text"), TYPED, ids=[f"{row[0]}{row[2]}" for row in TYPED])
def test_hidden_characters_are_refused_and_named_at_their_field(
    office: Client, where: str, rest: dict[str, Any], field: str, text: str, hidden: str
) -> None:
    answer = office.post(f"/admin/{where}", {**rest, field: text.format(hidden)})
    assert answer.status_code == 200
    told = answer.context["adminform"].form.errors[field][-1]
    assert (f"‹U+{ord(hidden):04X}›" in told, "characters that nobody sees" in told) == (True, True)
    row = re.search(rf'<div class="form-row errors field-{field}">.*?</ul>', answer.text, re.DOTALL)
    assert row
    assert html.escape(told) in row[0]
    assert not AuditEvent.objects.exists()


def test_nul_is_refused(office: Client) -> None:
    answer = office.post("/admin/accounts/team/add/", {**TEAM, "name": "We\0b"})
    assert "‹U+0000›" in " ".join(answer.context["adminform"].form.errors["name"])
    assert not Team.objects.exists()


def test_one_fault_is_told_once(office: Client) -> None:
    for page, rest in (("accounts/user/add/", USER), ("accounts/organisation/1/change/", ORGANISATION)):
        answer = office.post(f"/admin/{page}", {**rest, "name": "A\u202eda"})
        assert len(answer.context["adminform"].form.errors["name"]) == 1


def test_ordinary_texts_of_every_script_are_taken(office: Client) -> None:
    lines = "one\r\n\ttwo – zwei «drei» 四"
    values = {**TEAM, "name": "Zürich & 北京 O’Neill", "description": lines, "contact_email": "a@bücher.example"}
    assert office.post("/admin/accounts/team/add/", values).status_code == 302
    assert Team.objects.get().description == lines
    assert office.post("/admin/discovery/zone/add/", {"name": "dmz", "description": "behind"}).status_code == 302
    assert Zone.objects.filter(name="dmz").exists()


def test_a_file_of_roots_is_read_as_it_is(office: Client) -> None:
    pem = f"# Our\u00a0root\r\n{Authority.make('Test Root').pem}"
    assert office.post("/admin/inventory/truststore/add/", {"name": "Ours", "pem": pem}).status_code == 302
    assert TrustStore.objects.get().name == "Ours"


def test_a_name_from_before_is_shown_with_what_hides_in_it(office: Client) -> None:
    Team.objects.create(name="We\u202eb", slug="web")
    page = office.get("/admin/accounts/team/").text
    assert "We‹U+202E›b" in page
    assert "\u202e" not in page


def test_the_password_is_changed_on_its_one_page(office: Client, administrator: User) -> None:
    """Django's own would leave no event, ask no second factor and send no mail."""
    sent = {"old_password": "x", "new_password1": "four other words here", "new_password2": "four other words here"}
    for answer in (office.get("/admin/password_change/"), office.post("/admin/password_change/", sent)):
        assert answer.headers["Location"] == "/accounts/password/change/"


def test_the_administration_has_our_frame(office: Client, administrator: User) -> None:
    User.objects.filter(pk=administrator.pk).update(theme="dark")
    page = office.get("/admin/").text
    assert "<title>Administration · certdash</title>" in " ".join(page.split()).replace("> ", ">").replace(" <", "<")
    for part in ('href="/"', "Back to the dashboard", "favicon", "css/admin", "css/tokens", 'data-theme="dark"'):
        assert part in page
    assert "dark_mode.css" not in page
    assert 'action="/accounts/logout/"' in page
