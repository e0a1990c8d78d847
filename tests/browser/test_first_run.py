"""From the one-time link to the first certificates, as somebody who has just started certdash."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from django.utils import timezone
from playwright.sync_api import expect

from accounts.services import issue_setup_link
from inventory.models import Certificate
from lab.manifest import Manifest
from tests.browser.conftest import OpenDesk
from tests.browser.desk import Desk
from tests.browser.worker import working
from tests.conftest import PASSWORD

FOUND = 60_000  # milliseconds for the whole first scan, which takes two seconds on an idle machine


def test_from_the_link_to_the_first_certificates(database: None, desk: OpenDesk, manifest: Manifest) -> None:
    tab = desk()
    tab.open("/")
    assert tab.page.url == f"{tab.base}/setup/"
    become_administrator(tab)
    name_the_organisation(tab)
    allow_networks(tab)
    with working():
        scan(tab, [f"{line.address}:{line.port}" for line in manifest.lines])
    unnamed = {line.leaf_sha256 for line in manifest.lines if line.leaf_sha256}
    assert unnamed == set(Certificate.objects.leaves().values_list("sha256", flat=True))

    first = tab.page.locator("#scan [data-row-link]").first
    name = first.inner_text()
    first.click()
    expect(tab.page.locator("h1")).to_contain_text(name)


def become_administrator(tab: Desk) -> None:
    page = tab.open(urlsplit(issue_setup_link(timezone.now())).path)
    page.locator("#id_email").fill("ada@example.org")
    page.locator("#id_name").fill("Ada")
    page.locator("#id_password").fill(PASSWORD)
    assert tab.axe("light") == []
    page.get_by_role("button", name="Create the administrator").click()


def name_the_organisation(tab: Desk) -> None:
    page = tab.page
    page.locator("#id_name").fill("Example Group")
    page.locator("#id_timezone").select_option("Europe/Zurich")
    assert tab.axe("light") == []
    page.get_by_role("button", name="Save and go on").click()


def allow_networks(tab: Desk) -> None:
    page = tab.page
    tab.expected.add(422)
    expect(page.locator("h1")).to_have_text(re.compile("What may be scanned"))
    networks = page.get_by_label("Networks that may be scanned")
    networks.fill("127.0.0.0/8\n-oN x")
    page.get_by_role("button", name="Save and go on").click()
    expect(page.locator("form.form")).to_contain_text("127.0.0.0/8 is a loopback network")
    expect(page.locator("form.form")).to_contain_text("-oN x")
    assert tab.axe("light") == []
    networks.fill("127.0.0.0/8")
    page.get_by_label("Loopback and link-local networks in this list are meant").check()
    page.get_by_role("button", name="Save and go on").click()


def scan(tab: Desk, places: list[str]) -> None:
    page = tab.page
    expect(page.locator("h1")).to_have_text(re.compile("The first scan"))
    page.get_by_label("Look at").fill("\n".join(places))
    assert tab.axe("light") == []
    page.get_by_role("button", name="Start the first scan").click()
    expect(page).to_have_url(re.compile(r"/discovery/scans/\d+/$"))
    expect(page.locator("#scan .pills")).to_contain_text("done", timeout=FOUND)
    assert tab.axe("light") == []
