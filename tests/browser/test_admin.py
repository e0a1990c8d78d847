"""The administration in our frame: accessible, without a word from the policy, in the theme of the dashboard."""

from __future__ import annotations

from playwright.sync_api import Page

from tests.browser.conftest import NARROW, WIDE, OpenDesk
from tests.browser.estate import Estate

PAGES = (
    "/admin/",
    "/admin/accounts/user/",
    "/admin/accounts/user/add/",
    "/admin/accounts/team/",
    "/admin/accounts/team/add/",
    "/admin/accounts/team/import/",
    "/admin/inventory/import/",
    "/admin/accounts/organisation/1/change/",
    "/admin/discovery/network/",
    "/admin/discovery/source/add/",
    "/admin/inventory/certificate/",
    "/admin/inventory/certificate/{certificate}/change/",
)


def test_the_administration_is_accessible_in_light_and_dark(estate: Estate, desk: OpenDesk) -> None:
    found = []
    for width in (WIDE, NARROW):
        tab = desk(estate.people["administrator"], width)
        for path in PAGES:
            tab.open(path.format(**estate.pks))
            found += tab.axe("light") + tab.contrast("dark") + tab.overflow()
    assert not found, "\n".join(found)


def test_a_table_is_looked_at_and_then_imported(estate: Estate, desk: OpenDesk) -> None:
    tab = desk(estate.people["administrator"])
    page = tab.open("/admin/accounts/team/import/")
    table = "name,contact_email\nFar\u00e9,fare@example.org\n<b>Bold</b>,\n"
    page.set_input_files("input[name=file]", {"name": "teams.csv", "mimeType": "text/csv", "buffer": table.encode()})
    page.get_by_role("button", name="Look at it").click()
    page.get_by_role("cell", name="<b>Bold</b>").wait_for()
    found = tab.axe("light") + tab.contrast("dark") + tab.overflow()
    assert not found, "\n".join(found)
    page.get_by_role("button", name="Import").click()
    page.wait_for_url(f"{tab.base}/admin/accounts/team/")
    page.get_by_text("Imported: 2 new, 0 changed, 0 as they were.").wait_for()


def test_it_follows_the_theme_of_the_dashboard_and_leads_back(estate: Estate, desk: OpenDesk) -> None:
    tab = desk(estate.people["administrator"])
    page = tab.open("/profile/")
    page.select_option("select[name=theme]", "dark")
    _save(page)
    page = tab.open("/admin/")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 28)"
    page.get_by_role("link", name="Back to the dashboard").click()
    page.wait_for_url(f"{tab.base}/")


def test_a_theme_chosen_in_the_profile_counts_whatever_the_switch_said(estate: Estate, desk: OpenDesk) -> None:
    tab = desk(estate.people["administrator"])
    page = tab.open("/profile/")
    page.evaluate("localStorage.setItem('certdash.theme', 'light')")
    page.select_option("select[name=theme]", "")
    _save(page)
    page.select_option("select[name=theme]", "dark")
    _save(page)
    page = tab.open("/profile/")
    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"


def _save(page: Page) -> None:
    with page.expect_navigation():
        page.get_by_role("button", name="Save").click()
