"""What administrators do in the administration: find among very many, and lead what they tick to the pages that act."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.admin import facts
from accounts.models import AuditEvent, SavedView, Team, User
from alerts.models import Letter, Mailing
from discovery.models import Scan, Source
from discovery.services import default_zone
from inventory.models import OwnershipRule
from policy.models import Finding
from tests.conftest import NOW
from tests.discovery.permitting import permit
from tests.inventory.factories import make_certificate, make_endpoint

pytestmark = pytest.mark.django_db
CERTIFICATES = "/admin/inventory/certificate/"
RULES = "/admin/inventory/ownershiprule/"


def shown(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_the_search_is_that_of_the_lists_with_what_they_leave_out(as_administrator: Client) -> None:
    make_certificate("shop.example.org", names=["shop.example.org", "cart.example.net"])
    make_certificate("old.example.net", retired_at=NOW)
    make_certificate("root.example.net", kind="ca")
    make_endpoint("192.0.2.7", server_name="cart.example.net")
    found = shown(as_administrator.get(f"{CERTIFICATES}?q=example.net"))
    assert "3 certificates" in found
    assert "1 certificate<" in shown(as_administrator.get(f"{CERTIFICATES}?q=cart")).replace(" </p>", "<")
    assert "1 endpoint<" in shown(as_administrator.get("/admin/inventory/endpoint/?q=192.0.2.7")).replace(" </p>", "<")
    assert "0 endpoints<" in shown(as_administrator.get("/admin/inventory/endpoint/?q=nothing")).replace(" </p>", "<")


def test_very_many_are_not_counted_to_the_last(as_administrator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        make_certificate(f"n{number}.example.org")
    monkeypatch.setattr(facts.SomePaginator, "most", 3)
    page = shown(as_administrator.get(CERTIFICATES))
    assert "more than 3 certificates: search or filter" in page
    assert "Show counts" not in page


@pytest.mark.parametrize(("kind", "action"), [("owner", "change_owner"), ("tags", "change_tags"), ("retire", "retire")])
def test_what_is_ticked_goes_to_the_page_that_shows_what_would_change(
    as_administrator: Client, kind: str, action: str
) -> None:
    rows = [make_certificate(f"n{number}.example.org") for number in range(3)]
    ticked = {"action": action, "_selected_action": [rows[0].pk, rows[2].pk]}
    answer = as_administrator.post(CERTIFICATES, ticked)
    assert answer.headers["Location"] == f"/certificates/change/?kind={kind}&pk={rows[0].pk}&pk={rows[2].pk}"
    page = as_administrator.get(answer.headers["Location"])
    assert (page.status_code, page.context["scope"]["pk"]) == (200, [rows[0].pk, rows[2].pk])
    assert page.context["chosen"].words == "2"
    # Nothing has changed yet, so nothing is in the audit.
    assert not AuditEvent.objects.exists()


def test_endpoints_go_there_too_and_too_many_do_not(as_administrator: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [make_endpoint(f"192.0.2.{number}") for number in range(3)]
    ticked = {"action": "change_owner", "_selected_action": [row.pk for row in rows]}
    answer = as_administrator.post("/admin/inventory/endpoint/", ticked)
    assert answer.headers["Location"].startswith("/endpoints/change/?kind=owner&pk=")
    monkeypatch.setattr("inventory.admin.MOST_LED", 2)
    refused = as_administrator.post("/admin/inventory/endpoint/", ticked, follow=True)
    assert "More than 2 are chosen" in shown(refused)


def test_sources_run_from_the_list_and_say_why_not(as_administrator: Client, web_team: Team) -> None:
    permit("127.3.0.0/30", actor=None, now=NOW, allows_special=True)
    given: dict[str, Any] = {"kind": "hosts", "zone": default_zone(), "owner_team": web_team, "created_at": NOW}
    runs = Source.objects.create(name="East", targets="127.3.0.1", **given)
    fails = Source.objects.create(name="West", targets="127.4.0.1", **given)
    ticked = {"action": "run_now", "_selected_action": [runs.pk, fails.pk]}
    page = shown(as_administrator.post("/admin/discovery/source/", ticked, follow=True))
    scan = Scan.objects.get()
    assert scan.source == runs
    assert f'<a href="/discovery/scans/{scan.pk}/">East</a>' in page
    assert "West: " in page
    assert AuditEvent.objects.filter(verb="scan.started").exists()


def test_findings_letters_and_views_are_found_read_and_left_as_they_are(
    as_administrator: Client, administrator: User, web_team: Team
) -> None:
    row = make_certificate("shop.example.org")
    finding = Finding.objects.create(
        rule="expired", certificate=row, severity=4, sentence="It is over.\u202e", opened_at=NOW, confirmed_at=NOW
    )
    mailing = Mailing.objects.create(subject="Renew", message="x", requested_by=administrator, created_at=NOW)
    letter = Letter.objects.create(
        key="k", kind="owners", recipient="ops@example.org", subject="Renew", body="secret words", created_at=NOW,
        next_try_at=NOW, mailing=mailing,
    )  # fmt: skip
    view = SavedView.objects.create(page="certificates", name="Ours", audience="everyone", created_at=NOW)
    SavedView.objects.create(page="certificates", name="Webs", audience="team", team=web_team, created_at=NOW)
    SavedView.objects.create(page="certificates", name="Mine", owner=administrator, created_at=NOW)
    things = {
        f"policy/finding/{finding.pk}": (f"/findings/{finding.pk}/", "/findings/"),
        f"alerts/letter/{letter.pk}": (f"/alerts/letters/{letter.pk}/", "/alerts/letters/"),
        f"alerts/mailing/{mailing.pk}": (f"/certificates/mail/{mailing.pk}/", ""),
        f"accounts/savedview/{view.pk}": (f"/views/{view.pk}/", "/views/"),
    }
    for office, (page, listed) in things.items():
        model = f"/admin/{office.rpartition('/')[0]}/"
        assert f'href="{page}"' in shown(as_administrator.get(model)), office
        detail = shown(as_administrator.get(f"/admin/{office}/change/"))
        assert f'href="{page}"' in detail
        assert "secret words" not in detail
        assert as_administrator.get(page, follow=True).status_code == 200
        assert as_administrator.post(f"/admin/{office}/change/", {"name": "x"}).status_code == 403
        assert not listed or f'href="{model}"' in shown(as_administrator.get(listed)), listed
    views = shown(as_administrator.get("/admin/accounts/savedview/?q=s"))
    assert "Webs" in views
    assert "Mine" not in views
    assert "It is over.‹U+202E›" in shown(as_administrator.get("/admin/policy/finding/?q=expired"))


def test_a_list_asks_the_same_number_of_queries_whatever_stands_in_it(
    as_administrator: Client, django_assert_max_num_queries: DjangoAssertNumQueries, web_team: Team
) -> None:
    for number in range(20):
        make_certificate(f"n{number}.example.org", owner_team=web_team)
    with django_assert_max_num_queries(14):
        as_administrator.get(f"{CERTIFICATES}?q=example.org")


def test_rules_below_one_that_is_deleted_wait_and_one_saved_as_it_was_does_not(as_administrator: Client) -> None:
    team = Team.objects.create(name="Web")
    rules = [
        OwnershipRule.objects.create(name=f"R{n}", position=n, name_pattern=f"{n}.*", team=team, applied_at=NOW)
        for n in (1, 2, 3, 4)
    ]
    page = as_administrator.get(f"{RULES}{rules[0].pk}/change/")
    form = page.context["adminform"].form
    same = {name: form.get_initial_for_field(field, name) or "" for name, field in form.fields.items()}
    assert as_administrator.post(f"{RULES}{rules[0].pk}/change/", same).status_code == 302
    as_administrator.post(f"{RULES}{rules[1].pk}/delete/", {"post": "yes"})
    waiting = OwnershipRule.objects.filter(applied_at=None)
    assert list(waiting.values_list("name", flat=True)) == ["R3", "R4"]
    ticked = {"action": "delete_selected", "_selected_action": [rules[0].pk], "post": "yes"}
    OwnershipRule.objects.update(applied_at=NOW)
    as_administrator.post(RULES, ticked)
    assert not OwnershipRule.objects.exclude(applied_at=None).exists()
    assert set(AuditEvent.objects.values_list("verb", "subject")) == {
        ("ownershiprule.deleted", "R1"),
        ("ownershiprule.deleted", "R2"),
    }
