"""Pages of rules: written, moved, looked at before and after, applied, and read by auditors."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import AuditEvent, Organisation, Team, User
from inventory.models import BulkChange, Certificate, OwnershipRule, Tag
from inventory.services import preview_rules, recount
from inventory.services.rules import candidates, previewing
from tests.conftest import NOW
from tests.inventory.factories import make_certificate, make_endpoint

pytestmark = pytest.mark.django_db

LIST, NEW, PREVIEW = "/ownership/rules/", "/ownership/rules/new/", "/ownership/rules/preview/"
EMPTY = dict.fromkeys(
    ["name_pattern", "network", "issuer_pattern", "tag", "source_pattern", "custom_field", "custom_value", "team",
     "environment", "criticality", "application", "version"], "",
)  # fmt: skip


def typed(**columns: Any) -> dict[str, Any]:
    return {**EMPTY, "name": "Web farm", "enabled": "on", **columns}


def words(response: Any) -> str:
    """What the page says, without its messages."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.text.partition("</h1>")[2]).split())


def make(position: int, **columns: Any) -> OwnershipRule:
    return OwnershipRule.objects.create(position=position, **{"name": f"Rule {position}", **columns})


def test_a_rule_is_written_and_applied(as_administrator: Client, web_team: Team) -> None:
    row = make_certificate("shop.web.example.com")
    make_endpoint(certificate=row, server_name="")
    sent = typed(name_pattern="*.web.example.com", team=web_team.pk)
    assert as_administrator.post(NEW, sent).headers["Location"] == LIST
    page = as_administrator.get(LIST).content.decode()
    assert "1 rule was changed since the rules were last applied." in page
    shown = as_administrator.get(PREVIEW).content.decode()
    assert "1 of 1 certificates that were looked at would change." in shown
    assert "Rule “Web farm”: a name fits *.web.example.com" in shown
    as_administrator.post("/ownership/rules/apply/")
    row.refresh_from_db()
    assert (row.owner_team, row.owner_origin) == (web_team, "rule")
    assert row.owner_rule is not None
    assert set(BulkChange.objects.values_list("subject", "status", "changed")) == {
        ("certificates", "done", 1),
        ("endpoints", "done", 1),
    }
    page = as_administrator.get(LIST).content.decode()
    assert "since the rules were last applied" not in page
    assert f"?rule={row.owner_rule_id}" in page
    verbs = set(AuditEvent.objects.values_list("verb", flat=True))
    assert {"ownershiprule.created", "certificates.changed_in_bulk", "endpoints.changed_in_bulk"} <= verbs


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"team": "1"}, "Give at least one condition."),
        ({"name_pattern": "*"}, "Choose at least one thing that the rule sets."),
        ({"network": "10.0.0.1/8", "environment": "test"}, "is no network such as 10.0.0.0/8"),
        ({"name_pattern": "bü*.example", "environment": "test"}, "No name fits “bü*”"),
        ({"custom_value": "x", "environment": "test"}, "Say which field this value stands in."),
        ({"tag": "a b", "environment": "test"}, "is no tag"),
        ({"name_pattern": "a\u202eb", "environment": "test"}, "has characters that nobody sees"),
    ],
)
def test_what_says_nothing_is_refused(as_administrator: Client, columns: dict[str, str], sentence: str) -> None:
    columns = {"environment": "test"} | columns if "team" in columns else columns
    columns.pop("team", None)
    response = as_administrator.post(NEW, typed(**columns))
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert not OwnershipRule.objects.exists()


def test_a_rule_is_looked_at_before_it_is_kept(as_administrator: Client, web_team: Team) -> None:
    make_certificate("shop.web.example.com")
    make_certificate("other.example.net")
    sent = typed(name_pattern="*.web.example.com", team=web_team.pk, preview="1")
    whole = as_administrator.post(NEW, sent).content.decode()
    assert "<h1" in whole
    assert "1 of 1 certificates that were looked at would change." in whole
    part = as_administrator.post(NEW, sent, headers={"HX-Request": "true"}).content.decode()
    assert part.strip().startswith('<section id="preview"')
    assert "nobody → <b>Web</b>" in part
    refused = as_administrator.post(NEW, typed(preview="1"), headers={"HX-Request": "true"})
    assert refused.status_code == 422
    assert "nothing was looked at" in refused.content.decode()
    assert not OwnershipRule.objects.exists()


def test_two_people_do_not_overwrite_each_other(as_administrator: Client, web_team: Team) -> None:
    row = make(1, name="Web farm", name_pattern="*.a.example", team=web_team)
    page = as_administrator.get(f"{LIST}{row.pk}/")
    version = page.context["form"].initial["version"]
    sent = typed(name_pattern="*.b.example", team=web_team.pk, version=version)
    assert as_administrator.post(f"{LIST}{row.pk}/", sent).status_code == 302
    late = as_administrator.post(f"{LIST}{row.pk}/", sent | {"name_pattern": "*.c.example"})
    assert late.status_code == 422
    assert "it is now: *.b.example" in late.content.decode()
    row.refresh_from_db()
    assert row.name_pattern == "*.b.example"
    fresh = late.context["form"].data["version"]
    assert as_administrator.post(f"{LIST}{row.pk}/", sent | {"version": fresh}).status_code == 302


def test_rules_change_places_without_javascript(as_administrator: Client, web_team: Team) -> None:
    first, second, third = (make(1, tag=f"t{n}", name=f"R{n}", team=web_team, applied_at=NOW) for n in range(3))
    assert as_administrator.post(f"{LIST}{third.pk}/move/", {"to": "up"}).status_code == 302
    assert list(OwnershipRule.objects.all()) == [first, third, second]
    as_administrator.post(f"{LIST}{third.pk}/move/", {"to": "up"})
    as_administrator.post(f"{LIST}{third.pk}/move/", {"to": "up"})  # at the end it stays
    assert list(OwnershipRule.objects.all()) == [third, first, second]
    assert AuditEvent.objects.filter(verb="ownershiprule.moved").count() == 2
    as_administrator.post(f"{LIST}{third.pk}/delete/")
    assert list(OwnershipRule.objects.all()) == [first, second]


