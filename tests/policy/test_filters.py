"""What a link to the list of findings means, and what it must not tell."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Organisation, Team, User
from inventory.filters import base
from inventory.filters.facets import Facet, Option
from policy.models import Finding
from tests.conftest import NOW
from tests.inventory.factories import make_certificate

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def set_up(organisation: Organisation) -> None:
    """Without an organisation every page leads to the first run."""


def find(team: Team | None = None, rule: str = "weak_key") -> Finding:
    certificate = make_certificate(owner_team=team)
    return Finding.objects.create(
        rule=rule, severity=3, certificate=certificate, sentence="It is so.", opened_at=NOW, confirmed_at=NOW
    )


def facet(client: Client, param: str, query: str = "") -> Facet:
    facets: list[Facet] = client.get(f"/findings/?{query}").context["facets"]
    return next(facet for facet in facets if facet.param == param)


@pytest.mark.parametrize(
    "query", ["sevrity=3", "status=expired", "%00=1", "a b=1", "state=open&state=any", "team=%00", "rule=%00"]
)
def test_a_parameter_that_is_not_understood_is_an_error_and_matches_nothing(
    query: str, client: Client, auditor: User
) -> None:
    find()
    client.force_login(auditor)
    answer = client.get(f"/findings/?{query}")
    assert not answer.context["rows"]
    assert 'class="error"' in answer.text


def test_the_sentence_names_the_parameter(client: Client, auditor: User) -> None:
    client.force_login(auditor)
    assert "sevrity: no such filter" in client.get("/findings/?sevrity=3").text


def test_blank_parameters_are_left_out_as_in_every_list(client: Client, auditor: User) -> None:
    find()
    client.force_login(auditor)
    assert len(client.get("/findings/?team=&state=&rule=&other=").context["rows"]) == 1


def test_the_name_of_a_team_is_told_only_to_who_may_know_it(
    client: Client, viewer: User, auditor: User, web_team: Team, other_team: Team
) -> None:
    find(web_team), find(other_team)
    client.force_login(viewer)
    answer = client.get(f"/findings/?team={other_team.slug}")
    assert f"“{other_team.slug}” is not known" in answer.text
    assert other_team.name not in answer.text
    assert [option.value for option in facet(client, "team").options] == [web_team.slug]
    client.force_login(auditor)
    assert len(client.get(f"/findings/?team={other_team.slug}").context["rows"]) == 1


def test_the_facet_of_owners_does_not_grow_with_the_number_of_teams(client: Client, auditor: User) -> None:
    teams = [Team.objects.create(slug=f"t{n:02}", name=f"Team {n}") for n in range(20)]
    for team in teams:
        find(team)
    find(teams[7])
    client.force_login(auditor)
    values = facet(client, "team").options
    assert len(values) == 8
    assert values[0] == Option("t07", "Team 7", 2, chosen=False, query="team=t07")
    chosen = facet(client, "team", "team=t19").options
    assert [option.value for option in chosen if option.chosen] == ["t19"]


def test_over_the_limit_nothing_is_counted(client: Client, auditor: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "MOST_COUNTED", 2)
    for _ in range(3):
        find()
    client.force_login(auditor)
    with CaptureQueriesContext(connection) as captured:
        found = facet(client, "rule")
    assert {option.count for option in found.options} == {None}
    assert [query["sql"] for query in captured if "GROUP BY" in query["sql"] and "rule" in query["sql"]] == []
