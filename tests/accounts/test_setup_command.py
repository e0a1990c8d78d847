"""``manage.py setup``: the first run without a browser."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.models import AuditEvent, Organisation, Role, User
from discovery.models import Network, Source
from tests.conftest import PASSWORD, MakeUser

pytestmark = pytest.mark.django_db


def setup(*arguments: str) -> str:
    out = StringIO()
    call_command("setup", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def password_file(tmp_path: Path) -> str:
    path = tmp_path / "password"
    path.write_text(f"{PASSWORD}\n")
    return str(path)


def test_prints_a_link_that_opens_the_first_run(client: Client) -> None:
    found = re.search(r"http://[^/]+(/setup/\S+/)", setup("--link"))
    assert found
    assert client.get(found[1], follow=True).redirect_chain[-1][0] == "/setup/administrator/"


def test_prints_no_link_once_there_is_an_account(administrator: User) -> None:
    assert "/setup/" not in setup("--link")


def test_sets_everything_up_and_again_changes_nothing(client: Client, password_file: str) -> None:
    arguments = ["--admin-email", "ada@example.org", "--admin-password-file", password_file, "--name", "Ada"]
    arguments += ["--organisation", "Example Group", "--timezone", "Europe/Zurich", "--noinput"]
    arguments += ["--base-url", "https://certs.example.org", "--network", "10.0.0.0/8", "--network", "127.0.0.1/32"]
    out = setup(*arguments)
    assert "Administrator ada@example.org created." in out
    assert "https://certs.example.org/accounts/login/" in out
    assert PASSWORD not in out
    user = User.objects.get()
    assert user.check_password(PASSWORD)
    assert (user.role, user.name) == (Role.ADMINISTRATOR, "Ada")
    assert Organisation.objects.get().set_up_at is not None
    specials = dict(Network.objects.values_list("cidr", "allows_special"))
    assert specials == {"10.0.0.0/8": False, "127.0.0.1": True}
    # A network that no run can end is told; the other is looked at again and again.
    assert "Nothing scans 10.0.0.0/8 by itself yet" in out
    source = Source.objects.get()
    assert (source.name, source.targets, source.every_seconds) == ("First networks", "127.0.0.1/32", 86_400)
    assert source.next_run_at
    events = AuditEvent.objects.count()
    again = setup(*arguments)
    assert "nothing to change" in again
    assert AuditEvent.objects.count() == events


def test_without_a_password_file_prints_a_link_to_choose_one(client: Client) -> None:
    found = re.search(r"http://[^/]+(/invitation/\S+/)", setup("--admin-email", "ada@example.org", "--noinput"))
    assert found
    assert client.get(found[1], follow=True).status_code == 200


def test_brings_back_an_administrator_who_was_closed(make_user: MakeUser, password_file: str) -> None:
    user = make_user("ada@example.org", Role.VIEWER)
    User.objects.update(is_active=False)
    setup("--admin-email", "ADA@example.org", "--admin-password-file", password_file, "--noinput")
    user.refresh_from_db()
    assert (user.role, user.is_active) == (Role.ADMINISTRATOR, True)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--admin-email", "nobody"], "no e-mail address"),
        (["--admin-email", "a@example.org", "--timezone", "Mars/Olympus"], "timezone 'Mars/Olympus'"),
        (["--admin-email", "a@example.org", "--base-url", "javascript:alert(1)"], "base_url"),
        (["--admin-email", "a@example.org", "--network", "-oN x"], "begins with a hyphen"),
        (["--admin-email", "a@example.org", "--admin-password-file", "/nowhere"], "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_named(arguments: list[str], problem: str) -> None:
    with pytest.raises(CommandError, match=problem):
        setup(*arguments, "--noinput")


def test_a_weak_password_is_refused(tmp_path: Path) -> None:
    weak = tmp_path / "weak"
    weak.write_text("password\n")
    with pytest.raises(CommandError, match="too short"):
        setup("--admin-email", "a@example.org", "--admin-password-file", str(weak), "--noinput")
    assert not User.objects.exists()


@pytest.mark.parametrize(
    "said", [("a\u202eda@example.org", "Ada"), ("ada@exam\u200bple.org", ""), ("ada@example.org", "A\0da")]
)
def test_hidden_characters_are_refused(said: tuple[str, str]) -> None:
    with pytest.raises(CommandError, match="characters that nobody sees"):
        setup("--admin-email", said[0], "--name", said[1], "--noinput")
    assert not User.objects.exists()
