"""Parts of a page that refresh themselves while somebody uses them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import User
from certdash.lib.work import WorkStatus
from discovery.models import Scan
from discovery.services import Ask, delete_network, start_scan
from tests.browser.conftest import OpenDesk
from tests.browser.estate import Estate
from tests.discovery.permitting import permit


@pytest.fixture
def ada(estate: Estate) -> User:
    return estate.people["administrator"]


@pytest.fixture
def open_scan(ada: User) -> Iterator[Scan]:
    """A scan that nobody works on: it stays open until somebody cancels it."""
    scan = start_scan(Ask("127.0.0.1", ports="9"), actor=ada, now=timezone.now())
    yield scan
    Scan.objects.filter(pk=scan.pk).update(status=WorkStatus.CANCELLED)


def test_a_scan_is_cancelled_though_its_page_was_refreshed_under_the_question(
    desk: OpenDesk, ada: User, open_scan: Scan
) -> None:
    page = desk(ada).open(f"/discovery/scans/{open_scan.pk}/")
    page.locator("#cancel-scan").click()
    before = page.locator("#scan").element_handle()
    for _again in range(2):
        page.wait_for_function("old => !old.isConnected", arg=before)
        before = page.locator("#scan").element_handle()
    page.wait_for_timeout(3000)
    page.locator("#confirm [data-confirm-go]").click()
    expect(page.locator("#scan .pills")).to_contain_text("cancelled")
    expect(page.locator("#cancel-scan")).to_have_count(0)
    open_scan.refresh_from_db()
    assert open_scan.status == WorkStatus.CANCELLED


def test_a_question_that_is_declined_cancels_nothing(desk: OpenDesk, ada: User, open_scan: Scan) -> None:
    page = desk(ada).open(f"/discovery/scans/{open_scan.pk}/")
    page.locator("#cancel-scan").click()
    before = page.locator("#scan").element_handle()
    page.wait_for_function("old => !old.isConnected", arg=before)
    page.locator("#confirm").get_by_role("button", name="Go on scanning").click()
    expect(page.locator("#confirm")).not_to_be_visible()
    open_scan.refresh_from_db()
    assert open_scan.is_open


@pytest.fixture
def long_row(ada: User) -> Iterator[str]:
    network = permit("127.100.100.128/25", actor=ada, now=timezone.now(), allows_special=True, name="Lab " * 20)
    yield network.cidr
    delete_network(network, actor=ada, now=timezone.now())


def test_a_network_stands_in_one_piece_where_other_columns_are_long(desk: OpenDesk, ada: User, long_row: str) -> None:
    page = desk(ada, 760).open("/discovery/networks/")
    lines = page.get_by_text(long_row, exact=True).evaluate("shown => shown.getClientRects().length")
    assert lines == 1


def test_help_opens_on_the_overview(desk: OpenDesk, ada: User) -> None:
    page = desk(ada).open("/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Help and keys")).to_be_visible()
