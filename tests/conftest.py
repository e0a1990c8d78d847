"""What all tests share: people of every role, two teams, and a moment to stand at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings
from whitenoise.middleware import WhiteNoiseMiddleware

from accounts.models import Membership, Organisation, Role, Team, User
from certdash.management import static

NOW = datetime(2026, 11, 23, 9, 41, tzinfo=UTC)
PASSWORD = "correct horse battery staple"


def pytest_sessionstart(session: pytest.Session) -> None:
    """Collect the static files, which pages name by their content, before the first page is asked for."""
    if not hasattr(session.config, "workerinput"):
        static.collect()
    look_once_at_static_files()


def look_once_at_static_files() -> None:
    """Each test's first request starts the middleware anew, and WhiteNoise reads a hundred files each time."""
    read = WhiteNoiseMiddleware.update_files_dictionary
    seen: dict[tuple[object, ...], dict[str, object]] = {}

    def remembered(self: WhiteNoiseMiddleware, root: str, prefix: str) -> None:
        key = (root, prefix, self.max_age, self.static_prefix, self.static_root)
        if key not in seen:
            read(self, root, prefix)
            seen[key] = dict(self.files)
        self.files.update(seen[key])

    WhiteNoiseMiddleware.update_files_dictionary = remembered


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL run only what asks a database: everything else was proved on SQLite in the same way."""
    if connection.vendor != "postgresql":
        return
    asking = [item for item in items if _asks_a_database(item)]
    config.hook.pytest_deselected(items=[item for item in items if not _asks_a_database(item)])
    items[:] = asking


def _asks_a_database(item: pytest.Item) -> bool:
    fixtures = {"db", "transactional_db", "django_db_setup", "live_server"}
    return item.get_closest_marker("django_db") is not None or bool(fixtures & set(getattr(item, "fixturenames", ())))


MakeUser = Callable[..., User]


@pytest.fixture(autouse=True)
def quick_passwords(settings: Settings) -> None:
    """Real hashing takes half a second for each person that a test makes."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def today() -> datetime:
    """Pages read the clock themselves."""
    return timezone.now()


@pytest.fixture
def organisation(db: None) -> Organisation:
    return Organisation.objects.create(pk=1, name="Example Group", set_up_at=NOW)


@pytest.fixture
def web_team(db: None) -> Team:
    return Team.objects.create(name="Web", slug="web", contact_email="web@example.org")


@pytest.fixture
def other_team(db: None) -> Team:
    return Team.objects.create(name="Payments", slug="payments", contact_email="pay@example.org")


@pytest.fixture
def make_user(db: None) -> MakeUser:
    def make(email: str, role: Role = Role.VIEWER, *teams: Team) -> User:
        user = User.objects.create_user(email, PASSWORD, role=role)
        Membership.objects.bulk_create(Membership(user=user, team=team) for team in teams)
        return user

    return make


@pytest.fixture
def administrator(make_user: MakeUser) -> User:
    return make_user("ada@example.org", Role.ADMINISTRATOR)


@pytest.fixture
def auditor(make_user: MakeUser) -> User:
    return make_user("audrey@example.org", Role.AUDITOR)


@pytest.fixture
def operator(make_user: MakeUser, web_team: Team) -> User:
    """Olga operates what team Web owns."""
    return make_user("olga@example.org", Role.OPERATOR, web_team)


@pytest.fixture
def viewer(make_user: MakeUser, web_team: Team) -> User:
    """Victor sees what team Web owns."""
    return make_user("victor@example.org", Role.VIEWER, web_team)


@pytest.fixture
def stranger(make_user: MakeUser, other_team: Team) -> User:
    """Sam operates for team Payments and must see nothing of team Web."""
    return make_user("sam@example.org", Role.OPERATOR, other_team)


@pytest.fixture
def as_administrator(client: Client, organisation: Organisation, administrator: User) -> Client:
    client.force_login(administrator)
    return client
