"""What is dumped is what is there: applied again it changes nothing, applied elsewhere it makes the same."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from accounts.models import Organisation, SavedView, Team, User
from certdash.lib.declare import DeclareError
from discovery.models import Network, Source, Zone
from inventory.models import OwnershipRule, TrustStore
from reports.models import Schedule
from tests.access.world import make_world
from tests.certdash.declaring import apply, described, example, put_roots
from tests.conftest import NOW, MakeUser

pytestmark = pytest.mark.django_db


def dump() -> str:
    out = StringIO()
    call_command("dump", stdout=out)
    return out.getvalue()


def test_a_full_estate_goes_round_without_a_change() -> None:
    make_world()
    outcome = apply(dump())
    assert (outcome.changes, outcome.problems) == ([], [])


def test_the_example_goes_round_without_a_change(tmp_path: Path, make_user: MakeUser) -> None:
    make_user("ada@example.org")
    put_roots(tmp_path)
    apply(example(), tmp_path)
    outcome = apply(dump(), check=True)
    assert (outcome.changes, outcome.problems) == ([], [])


def test_a_dump_makes_the_same_somewhere_else(tmp_path: Path, make_user: MakeUser) -> None:
    make_user("ada@example.org")
    put_roots(tmp_path)
    apply(example(), tmp_path)
    before = dump()
    for model in (Schedule, SavedView, OwnershipRule, Source, Network, TrustStore, Team, Organisation):
        model._default_manager.all().delete()
    Zone.objects.exclude(name="default").delete()
    assert apply(before).problems == []
    assert dump() == before


def test_a_dump_is_written_to_a_file(tmp_path: Path, web_team: Team) -> None:
    path = tmp_path / "state.yaml"
    call_command("dump", output=path)
    assert path.read_text(encoding="utf-8") == dump()
    assert "name: Web" in dump()


def test_the_documentation_lists_every_section_and_key() -> None:
    page = (settings.BASE_DIR / "docs/configuration-as-code.md").read_text(encoding="utf-8")
    assert page.endswith(f"\n{described()}"), f"Let docs/configuration-as-code.md end with:\n{described()}"


def test_the_hour_of_the_daily_mail_is_dumped_and_applied_and_held_to_a_day(organisation: Organisation) -> None:
    Organisation.objects.update(daily_mail_hour=22)
    dumped = dump()
    Organisation.objects.update(daily_mail_hour=3)
    assert apply(f"organisation: {{name: {organisation.name}}}\n").changes == []
    assert apply(dumped).problems == []
    assert Organisation.objects.get().daily_mail_hour == 22
    assert apply("organisation: {daily_mail_hour: 24}\n").problems
    assert Organisation.objects.get().daily_mail_hour == 22


def test_a_dump_makes_its_people_in_an_empty_installation(make_user: MakeUser, web_team: Team) -> None:
    make_user("ada@example.org", "administrator")
    make_user("olga@example.org", "operator", web_team)
    apply("report_schedules: [{name: r, for: ada@example.org}]\n")
    before = dump()
    for model in (Schedule, Team, Organisation, User):
        model._default_manager.all().delete()
    outcome = apply(before)
    assert outcome.problems == []
    assert set(outcome.invited) == {"ada@example.org", "olga@example.org"}
    assert User.objects.get(email="olga@example.org").role == "operator"
    assert dump() == before


def test_a_dump_with_people_who_left_makes_them_closed_and_invites_nobody_of_them(
    make_user: MakeUser, web_team: Team
) -> None:
    for name in ("cleo", "egon"):
        make_user(f"{name}@example.org", "operator", web_team)
    make_user("carl@example.org", "auditor")
    User.objects.filter(email__in=("cleo@example.org", "carl@example.org")).update(is_active=False)
    User.objects.filter(email="egon@example.org").update(ends_at=datetime(2020, 1, 1, tzinfo=UTC))
    for email in ("cleo@example.org", "carl@example.org"):
        Schedule.objects.create(name="r", person=User.objects.get(email=email), created_at=NOW, next_run_at=NOW)
    before = dump()
    assert apply(before).changes == []
    for model in (Schedule, Team, Organisation, User):
        model._default_manager.all().delete()
    outcome = apply(before)
    assert (outcome.problems, outcome.invited) == ([], {})
    assert set(User.objects.values_list("email", "role", "is_active")) == {
        ("cleo@example.org", "operator", False), ("egon@example.org", "operator", False),
        ("carl@example.org", "auditor", False),
    }  # fmt: skip
    assert dump() == before


def test_nobody_is_invited_and_closed_at_once(organisation: Organisation) -> None:
    member = "{email: x@example.org, invite: true, closed: true}"
    with pytest.raises(DeclareError, match="either invited or closed"):
        apply(f"teams: [{{name: Web, members: [{member}]}}]\n")
