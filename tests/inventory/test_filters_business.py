"""Filters of what people and rules say: strict, the same on both lists, and silent about what one may not see."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from accounts.models import Role, Team, User
from inventory import filters
from inventory.models import Certificate, Endpoint, Import, ImportItem, ImportTouch, Origin, OwnershipRule
from tests.conftest import NOW, MakeUser
from tests.inventory.factories import make_certificate, make_endpoint

pytestmark = pytest.mark.django_db
SELECT: dict[str, Any] = {"certificates": filters.certificates, "endpoints": filters.endpoints}


@pytest.fixture(params=list(SELECT))
def asked(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def found(asked: str, query: str, user: User) -> set[str]:
    result = SELECT[asked](query, user, NOW)
    assert not result.errors
    named = {row.name if isinstance(row, Certificate) else row.server_name for row in result.queryset}
    return {name.partition(".")[0] for name in named}


def plant(name: str, **columns: Any) -> tuple[Certificate, Endpoint]:
    place = f"192.0.2.{len(name)}{Endpoint.objects.count()}"
    return make_certificate(f"{name}.example.org", **columns), make_endpoint(
        place, server_name=f"{name}.example.org", **columns
    )


@pytest.fixture
def estate(web_team: Team, operator: User) -> dict[str, Any]:
    rule = OwnershipRule.objects.create(position=1, name="All of the web", team=web_team)
    plant("shop", owner_team=web_team, criticality="critical", application="Shop", purpose="server", exposure="public")
    plant("mine", owner_team=web_team, owner_person=operator, owner_origin=Origin.MANUAL)
    plant("ruled", owner_team=web_team, owner_rule=rule, owner_origin=Origin.RULE)
    plant("field", owner_team=web_team, custom_fields={"room": "4", "4": "numeric", "a__b": 'quote"d', "empty": ""})
    plant("other", owner_team=web_team, custom_fields={"room": "5"})
    return {"rule": rule, "person": operator}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("criticality=critical", "shop"),
        ("criticality=critical&criticality=none", "shop mine ruled field other"),
        ("application=Shop", "shop"),
        ("application=shop", ""),
        ("purpose=server&exposure=public", "shop"),
        ("exposure=internal", ""),
        ("origin=manual", "mine"),
        ("origin=rule&origin=manual", "mine ruled"),
        ("origin=none", "shop field other"),
        ("person=me", "mine"),
        ("custom=room", "field other"),
        ("custom=room%3D4", "field"),
        ("custom=room%3D4&custom=room%3D5", "field other"),
        ("custom=room%3D4&custom=4%3Dnumeric", "field"),
        ("custom=room%3D5&custom=4", ""),
        ('custom=a__b%3Dquote"d', "field"),
        ("custom=empty%3D", "field"),
        ("custom=%24%3D1", ""),
    ],
)
@pytest.mark.usefixtures("estate")
def test_each_parameter_finds_what_it_says(asked: str, query: str, expected: str, operator: User) -> None:
    assert found(asked, query, operator) == set(expected.split())


def test_a_rule_and_a_person_are_found_by_their_keys(asked: str, estate: dict[str, Any], operator: User) -> None:
    assert found(asked, f"rule={estate['rule'].pk}", operator) == {"ruled"}
    assert found(asked, f"person={operator.pk}", operator) == {"mine"}
    chips = SELECT[asked](f"rule={estate['rule'].pk}", operator, NOW).chips
    assert [chip.words for chip in chips if chip.param == "rule"] == ["All of the web"]


@pytest.mark.parametrize(
    "query",
    [
        "criticality=extreme",
        "purpose=",
        "person=eve",
        "person=99999",
        "rule=99999",
        "rule=x",
        "import=99999",
        "origin=god",
    ],
)
@pytest.mark.usefixtures("estate")
def test_what_is_not_known_is_an_error_and_finds_nothing(asked: str, query: str, operator: User) -> None:
    result = SELECT[asked](query, operator, NOW)
    if query.endswith("="):
        assert not result.errors
    else:
        assert list(result.errors) == [query.partition("=")[0]]
        assert not result.queryset.exists()


def test_others_do_not_learn_of_rules_people_and_imports(
    asked: str, estate: dict[str, Any], stranger: User, operator: User
) -> None:
    theirs = Import.objects.create(name="secret.zip", requested_by=operator, created_at=NOW)
    for query in (f"rule={estate['rule'].pk}", f"person={operator.pk}", f"import={theirs.pk}"):
        assert SELECT[asked](query, stranger, NOW).errors


def test_an_import_finds_what_stood_in_it_and_what_it_changed(operator: User, web_team: Team) -> None:
    (stood, _), (changed, place), _apart = (plant(name, owner_team=web_team) for name in ("stood", "changed", "apart"))
    file = Import.objects.create(name="all.csv", requested_by=operator, created_at=NOW)
    ImportItem.objects.create(of=file, position=1, outcome="new", certificate=stood)
    row = ImportItem.objects.create(of=file, position=2, outcome="matched")
    ImportTouch.objects.create(item=row, certificate=changed)
    ImportTouch.objects.create(item=row, endpoint=place)
    assert found("certificates", f"import={file.pk}", operator) == {"stood", "changed"}
    assert found("endpoints", f"import={file.pk}", operator) == {"changed"}


def test_a_colleague_can_be_asked_for_also_without_anything(
    asked: str, web_team: Team, operator: User, make_user: MakeUser
) -> None:
    colleague = make_user("olaf@example.org", Role.OPERATOR, web_team)
    assert found(asked, f"person={colleague.pk}", operator) == set()


@pytest.mark.skipif(connection.vendor != "sqlite", reason="Only SQLite shows its plan in this form.")
def test_fields_of_ones_own_are_looked_into_where_there_are_any(
    asked: str, administrator: User, django_assert_num_queries: Any
) -> None:
    model: Any = {"certificates": Certificate, "endpoints": Endpoint}[asked]
    assert "with_fields" in model.objects.exclude(custom_fields={}).order_by().values("pk").explain()
    with django_assert_num_queries(1):
        SELECT[asked]("custom=room", administrator, NOW)