def test_a_removed_rule_falls_back_when_rules_are_applied(as_administrator: Client, web_team: Team) -> None:
    row = make_certificate()
    made = make(1, name_pattern="*", team=web_team, environment="test")
    as_administrator.post("/ownership/rules/apply/")
    assert "1 certificates and 0 endpoints have their owner from it." in words(
        as_administrator.get(f"{LIST}{made.pk}/")
    )
    as_administrator.post(f"{LIST}{made.pk}/delete/")
    left = words(as_administrator.get(LIST))
    assert "“Rule 1” was removed" in left
    assert "When it went, 1 certificates and 0 endpoints had their owner from it. It set environment" in left
    shown = as_administrator.get(PREVIEW).content.decode()
    assert "no rule decides it any more" in shown
    as_administrator.post("/ownership/rules/apply/")
    row.refresh_from_db()
    assert (row.owner_team, row.owner_origin, row.environment, row.ruled) == (None, "", "", {})
    assert "was removed" not in words(as_administrator.get(LIST))


def test_an_auditor_reads_and_changes_nothing(
    client: Client, organisation: Organisation, auditor: User, web_team: Team
) -> None:
    row = make(1, name="Web farm", tag="shop", team=web_team)
    client.force_login(auditor)
    page = client.get(f"{LIST}{row.pk}/").content.decode()
    assert "Save rule" not in page
    assert "disabled" in page
    assert "Apply the rules" not in client.get(PREVIEW).content.decode()
    assert client.post(f"{LIST}{row.pk}/", typed(tag="x", team=web_team.pk)).status_code == 403


def test_one_rule_is_asked_at_its_place(administrator: User, web_team: Team, other_team: Team) -> None:
    make_certificate("a.example.org")
    make(1, name_pattern="a.example.org", team=web_team)
    late = OwnershipRule(name="late", name_pattern="*.example.org", team=other_team)
    assert preview_rules(late, administrator).certificates.changing == 0
    early = OwnershipRule.objects.get()
    early.team = other_team
    line = preview_rules(early, administrator).certificates.lines[0]
    assert line.changes == [("team", "nobody", "Payments")]
    early.enabled = False
    assert preview_rules(early, administrator).changing == 0


@pytest.mark.parametrize(
    "columns",
    [
        {"name_pattern": "shop.example.org"}, {"name_pattern": "*.example.org"}, {"network": "192.0.2.0/24"},
        {"issuer_pattern": "shop ca*"}, {"tag": "shop"}, {"source_pattern": "*"}, {"custom_field": "room"},
    ],
)  # fmt: skip
def test_what_a_rule_may_be_about_is_found(administrator: User, web_team: Team, columns: dict[str, str]) -> None:
    row = make_certificate("shop.example.org", issuer="Shop CA", custom_fields={"room": "1"})
    node = make_endpoint("192.0.2.7", certificate=row, server_name="shop.example.org", custom_fields={"room": "1"})
    for thing in (row, node):
        thing.tags.add(Tag.objects.get_or_create(name="shop")[0])
        thing.sightings.create(source_kind="hosts", source_name="x", first_at=NOW, last_at=NOW)
    found = preview_rules(OwnershipRule(name="x", team=web_team, enabled=True, **columns), administrator)
    assert (found.certificates.changing, found.endpoints.changing) == (1, 1)
    assert not found.certificates.is_sample


def test_more_than_can_be_looked_at_is_called_a_sample(
    as_administrator: Client, administrator: User, web_team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previewing, "LOOKED_AT_MOST", 3)
    monkeypatch.setattr(previewing, "FOUND_AT_MOST", 6)
    monkeypatch.setattr(candidates, "FOUND_AT_MOST", 6)
    for n in range(8):
        make_certificate(f"{n}.example.org")
    one = preview_rules(OwnershipRule(name="x", name_pattern="*.example.org", team=web_team), administrator)
    side = one.certificates
    assert (side.changing, side.looked_at, side.candidates, side.is_sample, side.is_more) == (3, 3, 6, True, True)
    make(1, name_pattern="*", team=web_team)
    recount()
    side = preview_rules(None, administrator).certificates
    assert (side.looked_at, side.candidates, side.is_sample, side.percent) == (3, None, True, 100)
    page = as_administrator.get(PREVIEW).text
    assert "This is a sample: 3 of 8 were looked at" in " ".join(page.split())
    assert Certificate.objects.filter(owner_team=None).count() == 8


def test_pages_say_which_rule_said_it(as_administrator: Client, operator: User, web_team: Team) -> None:
    certificate = make_certificate("shop.web.example.com")
    endpoint = make_endpoint(certificate=certificate)
    made = make(1, name="Web farm", name_pattern="*.web.example.com", team=web_team, environment="test")
    as_administrator.post("/ownership/rules/apply/")
    urls = [f"/certificates/{certificate.pk}/", f"/endpoints/{endpoint.pk}/"]
    for url in urls:
        page = as_administrator.get(url).content.decode()
        assert page.count(f'by rule <a href="{LIST}{made.pk}/">Web farm</a>') == 2
        assert "Rule “Web farm”: a name fits *.web.example.com" in page
    as_administrator.force_login(operator)
    for url in urls:
        page = as_administrator.get(url).content.decode()
        assert page.count("by rule “Web farm”") == 2
        assert LIST not in page
