"""Teams, people and rules as CSV: looked at first, all or nothing, audited, and nothing done silently."""

from __future__ import annotations

import csv
import html
import io
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import AuditEvent, Membership, Role, Team, User
from inventory.models import OwnershipRule
from tests.conftest import MakeUser

pytestmark = pytest.mark.django_db

TEAMS = "/admin/accounts/team/"
PEOPLE = "/admin/accounts/user/"
RULES = "/admin/inventory/ownershiprule/"


def look(client: Client, base: str, text: str | bytes) -> str:
    """The page of the dry run."""
    content = text.encode() if isinstance(text, str) else text
    answer = client.post(f"{base}import/", {"file": SimpleUploadedFile("table.csv", content)})
    return html.unescape(re.sub(r"\s+", " ", answer.content.decode()))


def confirm(client: Client, base: str, text: str) -> Any:
    return client.post(f"{base}import/", {"text": text.replace("\n", "\r\n"), "confirm": "Import"})


def exported(client: Client, base: str, query: str = "") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(client.get(f"{base}export/{query}").content.decode())))


def test_a_dry_run_changes_nothing_and_says_everything(as_administrator: Client, web_team: Team) -> None:
    text = "slug,name,contact_email\nweb,Web shops,web@example.org\nops,Operations,ops@example.org\n"
    page = look(as_administrator, TEAMS, text)
    assert "Web → Web shops" in page
    assert "<td>Operations</td>" in page
    assert Team.objects.get().name == "Web"
    assert not AuditEvent.objects.exists()
    assert confirm(as_administrator, TEAMS, text).status_code == 302
    assert sorted(Team.objects.values_list("slug", "name")) == [("ops", "Operations"), ("web", "Web shops")]
    event = AuditEvent.objects.get()
    assert (event.verb, event.after["new"], event.after["update"]) == ("team.imported", 1, 1)
    assert event.after["first_rows"] == ["Web shops", "Operations"]


def test_a_list_of_names_is_a_table_of_teams(as_administrator: Client) -> None:
    confirm(as_administrator, TEAMS, "name\nShop & Mill\n")
    assert Team.objects.get().slug == "shop-mill"


def test_one_fault_keeps_all_of_it_out_and_is_named_by_its_row(as_administrator: Client, web_team: Team) -> None:
    text = "slug,name,contact_email\nops,Operations,\nweb,Web,no address\nops,Again,\nx,a\u202eb,\n"
    page = look(as_administrator, TEAMS, text)
    assert "Nothing was imported." in page
    for fault in (
        "<td>2</td> <td>contact_email</td> <td>Enter a valid email address.</td>",
        "<td>3</td> <td>slug</td> <td>It stands in an earlier row, too.</td>",
        "<td>4</td> <td>name</td> <td>“a‹U+202E›b” has characters that nobody sees.</td>",
    ):
        assert fault in page
    assert 'name="confirm"' not in page
    assert confirm(as_administrator, TEAMS, text).status_code == 200
    assert Team.objects.count() == 1
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "submitted file is empty"),
        ("slug,name\n", "no rows under its headings"),
        ("slug,name\nweb,a,b,c\n", "no table of cells"),
        ("slug,name,password\nweb,Web,x\n", "There is no column “password”."),
        ("slug,name,name\nweb,Web,x\n", "A column stands twice."),
        (b"\xff\xfe\x00", "not in UTF-8"),
        ("slug,name\nweb,a\x00b\n", "‹U+0000›"),
    ],
)
def test_what_is_no_such_table_is_refused_in_a_sentence(as_administrator: Client, text: str, words: str) -> None:
    assert words in look(as_administrator, TEAMS, text)
    assert not Team.objects.exists()


def test_people_come_with_role_and_teams_and_nobody_is_asked_for_a_password(
    as_administrator: Client, web_team: Team, other_team: Team, operator: User
) -> None:
    text = (
        "email,name,role,teams\n"
        "New@Example.org,New,operator,web; Payments\n"
        "olga@example.org,,,payments\n"
        "plain@example.org,,,\n"
    )
    page = look(as_administrator, PEOPLE, text)
    assert "web → payments" in page
    assert "administrators, who may do everything" not in page
    assert User.objects.filter(email="new@example.org").count() == 0
    confirm(as_administrator, PEOPLE, text)
    new = User.objects.get(email="new@example.org")
    assert (new.role, new.name, new.has_usable_password()) == (Role.OPERATOR, "New", False)
    assert sorted(new.teams.values_list("slug", flat=True)) == ["payments", "web"]
    assert list(operator.teams.values_list("slug", flat=True)) == ["payments"]
    assert User.objects.get(email="plain@example.org").role == Role.VIEWER


