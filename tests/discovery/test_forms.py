"""What people type about where to look, before any service sees it."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Team, User
from discovery.forms import NetworkForm, NetworksForm, ScanForm, SourceForm, add_problems
from discovery.models import Source
from discovery.services import Ask, ScanRefusedError, default_zone
from discovery.services.plans import read_ask

pytestmark = pytest.mark.django_db
SCAN = {"targets": "10.0.0.1", "ports": "443", "engine": "own", "rate_limit": "500"}
SPECIAL = ["127.0.0.1", "127.0.0.0/8", "169.254.169.254", "169.254.0.0/16", "::1", "fe80::/64"]


def network(data: dict[str, str]) -> NetworkForm:
    return NetworkForm({"owner_team": _team(), **data})


def _team() -> int:
    return Team.objects.get_or_create(slug="house", defaults={"name": "House"})[0].pk


def source(user: User, **changes: Any) -> SourceForm:
    data = {
        "name": "Web", "kind": "hosts", "targets": "10.0.0.1", "ports": "443", "every_seconds": "86400",
        "rate_limit": "500", "engine": "own", "zone": default_zone().pk, "owner_team": _team(), **changes,
    }  # fmt: skip
    return SourceForm(data, instance=Source(), user=user)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("name", "We\u202eb"),
        ("name", "We\u200bb"),
        ("targets", "10.0.0.1\n" * 20_001),
        ("targets", "a" * 1_000_001),
        ("server_names", "a.example " * 201),
        ("exclusions", "10.0.0.1\n" * 2_500),
        ("ports", "443," * 80),
    ],
)
def test_a_source_takes_no_more_than_a_page_can_show(administrator: User, field: str, text: str) -> None:
    form = source(administrator, **{field: text})
    assert list(form.errors) == [field]


@pytest.mark.django_db
def test_the_name_of_a_network_is_one_line() -> None:
    form = network({"network": "10.0.0.0/8", "name": "a\u2028b"})
    assert "has characters that nobody sees" in form.errors["name"][0]


def test_a_scan_is_asked_as_typed() -> None:
    form = ScanForm({**SCAN, "targets": "10.0.0.1\nwww.example.org", "exclusions": "10.0.0.9"})
    assert form.is_valid()
    ask = form.ask()
    assert (ask.targets, ask.exclusions, ask.rate_limit) == ("10.0.0.1\nwww.example.org", "10.0.0.9", 500)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("targets", ""),
        ("ports", ""),
        ("engine", "wget"),
        ("rate_limit", "0"),
        ("rate_limit", "10001"),
        ("ports", "1" * 301),
    ],
)
def test_what_no_scan_can_be_is_said_beside_its_field(field: str, value: str) -> None:
    form = ScanForm({**SCAN, field: value})
    assert not form.is_valid()
    assert set(form.errors) == {field}


def test_each_problem_of_a_service_becomes_a_sentence_beside_the_targets() -> None:
    form = ScanForm({**SCAN, "targets": "-oN x\n$(id)\n10.0.0.1"})
    assert form.is_valid()
    with pytest.raises(ScanRefusedError) as refused:
        read_ask(Ask(form.cleaned_data["targets"]))
    add_problems(form, refused.value.problems)
    sentences = form.errors["targets"]
    assert any("-oN" in sentence for sentence in sentences)
    assert any("$(id)" in sentence for sentence in sentences)


@pytest.mark.parametrize("cidr", SPECIAL)
def test_a_special_network_must_be_meant(cidr: str) -> None:
    form = network({"network": cidr})
    assert not form.is_valid()
    assert "confirm below" in form.errors["network"][0]
    assert network({"network": cidr, "allows_special": "on"}).is_valid()
    assert network({"network": cidr, "is_excluded": "on"}).is_valid()


@pytest.mark.parametrize(
    ("cidr", "count"),
    [
        ("0.0.0.0/0", "4,294,967,296"),
        ("172.0.0.0/11", "2,097,152"),
        ("8.0.0.0-11.255.255.255", "67,108,864"),
        ("::/0", "about 10^38"),
        ("2001:db8::/39", "about 10^26"),
    ],
)
def test_a_very_wide_network_must_be_meant(cidr: str, count: str) -> None:
    said = f"{cidr} has {count} addresses: tick “A very wide network is meant”"
    form, several = network({"network": cidr}), NetworksForm({"networks": f"10.0.0.0/8\n{cidr}"})
    assert [str(error).startswith(said) for error in form.errors["network"]] == [True]
    assert [str(error).startswith(said) for error in several.errors["networks"]] == [True]
    meant = network({"network": cidr, "is_wide": "on"})
    assert meant.is_valid()
    assert "is_wide" not in meant.cleaned_data
    assert network({"network": cidr, "is_excluded": "on"}).is_valid()
    assert NetworksForm({"networks": cidr, "is_wide": "on"}).is_valid()


@pytest.mark.parametrize("cidr", ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "2001:db8::/40"])
def test_what_whole_companies_use_is_not_asked_twice(cidr: str) -> None:
    assert network({"network": cidr}).is_valid()
    assert NetworksForm({"networks": cidr}).is_valid()


@pytest.mark.parametrize("cidr", ["www.example.org", "10.0.0.0/33", "-oN x", "$(id)", "10.0.0.9-10.0.0.5", "<b>"])
def test_what_is_no_network_is_refused(cidr: str) -> None:
    form = network({"network": cidr})
    assert not form.is_valid()
    assert set(form.errors) == {"network"}


def test_several_networks_are_read_line_by_line_and_every_fault_is_told() -> None:
    assert NetworksForm({"networks": "10.0.0.0/8\n\n 192.0.2.0/24, 2001:db8::/48 "}).is_valid()
    form = NetworksForm({"networks": "10.0.0.0/8\n$(id)\n127.0.0.0/8"})
    assert not form.is_valid()
    assert len(form.errors["networks"]) == 2
    assert "tick the box" in form.errors["networks"][1]


def test_a_list_of_special_networks_is_taken_when_it_is_meant() -> None:
    form = NetworksForm({"networks": "127.0.0.0/8, ::1", "allows_special": "on"})
    assert form.is_valid()
    assert form.cleaned_data["networks"] == ["127.0.0.0/8", "::1"]


@pytest.mark.parametrize("given", [{"quiet_from": "08:00"}, {"quiet_until": "18:00"}])
def test_quiet_hours_need_both_ends(given: dict[str, str], administrator: User) -> None:
    form = source(administrator, **given)
    assert not form.is_valid()
    assert "Quiet hours need a begin and an end" in str(form.errors)


def test_an_operator_owns_what_they_add(operator: User, web_team: Team, other_team: Team) -> None:
    assert source(operator, owner_team=web_team.pk).is_valid()
    for owner in (other_team.pk, ""):
        form = source(operator, owner_team=owner)
        assert not form.is_valid()
        assert set(form.errors) == {"owner_team"}


def test_everything_that_finds_something_has_an_owner(administrator: User, other_team: Team) -> None:
    assert source(administrator, owner_team=other_team.pk).is_valid()
    for form in (source(administrator, owner_team=""), network({"network": "10.0.0.0/8", "owner_team": ""})):
        assert "Choose the team that owns what is found" in form.errors["owner_team"][0]
    for said in ({"is_excluded": "on"}, {"purpose": "acme"}):
        assert network({"network": "10.0.0.0/8", "owner_team": "", **said}).is_valid()


@pytest.mark.parametrize("seconds", ["1", "0", "-86400", "soon"])
def test_a_source_repeats_only_as_often_as_offered(seconds: str, administrator: User) -> None:
    assert "every_seconds" in source(administrator, every_seconds=seconds).errors
