"""What people said and what rows leave open: emptied values, people without one team, private keys in cells."""

from __future__ import annotations

import pytest

from accounts.models import Team, User
from inventory.forms.bulk import OwnerOfMany
from inventory.forms.owner import OwnerForm
from inventory.models import Endpoint, ImportItem
from inventory.services import recount
from tests.conftest import MakeUser
from tests.inventory.factories import make_endpoint
from tests.inventory.planned import plan, store, totals_are_true, undo

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(make_user: MakeUser) -> User:
    return make_user("ada@example.org", "administrator")


def test_what_a_person_emptied_stays_empty_unless_told_otherwise(ada: User) -> None:
    place = make_endpoint("192.0.2.1", 443, "www.example.org", ruled={"application": 0})
    text = "Host,Application\nwww.example.org,shop\n"
    of = plan(text, ada)
    assert "application" in of.items.get().reason
    store(of)
    place.refresh_from_db()
    assert (place.application, place.ruled) == ("", {"application": 0})
    told = plan(text, ada, overwrite="yes")
    store(told)
    place.refresh_from_db()
    assert (place.application, place.ruled) == ("shop", {})
    undo(told)
    place.refresh_from_db()
    assert (place.application, place.ruled) == ("", {"application": 0})


def test_a_person_of_no_team_or_of_two_owns_nothing_without_a_team(ada: User, web_team: Team) -> None:
    make_endpoint("192.0.2.1", 443, "www.example.org")
    recount()
    of = plan("Host,Owner\nwww.example.org,ada@example.org\n", ada)
    assert "name the team, too" in of.items.get().reason
    store(of)
    place = Endpoint.objects.get()
    assert (place.owner_team, place.owner_person, place.owner_origin) == (None, None, "")
    assert place.custom_fields == {"Owner": "ada@example.org"}
    assert totals_are_true()
    store(plan("Host,Owner,Team\nwww.example.org,ada@example.org,Web\n", ada))
    place.refresh_from_db()
    assert (place.owner_team, place.owner_person) == (web_team, ada)


def test_forms_ask_for_the_team_of_a_person(ada: User) -> None:
    typed = {"team": "", "person": str(ada.pk), "reason": "mine"}
    one = OwnerForm(ada, make_endpoint("192.0.2.1", 443, "www.example.org"), {f"owner-{k}": typed[k] for k in typed})
    many = OwnerOfMany(ada, {f"change-{k}": typed[k] for k in typed})
    assert "team" in one.errors
    assert "team" in many.errors


def test_a_private_key_in_the_cell_of_a_certificate_is_named(ada: User) -> None:
    cell = "-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----"
    item = plan(f'Host,Certificate\nwww.example.org,"{cell}"\n', ada, Certificate="certificate").items.get()
    assert item.outcome == ImportItem.Outcome.REFUSED
    assert item.reason == "What should be a certificate is a private key; certdash takes none."