def test_an_administrator_is_never_made_silently(as_administrator: Client, operator: User) -> None:
    text = "email,role\nolga@example.org,administrator\neve@example.org,administrator\n"
    page = look(as_administrator, PEOPLE, text)
    said = page[page.index("administrators, who may do everything") :][:300]
    assert "olga@example.org" in said
    assert "eve@example.org" in said
    answer = as_administrator.post(f"{PEOPLE}import/", {"text": text, "confirm": "1"}, follow=True)
    assert "Administrators now: olga@example.org, eve@example.org" in answer.content.decode()
    assert AuditEvent.objects.get().after["administrators"] == ["olga@example.org", "eve@example.org"]
    assert "who may do everything" not in look(as_administrator, PEOPLE, text)


def test_the_last_administrator_stays(as_administrator: Client, administrator: User) -> None:
    text = "email,role\nada@example.org,viewer\n"
    assert "At least one active administrator" in look(as_administrator, PEOPLE, text)
    confirm(as_administrator, PEOPLE, text)
    administrator.refresh_from_db()
    assert administrator.role == Role.ADMINISTRATOR


def test_a_role_or_team_that_is_none_is_named(as_administrator: Client, web_team: Team) -> None:
    page = look(as_administrator, PEOPLE, "email,role,team\na@example.org,root,\nb@example.org,,nobodys\n")
    assert "<td>1</td> <td>role</td> <td>It is none of: viewer, operator" in page
    assert "<td>2</td> <td>teams</td> <td>There is no team “nobodys”.</td>" in page


def test_exports_hold_no_secret_no_formula_and_come_back_as_they_were(
    as_administrator: Client, web_team: Team, operator: User
) -> None:
    Team.objects.create(name="=HYPERLINK(1)", slug="evil", description="@x")
    text = as_administrator.get(f"{TEAMS}export/").content.decode()
    assert "'=HYPERLINK(1)" in text
    assert ",=HYPERLINK" not in text
    assert "2 rows change nothing." in look(as_administrator, TEAMS, text)
    people = as_administrator.get(f"{PEOPLE}export/").content.decode()
    assert people.splitlines()[0] == "email,name,role,teams"
    assert operator.password not in people
    assert "2 rows change nothing." in look(as_administrator, PEOPLE, people)
    (row,) = exported(as_administrator, PEOPLE, "?q=olga")
    assert row == {"email": "olga@example.org", "name": "", "role": "operator", "teams": "web"}
    assert list(AuditEvent.objects.values_list("verb", flat=True)) == [
        "user.exported",
        "user.exported",
        "team.exported",
    ]


def test_rules_come_in_order_and_are_judged_by_their_form(as_administrator: Client, web_team: Team) -> None:
    text = "name,name_pattern,team,environment\nShops,*.shop.example.org,web,production\nAll,*,web,\n"
    assert confirm(as_administrator, RULES, text).status_code == 302
    first, second = OwnershipRule.objects.order_by("position")
    assert (first.name, second.name, first.team, first.environment) == ("Shops", "All", web_team, "production")
    assert AuditEvent.objects.get().verb == "ownershiprule.imported"
    page = look(as_administrator, RULES, "name,network,team\nA,10.0.0.1/8,web\nB,,web\nC,10.0.0.0/8,nobodys\n")
    for fault in ("is no network such as 10.0.0.0/8", "Give at least one condition", "There is no team “nobodys”"):
        assert fault in page
    (row, _other) = exported(as_administrator, RULES)
    assert (row["name"], row["team"], row["enabled"]) == ("Shops", "web", "1")


def test_only_administrators_get_in(client: Client, make_user: MakeUser, web_team: Team) -> None:
    for role in (Role.VIEWER, Role.OPERATOR, Role.AUDITOR):
        client.force_login(make_user(f"{role}@example.org", role, web_team))
        for base in (TEAMS, PEOPLE, RULES):
            for answer in (client.get(f"{base}export/"), confirm(client, base, "name\nx\n")):
                assert answer.headers["Location"].startswith("/admin/login/?next=/admin/")
                assert client.get(answer.headers["Location"]).status_code == 403
    assert Team.objects.count() == 1
    assert Membership.objects.count() == 3
