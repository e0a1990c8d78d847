"""What people do, in a browser: find, read, acknowledge, check, scan, print, invite."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from django.core import mail
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import AuditEvent, Team, User
from inventory.models import Certificate, CertificateDer, Endpoint
from inventory.services.questions import ask_owner
from lab.manifest import Manifest
from policy.models import Finding
from tests.browser.conftest import OpenDesk
from tests.browser.estate import Estate
from tests.browser.worker import working
from tests.conftest import PASSWORD

ANSWER = 5_000  # milliseconds in which "check now" has to answer
REPORT = 60_000
PER_PAGE = 25
SIGN_IN = re.compile("^Sign in$")


@pytest.fixture
def ada(estate: Estate) -> User:
    return estate.people["administrator"]


@pytest.fixture
def worker() -> Iterator[None]:
    with working():
        yield


def rows(page: Page) -> list[str]:
    return page.locator("#results tbody [data-row-link]").all_inner_texts()


def test_signing_in_and_out(estate: Estate, desk: OpenDesk) -> None:
    tab = desk()
    page = tab.open("/certificates/?status=expired")
    assert "/accounts/login/" in page.url
    page.get_by_label("Email").or_(page.get_by_label("E-mail")).fill("olga@example.org")
    page.get_by_label("Password").fill("something else entirely")
    page.locator("main form button[type=submit], form.login button[type=submit]").first.click()
    expect(page.locator("main, body").first).to_contain_text(
        re.compile("not correct|wrong|do not match", re.IGNORECASE)
    )
    page.get_by_label("Password").fill(PASSWORD)
    page.locator("main form button[type=submit], form.login button[type=submit]").first.click()
    expect(page).to_have_url(f"{tab.base}/certificates/?status=expired")

    page.locator("summary[aria-label^='Menu of']").click()
    page.get_by_role("button", name="Sign out").click()
    page.goto(f"{tab.base}/certificates/")
    assert "/accounts/login/" in page.url


def test_back_after_signing_out_shows_nothing(estate: Estate, desk: OpenDesk, ada: User) -> None:
    tab = desk(ada)
    page = tab.open("/certificates/")
    page.context.clear_cookies()
    page.goto(f"{tab.base}/accounts/login/")
    page.go_back()
    expect(page.get_by_label("Password")).to_be_visible()


def test_a_list_narrows_while_typing_and_back_restores_it(estate: Estate, desk: OpenDesk, ada: User) -> None:
    tab = desk(ada)
    page = tab.open("/certificates/")
    everything = rows(page)
    page.locator("#filter-q").press_sequentially("host-07")
    expect(page.locator("#results tbody [data-row-link]")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"q=host-07"))
    expect(page.locator("#announce")).to_contain_text("1 certificates found")
    page.locator("#results [data-row-link]").first.click()
    expect(page.locator("h1")).to_contain_text("host-07")
    page.go_back()
    expect(page.locator("#filter-q")).to_have_value("host-07")
    assert rows(page) == ["host-07.example.org"]
    page.goto(f"{tab.base}/certificates/")
    assert rows(page) == everything


def test_facets_and_chips_say_the_same_as_the_address(estate: Estate, desk: OpenDesk, ada: User) -> None:
    tab = desk(ada)
    page = tab.open("/certificates/")
    page.locator("#facets").get_by_role("link", name=re.compile("^Expired")).click()
    expect(page).to_have_url(re.compile("status=expired"))
    expect(page.locator("#results .chip")).to_contain_text(["Expired"])
    number = len(rows(page))
    assert 0 < number < PER_PAGE
    page.reload()
    assert len(rows(page)) == number
    page.go_back()
    expect(page).to_have_url(f"{tab.base}/certificates/")
    expect(page.locator("#results tbody [data-row-link]")).to_have_count(PER_PAGE)


def test_a_certificate_is_read_tab_by_tab(estate: Estate, desk: OpenDesk, ada: User) -> None:
    tab = desk(ada)
    page = tab.open(f"/certificates/{estate.pks['certificate']}/")
    for title, query in (("Findings", "tab=findings"), ("History", "tab=history"), ("Summary", "")):
        link = page.get_by_role("navigation", name="Sections").get_by_role("link", name=title)
        link.click()
        expect(page).to_have_url(re.compile(f"{query}$"))
        expect(link).to_have_attribute("aria-current", "page")
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("PEM")).first.click()
    text = download.value.path().read_text()
    assert text.startswith("-----BEGIN CERTIFICATE-----")


def test_pasted_pem_finds_its_certificate(estate: Estate, desk: OpenDesk, ada: User) -> None:
    tab = desk(ada)
    page = tab.open("/")
    pem = page.request.get(f"{tab.base}/certificates/{estate.pks['certificate']}/certificate.pem").text()
    page.keyboard.press("/")
    page.locator("#search").fill(pem)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{tab.base}/certificates/{estate.pks['certificate']}/")


def test_a_serial_number_and_a_name_are_searched_everywhere(estate: Estate, desk: OpenDesk, ada: User) -> None:
    tab = desk(ada)
    certificate = CertificateDer.objects.all()[0].certificate
    page = tab.open("/")
    page.locator("#search").fill(certificate.sha256)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{tab.base}/certificates/{certificate.pk}/")
    page.locator("#search").fill("host-1")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("host-10.example.org")


def test_a_hostile_name_is_only_text(estate: Estate, desk: OpenDesk, ada: User) -> None:
    tab = desk(ada)
    page = tab.open(f"/certificates/{estate.pks['hostile']}/")
    expect(page.locator("h1")).to_contain_text("<img src=x onerror=alert(1)>")
    assert page.locator("img[src=x]").count() == 0


def test_a_finding_is_acknowledged(estate: Estate, desk: OpenDesk) -> None:
    tab = desk(estate.people["operator"])
    finding = Finding.objects.get(pk=estate.pks["finding"])
    page = tab.open("/findings/")
    expect(page.locator("tbody tr").first).to_be_visible()
    page = tab.open(f"/findings/{finding.pk}/")
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator("#finding")).to_contain_text("Acknowledged")
    expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
    finding.refresh_from_db()
    assert finding.acknowledged_by == estate.people["operator"]


def test_check_now_answers_on_the_spot(
    estate: Estate, desk: OpenDesk, ada: User, manifest: Manifest, worker: None
) -> None:
    line = next(line for line in manifest.lines if "expired" in line.faults)
    tab = desk(ada)
    page = tab.open("/discovery/check/")
    page.get_by_label("Host and port").fill(f"{line.address}:{line.port}")
    page.get_by_role("button", name="Check now").click()
    expect(page.locator("#scan")).to_contain_text("expired", timeout=ANSWER)
    leaf = Certificate.objects.get(sha256=line.leaf_sha256)
    expect(page.locator("#scan")).to_contain_text(leaf.name)
    expect(page.locator("#scan .pills")).to_contain_text("done")
    assert tab.axe("light") == []


def test_a_check_outside_the_networks_is_refused_in_words(estate: Estate, desk: OpenDesk, ada: User) -> None:
    tab = desk(ada)
    tab.expected.add(422)
    page = tab.open("/discovery/check/?place=192.0.2.1")
    page.get_by_role("button", name="Check now").click()
    expect(page.locator("#place_error, [role=alert], .error").first).to_contain_text("192.0.2.1")


def test_a_scan_of_something_that_is_no_address_is_refused_in_words(estate: Estate, desk: OpenDesk, ada: User) -> None:
    tab = desk(ada)
    tab.expected.add(422)
    page = tab.open("/discovery/scans/new/")
    page.get_by_label("Hosts and networks").fill("-oN x\n$(id)\n127.0.0.1")
    page.get_by_role("button", name="Start the scan").click()
    form = page.locator("main form")
    expect(form).to_contain_text("-oN x")
    expect(form).to_contain_text("$(id)")
    expect(form.locator(".error, .errors, [id$=error]").first).to_contain_text("not an address")
    expect(page.get_by_label("Hosts and networks")).to_have_value(re.compile(r"-oN x"))
    assert tab.axe("light") == []


def test_a_report_is_asked_for_made_and_downloaded(estate: Estate, desk: OpenDesk, ada: User, worker: None) -> None:
    tab = desk(ada)
    page = tab.open("/reports/")
    page.get_by_role("link", name="New report").click()
    page.get_by_label("Scope").fill("status=expired")
    page.get_by_role("button", name="Make the report").click()
    expect(page).to_have_url(re.compile(r"/reports/\d+/$"))
    button = page.get_by_role("link", name=re.compile("Download PDF"))
    expect(button).to_be_visible(timeout=REPORT)
    with page.expect_download() as download:
        button.click()
    assert download.value.path().read_bytes().startswith(b"%PDF-")
    assert download.value.suggested_filename.endswith(".pdf")


def test_the_audit_log_shows_and_checks_what_was_done(estate: Estate, desk: OpenDesk) -> None:
    tab = desk(estate.people["auditor"])
    page = tab.open("/audit/")
    expect(page.locator("main")).to_contain_text("test.<b>markup</b>")
    page.get_by_role("button", name=re.compile("[Cc]heck|[Vv]erify")).first.click()
    expect(page.locator("main")).to_contain_text("matches the copy outside the database")


def test_the_profile_sets_the_theme(estate: Estate, desk: OpenDesk) -> None:
    tab = desk(estate.people["viewer"])
    page = tab.open("/profile/")
    page.locator("#id_theme").select_option("dark")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    assert tab.axe("dark") == []


def test_an_administrator_invites_somebody_who_joins(estate: Estate, desk: OpenDesk, ada: User) -> None:
    tab = desk(ada)
    page = tab.open("/admin/accounts/user/add/")
    page.locator("#id_email").fill("nora@example.org")
    page.locator("#id_role").select_option("viewer")
    page.locator("input[name=_save]").click()
    expect(page.locator(".messagelist")).to_contain_text("An invitation was sent to nora@example.org.")
    link = re.search(r"/invitation/[A-Za-z0-9_-]{43}/", str(mail.outbox[-1].body))
    assert link

    guest = desk()
    joined = guest.open(link[0])
    joined.get_by_label("Password").fill(PASSWORD)
    assert guest.axe("light") == []
    joined.locator("form button[type=submit]").first.click()
    expect(joined).to_have_url(f"{guest.base}/")
    assert AuditEvent.objects.filter(actor__email="nora@example.org").exists()


def test_everything_is_reached_by_keys(estate: Estate, desk: OpenDesk, ada: User) -> None:
    tab = desk(ada)
    page = tab.open("/certificates/")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("j")
    links = page.locator("#results [data-row-link]")
    expect(links.nth(0)).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(links.nth(1)).to_be_focused()
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("jk?")
    expect(page.locator("#search")).to_have_value("jk?")
    page.locator("#search").blur()
    page.keyboard.press("g")
    page.keyboard.press("e")
    expect(page).to_have_url(f"{tab.base}/endpoints/")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/endpoints/\d+/$"))
    assert Endpoint.objects.filter(pk=int(page.url.rstrip("/").rpartition("/")[2])).exists()


def test_keys_can_be_switched_off(estate: Estate, desk: OpenDesk) -> None:
    audrey = estate.people["auditor"]
    User.objects.filter(pk=audrey.pk).update(keyboard_shortcuts=False)
    page = desk(audrey).open("/certificates/")
    page.keyboard.press("?")
    expect(page.locator("#keys")).not_to_be_visible()
    User.objects.filter(pk=audrey.pk).update(keyboard_shortcuts=True)


def test_a_question_is_answered_by_somebody_without_an_account(estate: Estate, desk: OpenDesk, ada: User) -> None:
    """In a browser, because the address is kept from referrers and the form is checked against forgery."""
    row = Certificate.objects.leaves().filter(owner_origin="").order_by("pk")[0]
    team = Team.objects.order_by("pk")[0]
    _question, link = ask_owner(row, "pat@example.net", team, "", actor=ada, now=timezone.now())
    page = desk().open("/" + link.partition("://")[2].partition("/")[2])
    page.get_by_label("Your name").fill("Pat")
    page.get_by_role("button", name="Yes, it is ours").click()
    expect(page.get_by_role("main")).to_contain_text("The certificate belongs to the team from now on.")
    row.refresh_from_db()
    assert row.owner_team == team
