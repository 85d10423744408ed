"""The pages of a demo keep themselves fresh, and leave alone what somebody reads."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.async_api import expect

from hub.web.receptions import Receptions
from tests.browser.chromium import Chromium
from tests.journeys.hosting import RunningHub, running_hub
from tests.web.test_demo import a_demo, a_reception


@pytest.fixture(scope="module")
def received() -> Receptions:
    """Return what the demo's endpoints received."""
    return Receptions()


@pytest.fixture(scope="module")
def demo(received: Receptions) -> Iterator[RunningHub]:
    """Return a hub that is a demo."""
    with running_hub(demo=a_demo(received=received)) as running:
        yield running


async def test_what_comes_is_shown_and_what_is_open_stays(
    demo: RunningHub, received: Receptions, chromium: Chromium
) -> None:
    async with chromium.window(demo.url) as window:
        page = window.page
        await window.open("/demo/receiver")
        await expect(page.get_by_text("None yet")).to_be_visible()
        received.put(a_reception(numbers="#1", focus=["Task/one"]))
        first = page.locator("#request-1")
        await expect(first).to_contain_text("event-notification #1")
        await expect(page.get_by_text("None yet")).to_have_count(0)
        await expect(page.get_by_role("status")).to_have_text("1 new request")
        assert not any("/demo/receiver/1" in url for url in window.requests)
        await first.locator("summary").focus()
        await page.keyboard.press("Enter")
        payload = first.frame_locator("iframe").locator("body")
        await expect(payload).to_contain_text("<script>alert(1)</script>")
        received.put(a_reception(numbers="#2", answered="200"))
        await expect(page.locator("details")).to_have_count(2)
        await expect(page.locator("details").first).to_contain_text("✓ 200")
        await expect(first).to_have_attribute("open", "")
        await expect(first.locator("summary")).to_be_focused()
        await window.accessible()


async def test_what_is_pressed_opens_though_more_comes(
    demo: RunningHub, received: Receptions, chromium: Chromium
) -> None:
    received.put(a_reception(numbers="#3", focus=["Task/pressed"]))
    async with chromium.window(demo.url) as window:
        await window.open("/demo/receiver")
        pressed = window.page.locator("details", has_text="Task/pressed")
        async with window.pressed(pressed.locator("summary")):
            received.put(a_reception(numbers="#4", focus=["Task/more"]))
            await window.asked("/demo/receiver")
        await expect(pressed).to_have_attribute("open", "")
        await expect(window.page.locator("details").first).to_contain_text("Task/more")


async def test_health_is_kept_fresh(demo: RunningHub, chromium: Chromium) -> None:
    async with chromium.window(demo.url) as window:
        await window.open("/health")
        await expect(window.page.locator("#status")).to_contain_text("serving")
        up = window.page.locator("#figures dd").first
        before = await up.inner_text()
        await expect(up).not_to_have_text(before)
