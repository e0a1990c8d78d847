"""Who asked for it is asked again when it is done: closed, ended and demoted accounts import, mail and own no more."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from accounts.models import Organisation, Role, Team, User
from accounts.services import still_acts, still_here
from certdash.lib.work import WorkStatus
from inventory.forms.owner import people_to_name
from inventory.models import Certificate, Endpoint, Import, ImportItem
from inventory.services import recount
from inventory.services.importing.meaning import Names
from inventory.services.importing.running import run_import
from tests.conftest import NOW, MakeUser
from tests.inventory.brought import bring
from tests.inventory.factories import make_endpoint
from tests.inventory.planned import outcomes, plan, store
from tests.inventory.renewing import certbot, tar_of
from tests.inventory.test_importing_lineages import stored

pytestmark = pytest.mark.django_db

LOSSES: list[dict[str, Any]] = [{"role": Role.VIEWER}, {"is_active": False}, {"ends_at": NOW}]
TABLE = "Host,Port,Team\nwww.example.org,443,web\n"


def lose(person: User, **loss: Any) -> None:
    User.objects.filter(pk=person.pk).update(**loss)


@pytest.mark.parametrize("loss", LOSSES)
def test_who_acts_and_who_is_here(operator: User, loss: dict[str, Any]) -> None:
    assert still_acts(operator.pk, NOW) == operator
    lose(operator, **loss)
    assert still_acts(operator.pk, NOW) is None
    assert (still_here(operator.pk, NOW) == operator) is ("role" in loss)
    assert still_here(None, NOW) is None


@pytest.mark.parametrize("loss", LOSSES)
def test_a_table_of_somebody_who_may_not_any_more_fails_with_a_sentence(
    operator: User, web_team: Team, loss: dict[str, Any]
) -> None:
    make_endpoint("192.0.2.1", 443, "www.example.org")
    recount()
    of = plan(TABLE, User.objects.get(pk=operator.pk))
    assert outcomes(of) == [ImportItem.Outcome.MATCHED]
    Import.objects.filter(pk=of.pk).update(step=Import.Step.STORING, status=WorkStatus.QUEUED, done=0)
    lose(operator, **loss)
    run_import(of.pk, "worker", lambda: NOW)
    of.refresh_from_db()
    assert of.status == WorkStatus.FAILED
    assert "may not do it any more" in of.error
    assert not of.applied
    assert not Endpoint.objects.filter(owner_team=web_team).exists()


@pytest.mark.parametrize("loss", LOSSES)
def test_rows_that_wait_do_not_change_things_for_who_may_not_any_more(
    operator: User, web_team: Team, loss: dict[str, Any]
) -> None:
    of = plan(TABLE, User.objects.get(pk=operator.pk))
    store(of)
    assert outcomes(of) == [ImportItem.Outcome.WAITING]
    make_endpoint("192.0.2.1", 443, "www.example.org")
    recount()
    lose(operator, **loss)
    assert store(Import.objects.get(pk=of.pk)).things == 0
    assert not Endpoint.objects.filter(owner_team=web_team).exists()
    assert outcomes(of) == [ImportItem.Outcome.WAITING]


def test_renewal_settings_of_who_has_ended_are_not_attached(
    tmp_path: Path, operator: User, settings: Settings, organisation: Organisation
) -> None:
    settings.VAR = tmp_path / "var"
    of = bring(tar_of(certbot(tmp_path / "letsencrypt", 1).parent), operator)
    lose(operator, ends_at=timezone.now() - timedelta(days=30))
    assert stored(of, operator).status == WorkStatus.FAILED
    assert not Certificate.objects.exclude(custom_fields={}).exists()


def test_who_has_ended_is_offered_as_owner_to_nobody(
    operator: User, administrator: User, web_team: Team, make_user: MakeUser
) -> None:
    left = make_user("left@example.org", Role.OPERATOR, web_team)
    here = make_user("here@example.org", Role.OPERATOR, web_team)
    lose(left, ends_at=timezone.now() - timedelta(minutes=1))
    lose(here, ends_at=timezone.now() + timedelta(days=1))
    items = [ImportItem(data={"owner": one.email}) for one in (left, here)]
    for user in (operator, administrator):
        assert set(Names.of(items, user).people) == {"here@example.org"}
        assert left not in people_to_name(user)
        assert here in people_to_name(user)
        assert set(people_to_name(user, left.pk)) == {*people_to_name(user), left}
