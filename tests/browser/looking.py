"""Looking at pages as people do: in light and dark, on a phone and a wide screen, with their eyes or a screen reader."""

from typing import Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests import polling

Scheme = Literal["light", "dark"]

SCHEMES: tuple[Scheme, ...] = ("light", "dark")
ARE_SEEN = "() => document.images.length > 0 && [...document.images].every(i => i.complete && i.naturalWidth > 0)"
HEAR = """() => new MutationObserver(() => hear(document.querySelector("panel-announcer").textContent))
  .observe(document.querySelector("panel-announcer"), { childList: true })"""


def ensure_accessible(page: Page, where: str = "") -> None:
    """axe finds nothing, and nothing sticks out of the screen."""
    found = Axe().run(page)
    assert found.violations_count == 0, f"{where}: {found.generate_report()}"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{where} is wider than its screen"


def ensure_seen(page: Page) -> None:
    """Every picture of the page is there, and is one."""
    page.wait_for_function(ARE_SEEN)


def hear(page: Page) -> list[str]:
    """What a screen reader says of the page from now on."""
    heard: list[str] = []
    page.expose_function("hear", lambda words: heard.append(words))  # not itself: Playwright marks it
    page.evaluate(HEAR)
    return heard


def ensure_heard(page: Page, heard: list[str], words: str) -> None:
    def has_been() -> bool:
        page.evaluate("true")  # what the page has called meanwhile comes in with the answer
        return words in heard

    polling.until(has_been, 60, what=f"{words!r} is not among {heard}")
