"""Checks of what users perceive: accessibility, widths, loaded images, and announcements of a screen reader."""

from typing import Literal

from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.sync_api import Page

from tests import polling

Scheme = Literal["light", "dark"]

SCHEMES: tuple[Scheme, ...] = ("light", "dark")
RUN_AXE = """axe.run({ resultTypes: ["violations"] }).then(({ violations }) => ({ violations }))"""
"""Without the rules that passed: returning them takes a fifth of the CPU time."""
ARE_LOADED = "() => document.images.length > 0 && [...document.images].every(i => i.complete && i.naturalWidth > 0)"
OBSERVE_ANNOUNCER = """() => new MutationObserver(() => hear(document.querySelector("panel-announcer").textContent))
  .observe(document.querySelector("panel-announcer"), { childList: true })"""


def ensure_accessible(page: Page, name: str = "") -> None:
    """Assert that axe finds no violation, and that the page is no wider than its screen."""
    page.evaluate(AXE_SCRIPT)
    results = AxeResults(page.evaluate(RUN_AXE))
    assert results.violations_count == 0, f"{name}: {results.generate_report()}"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is wider than its screen"


def ensure_images_loaded(page: Page) -> None:
    """Wait until every image of the page is loaded and valid."""
    page.wait_for_function(ARE_LOADED)


def record_announcements(page: Page) -> list[str]:
    """Record what a screen reader announces of the page from now on."""
    announcements: list[str] = []
    page.expose_function("hear", lambda text: announcements.append(text))  # Playwright marks its handlers
    page.evaluate(OBSERVE_ANNOUNCER)
    return announcements


def ensure_announced(page: Page, announcements: list[str], text: str) -> None:
    def is_announced() -> bool:
        page.evaluate("true")  # pending calls from the page arrive with the response
        return text in announcements

    polling.until(is_announced, 60, what=f"{text!r} is not among {announcements}")
