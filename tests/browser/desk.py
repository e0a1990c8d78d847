"""One browser tab that is watched: nothing may be refused by the policy, fail in a script or leave this machine."""

from __future__ import annotations

import re
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Page, Request, Response

# The policy's own word on it, whatever the console says.
VIOLATIONS = """document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`CSP: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));"""
SCRIPT = Axe().axe_script
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
REFUSED = re.compile(r"Failed to load resource: the server responded with a status of (\d+)")


class Desk:
    """``expected`` are statuses that a journey provokes on purpose."""

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.base = base
        self.expected: set[int] = set()
        self.faults: list[str] = []
        page.add_init_script(VIOLATIONS)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        page.on("request", self._request)
        page.on("response", self._response)

    def open(self, path: str, status: int = 200) -> Page:
        self.expected.add(status)
        response = self.page.goto(f"{self.base}{path}")
        assert response is not None
        assert response.status == status, f"{path}: {response.status}"
        return self.page

    def axe(self, theme: str) -> list[str]:
        """What axe finds against WCAG 2.2, levels A and AA, in this theme."""
        self.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        return self._axe({"type": "tag", "values": LEVELS}, theme)

    def contrast(self, theme: str) -> list[str]:
        """The one question whose answer depends on the theme."""
        self.page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        return self._axe({"type": "rule", "values": ["color-contrast"]}, theme)

    def _axe(self, rules: dict[str, Any], theme: str) -> list[str]:
        # Without preload: it copies style sheets into the page, which the policy refuses.
        options = {"runOnly": rules, "preload": False, "resultTypes": ["violations"]}
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(SCRIPT)
        found: dict[str, Any] = self.page.evaluate("options => axe.run(document, options)", options)
        return [
            f"{self._where()} ({theme}): {violation['id']}: {' '.join(map(str, node['target']))}: "
            f"{node['failureSummary']}"
            for violation in found["violations"]
            for node in violation["nodes"]
        ]

    def overflow(self) -> list[str]:
        """Whether the page is wider than its window, and what sticks out."""
        found: list[str] = self.page.evaluate(
            """() => document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll("main *")]
              .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
              .slice(0, 3).map((one) => one.outerHTML.slice(0, 120))"""
        )
        wide = self.page.evaluate("document.documentElement.scrollWidth > innerWidth")
        return [f"{self._where()} is wider than its window: {found}"] if wide else []

    def _where(self) -> str:
        return self.page.url.removeprefix(self.base)

    def _console(self, message: ConsoleMessage) -> None:
        refused = REFUSED.match(message.text)
        if refused and int(refused[1]) in self.expected:
            return
        if message.type in {"error", "warning"}:
            self.faults.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.base, "data:", "blob:")):
            self.faults.append(f"asked another server: {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.expected:
            self.faults.append(f"{response.status}: {response.request.method} {response.url}")
