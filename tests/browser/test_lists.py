"""Lists in a browser: tick, change all that match, take it back, keep a view, change an owner in its row."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from inventory.models import BulkChange, Certificate
from tests.browser.conftest import NARROW, OpenDesk
from tests.browser.estate import Estate

DONE = re.compile(r"/changes/\d+/$")


def change_all(page: Page, field: str, tag: str) -> None:
    """Tick the first row with the keyboard, choose all that match, and change their tags."""
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.locator(".bulkbar [name=scope]").check()
    page.locator(".bulkbar").get_by_role("button", name="Tags").click()
    page.get_by_label(field).fill(tag)
    page.get_by_role("button", name="Show what would change").click()
    page.get_by_role("button", name=re.compile("^Change ")).click()
    expect(page).to_have_url(DONE)


def test_all_that_match_are_tagged_and_the_tag_is_taken_back(estate: Estate, desk: OpenDesk) -> None:
    tab = desk(estate.people["administrator"])
    page = tab.open("/certificates/")
    expect(page.locator(".bulkbar")).to_be_hidden()
    change_all(page, "Add tags", "journey")
    work = BulkChange.objects.latest("pk")
    assert 0 < work.changed == Certificate.objects.filter(tags__name="journey").count()
    page = tab.open("/certificates/?tag=journey")
    change_all(page, "Remove tags", "journey")
    assert not Certificate.objects.filter(tags__name="journey").exists()


def test_a_view_is_kept_and_the_owner_of_a_row_is_changed_in_place(estate: Estate, desk: OpenDesk) -> None:
    tab = desk(estate.people["administrator"])
    page = tab.open("/certificates/?status=expired")
    page.locator("summary", has_text="Save this view").click()
    page.locator(".view-menu[open]").get_by_label("Name").fill("Expired ones")
    page.get_by_role("button", name="Save view").click()
    expect(page.locator("summary", has_text="Expired ones")).to_be_visible()
    expect(page).to_have_url(re.compile(r"status=expired&view=\d+"))
    page.keyboard.press("j")
    first = page.locator("#results [data-row-link]").first
    page.keyboard.press("e")
    expect(page.locator("#modal form")).to_be_visible()
    assert page.evaluate("document.activeElement.closest('#modal') !== null")
    page.keyboard.press("Escape")
    expect(first).to_be_focused()
    page.keyboard.press("e")
    expect(page.locator("#modal form")).to_be_visible()
    page.locator("#modal").get_by_label("Reason").fill("a journey")
    page.get_by_role("button", name="Save owner").click()
    expect(page.locator("#modal [role=status]")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#modal")).to_be_hidden()
    expect(first).to_be_focused()


def test_rows_are_ticked_on_a_phone(estate: Estate, desk: OpenDesk) -> None:
    page = desk(estate.people["administrator"], width=NARROW).open("/certificates/")
    tick = page.locator("[data-tick]").first
    expect(tick).to_be_hidden()
    page.get_by_label("Select several").check()
    tick.check()
    page.locator(".bulkbar").get_by_role("button", name="Owner", exact=True).click()
    expect(page.locator("h1")).to_contain_text("Change 1 certificates")
