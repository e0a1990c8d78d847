"""Every page, light and dark, wide and narrow: accessible, without a word from the policy, and never too wide."""

from __future__ import annotations

from collections.abc import Iterator

from tests.browser.conftest import HEIGHT, NARROW, NARROWEST, WIDE, OpenDesk
from tests.browser.desk import Desk
from tests.browser.estate import Estate

PAGES = (
    "/",
    "/?scope=mine",
    "/certificates/",
    "/certificates/?status=expired&team=web",
    "/certificates/?q=nothing-is-called-so",
    "/certificates/{certificate}/",
    "/certificates/{hostile}/",
    "/certificates/{certificate}/?tab=findings",
    "/certificates/{certificate}/?tab=history",
    "/certificates/{certificate}/owner/",
    "/certificates/{certificate}/details/",
    "/endpoints/",
    "/endpoints/{endpoint}/",
    "/endpoints/{endpoint}/owner/",
    "/endpoints/{endpoint}/details/",
    "/endpoints/{endpoint}/?tab=history",
    "/domains/",
    "/domains/{domain}/",
    "/calendar/",
    "/calendar/?quarter=2026-Q4&scope=all",
    "/calendar/feeds/",
    "/certificates/compare/?a={certificate}&b={hostile}",
    "/certificates/?columns=environment&columns=key&columns=first_seen",
    "/certificates/change/?team=web",
    "/certificates/import/",
    "/certificates/mail/?team=web",
    "/certificates/{certificate}/told/",
    "/views/",
    "/ownership/",
    "/ownership/ask/{certificate}/",
    "/ownership/rules/",
    "/ownership/rules/new/",
    "/ownership/rules/preview/",
    "/alerts/letters/",
    "/alerts/daily/",
    "/issuers/",
    "/issuers/{issuer}/",
    "/search/?q=example",
    "/reports/schedules/new/",
    "/discovery/",
    "/discovery/scans/{scan}/",
    "/discovery/scans/new/",
    "/discovery/check/",
    "/discovery/sources/new/",
    "/discovery/sources/{source}/",
    "/discovery/coverage/",
    "/discovery/open-ports/",
    "/discovery/networks/",
    "/discovery/networks/new/",
    "/findings/",
    "/findings/{finding}/",
    "/reports/",
    "/reports/new/",
    "/reports/{report}/",
    "/reports/{report}/preview/",
    "/audit/",
    "/profile/",
    "/accounts/2fa/",
    "/accounts/sessions/",
    "/accounts/password/change/",
)
OPEN_PAGES = (
    "/yours/no-such-token/",
    "/accounts/login/",
    "/accounts/password/reset/",
    "/accounts/signup/",
    "/invitation/",
    "/nothing/here/",
)
STATUS = {"/yours/no-such-token/": 404, "/invitation/": 404, "/nothing/here/": 404}


def test_wide_pages_are_accessible_in_light_and_dark(estate: Estate, desk: OpenDesk) -> None:
    found = []
    for tab in _every_page(estate, desk, WIDE):
        found += tab.axe("light") + tab.contrast("dark") + tab.overflow()
    assert not found, "\n".join(found)


def test_narrow_pages_are_accessible_and_fit_into_320_points(estate: Estate, desk: OpenDesk) -> None:
    found = []
    for tab in _every_page(estate, desk, NARROW):
        found += tab.axe("dark") + tab.overflow()
        tab.page.set_viewport_size({"width": NARROWEST, "height": HEIGHT})
        found += tab.overflow()
        tab.page.set_viewport_size({"width": NARROW, "height": HEIGHT})
    assert not found, "\n".join(found)


def _every_page(estate: Estate, desk: OpenDesk, width: int) -> Iterator[Desk]:
    signed_in, anybody = desk(estate.people["administrator"], width), desk(None, width)
    for path in PAGES:
        signed_in.open(path.format(**estate.pks))
        yield signed_in
    for path in OPEN_PAGES:
        anybody.open(path, STATUS.get(path, 200))
        yield anybody


def test_a_printed_page_has_no_navigation(estate: Estate, desk: OpenDesk) -> None:
    tab = desk(estate.people["administrator"])
    for path in ("/", "/certificates/", "/certificates/{certificate}/", "/endpoints/{endpoint}/", "/domains/{domain}/"):
        page = tab.open(path.format(**estate.pks))
        page.emulate_media(media="print")
        for hidden in (
            "#rail",
            ".topbar .searchbox",
            ".topbar .btn",
            ".tabs",
            ".skip",
            ".viewline",
            ".cell-tick",
            "main .btn",
        ):
            shown = [one for one in page.locator(hidden).all() if one.is_visible()]
            assert not shown, f"{path}: {hidden}"
        assert page.locator("h1").is_visible()
        page.emulate_media(media="screen")


def test_axe_would_notice(estate: Estate, desk: OpenDesk) -> None:
    tab = desk(estate.people["administrator"])
    page = tab.open("/profile/")
    page.evaluate("""() => {
      document.querySelector("main").insertAdjacentHTML("beforeend", '<img src="data:,"><p id="pale">pale</p>');
      document.querySelector("#pale").style.color = "rgb(128, 128, 128)";
    }""")
    assert "image-alt" in " ".join(tab.axe("light"))
    assert "#pale" in " ".join(tab.contrast("light") + tab.contrast("dark"))
