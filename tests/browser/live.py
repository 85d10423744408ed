"""The live page as somebody looks at it."""

from __future__ import annotations

from typing import Final

from playwright.async_api import Locator, expect

from tests.browser.window import Window

LOST: Final = (
    "ERR_CONNECTION",
    "ERR_INTERNET",
    "WebSocket connection to",
    "ERR_INCOMPLETE",
    "ERR_EMPTY",
)
"""What the browser says of a hub that has gone."""


async def opened(window: Window, query: str = "") -> None:
    """Open the page, and wait until it hears of changes."""
    await window.open(f"/{query}")
    await live(window)


async def live(window: Window) -> None:
    """Wait until the page hears of changes."""
    await expect(window.page.locator("#state .well")).to_have_text("● live")


def rows(window: Window) -> Locator:
    """Return the rows of events."""
    return window.page.locator("#events li[data-number]")


def row(window: Window, number: int) -> Locator:
    """Return the row of an event."""
    return window.page.locator(f"#events li[data-number='{number}']")


async def numbers(window: Window, *wanted: int) -> None:
    """Wait until the events that can be seen have these numbers, in this order."""
    await window.until(
        """(wanted) => String(wanted) === String([...document.querySelectorAll(
          "#events li[data-number]")].map(({ dataset }) => dataset.number))""",
        list(wanted),
    )


async def find(window: Window, text: str) -> None:
    """Type into the box that filters the list."""
    await window.page.get_by_role("searchbox", name="Find in the list").fill(text)
