"""What taking back leaves to others, and taking back what was stored only in part."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.models import AuditEvent, Membership, Role, Team, User
from accounts.services import audit
from certdash.lib.work import WorkStatus
from inventory.models import Certificate, Endpoint, Import, ImportTouch, Tag
from inventory.services.importing import ImportRefusedError, store_import, storing, undo_import
from inventory.services.importing.claims import ImportFailedError
from tests.conftest import NOW
from tests.inventory.brought import bring, clock, leaves, worked
from tests.inventory.factories import make_certificate, make_endpoint
from tests.inventory.planned import plan, store, totals_are_true, undo

pytestmark = pytest.mark.django_db


@pytest.fixture
def web() -> Team:
    return Team.objects.create(name="Web", slug="web")


@pytest.fixture
def olga(web: Team) -> User:
    user = User.objects.create_user("olga@example.org", "x", role=Role.OPERATOR)
    Membership.objects.create(user=user, team=web)
    return user


@pytest.fixture
def place() -> Endpoint:
    served = make_certificate("www.example.org")
    return make_endpoint("192.0.2.1", 443, "www.example.org", certificate=served)


def stored(olga: User) -> Import:
    of = plan("Host,Port,Team,Environment,Tags\nwww.example.org,443,web,prod,shop\n", olga)
    assert store(of).things == 2
    return of


def test_what_went_to_another_team_is_kept_with_the_reason(olga: User, place: Endpoint) -> None:
    of = stored(olga)
    payments = Team.objects.create(name="Payments", slug="payments")
    Certificate.objects.update(owner_team=payments)
    assert undo(of) == 1
    kept, back = Certificate.objects.get(), Endpoint.objects.get(pk=place.pk)
    assert (kept.environment, list(kept.tags.values_list("name", flat=True))) == ("production", ["shop"])
    assert (back.environment, back.tags.count()) == ("", 0)
    assert "belongs to others by now" in of.items.get().reason
    assert ImportTouch.objects.get().certificate == kept


def test_the_page_of_what_was_taken_back_says_what_stayed(olga: User, place: Endpoint, client: Client) -> None:
    of = stored(olga)
    Certificate.objects.update(owner_team=Team.objects.create(name="Payments", slug="payments"))
    undo(of)
    Import.objects.filter(pk=of.pk).update(step=Import.Step.UNDONE, status=WorkStatus.DONE)
    client.force_login(olga)
    page = " ".join(client.get(f"/certificates/import/{of.pk}/").text.split())
    assert "It was taken back." in page
    assert "forgotten" not in page
    assert "1 change stays, because it is about what belongs to other teams by now." in page
    assert "applied by themselves" not in page


def test_who_sees_everything_takes_back_what_went_to_another_team(olga: User, place: Endpoint) -> None:
    of = stored(olga)
    Certificate.objects.update(owner_team=Team.objects.create(name="Payments", slug="payments"))
    ada = User.objects.create_user("ada@example.org", "x", role=Role.ADMINISTRATOR)
    audit(ada, "import.undo_asked", of, now=NOW)
    undo(of)
    assert (Certificate.objects.get().environment, ImportTouch.objects.count()) == ("", 0)


def test_tags_stay_on_what_somebody_changed_since(olga: User, place: Endpoint) -> None:
    of = stored(olga)
    audit(olga, "certificate.changed", Certificate.objects.get(), {}, {"tags": ["shop"]}, now=clock())
    undo(of)
    assert (Certificate.objects.get().tags.count(), place.tags.count()) == (1, 0)
    assert Tag.objects.filter(name="shop").exists()


def test_what_failed_while_it_was_stored_is_taken_back(
    settings: Settings, tmp_path: Path, organisation: object, operator: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.VAR = tmp_path
    monkeypatch.setattr(storing, "BATCH", 2)
    real = storing._store_batch

    def fails(of: Import, *args: object) -> None:
        if of.done:
            raise ImportFailedError("no more")
        real(of, *args)  # type: ignore[arg-type] # passed on as they came

    of = bring(leaves(3), operator)
    store_import(of, actor=operator, now=clock())
    with monkeypatch.context() as patched:
        patched.setattr(storing, "_store_batch", fails)
        worked(of)
    assert (of.step, of.status, Certificate.objects.count()) == ("storing", WorkStatus.FAILED, 2)
    undo_import(of, actor=operator, now=clock())
    worked(of)
    assert (of.step, of.status, Certificate.objects.count()) == ("undone", WorkStatus.DONE, 0)
    assert AuditEvent.objects.get(verb="import.undone").after["forgotten"] == 2
    assert totals_are_true()


def test_what_failed_before_anything_was_stored_has_nothing_to_take_back(operator: User) -> None:
    of = Import.objects.create(
        name="x", requested_by=operator, created_at=NOW, step=Import.Step.STORING, status=WorkStatus.FAILED
    )
    with pytest.raises(ImportRefusedError):
        undo_import(of, actor=operator, now=NOW)
