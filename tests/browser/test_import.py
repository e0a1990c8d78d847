"""A spreadsheet of 500 rows, in a browser: its columns, what would change, storing, the list, taking it back."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import Organisation, Role, Team, User
from inventory.models import Endpoint, Import
from tests.browser.conftest import NARROW, OpenDesk
from tests.browser.desk import Desk
from tests.browser.worker import working
from tests.conftest import PASSWORD
from tests.inventory.factories import make_certificate, make_endpoint

ROWS, KNOWN = 500, 20


@pytest.fixture
def ada(database: None) -> User:
    now = timezone.now() - timedelta(hours=1)
    Organisation.objects.create(pk=1, name="Example Group", set_up_at=now)
    Team.objects.create(name="Web", slug="web")
    for number in range(KNOWN):
        host = f"host-{number:03}.example.org"
        make_endpoint(f"127.0.0.{number + 1}", 443, host, certificate=make_certificate(host, now=now), now=now)
    return User.objects.create_user("ada@example.org", PASSWORD, role=Role.ADMINISTRATOR)


def test_a_spreadsheet_becomes_owners_and_is_taken_back(desk: OpenDesk, ada: User) -> None:
    lines = "".join(f"host-{number:03}.example.org;443;Web;prod;R{number}\n" for number in range(ROWS))
    table = ("Hostname;Port;Team;Environment;Rack\n" + lines + ";;Web;prod;none\n").encode()

    tab = desk(ada)
    page = tab.open("/certificates/")
    with working():
        page.get_by_role("link", name="Import").last.click()
        page.get_by_label("Files").set_input_files({"name": "estate.csv", "mimeType": "text/csv", "buffer": table})
        page.get_by_role("button", name="Read it").click()
        page.get_by_label("Rack").select_option("A field of its own")
        assert tab.axe("light") == []
        page.get_by_role("button", name="Show what would change").click()
        expect(page.locator("main")).to_contain_text("480 places of this file are not known yet.")
        page.get_by_role("link", name=re.compile("^Refused")).click()
        expect(page.locator("#items")).to_contain_text("It names no host")
        assert tab.axe("dark") == []
        _choose_again(tab)
        page.get_by_role("button", name="Apply the rows").click()
        expect(page.get_by_role("button", name="Take back")).to_be_visible()
        assert Endpoint.objects.filter(owner_team__slug="web").count() == KNOWN
        page.goto(f"{tab.base}/certificates/?team=web")
        expect(page.locator("#results tbody [data-row-link]")).to_have_count(KNOWN)

        page.goto(f"{tab.base}/certificates/import/{Import.objects.get().pk}/")
        page.get_by_role("button", name="Take back").click()
        page.get_by_role("button", name="Take it back").click()
        expect(page.locator("main")).to_contain_text("It was taken back.")
    assert not Endpoint.objects.filter(owner_team__slug="web").exists()

    small = desk(ada, width=NARROW)
    for path in ("/certificates/import/", f"/certificates/import/{Import.objects.get().pk}/"):
        wide = small.open(path).evaluate("document.documentElement.scrollWidth")
        assert wide <= NARROW, f"{path} is {wide} px wide"


def _choose_again(tab: Desk) -> None:
    """See what rows change, go back to the columns and on again."""
    page = tab.page
    page.get_by_role("link", name=re.compile("^Rows that match")).click()
    expect(page.locator("#items ins").first).to_have_text("Web")
    assert tab.axe("light") == []
    page.get_by_role("button", name="Change the columns").click()
    expect(page.get_by_label("Rack")).to_have_value("custom:")
    page.get_by_role("button", name="Show what would change").click()
