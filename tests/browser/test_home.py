"""The first page, in the browser."""

from __future__ import annotations

from playwright.async_api import expect

from tests.browser.chromium import Chromium
from tests.journeys.hosting import RunningHub


async def test_a_command_is_copied_as_it_is_shown(hub: RunningHub, chromium: Chromium) -> None:
    async with chromium.window(hub.url) as window:
        await window.open("/")
        block = window.page.locator("pre").filter(has_text="curl").first
        command = await block.locator("code").inner_text()
        await block.get_by_role("button", name="Copy").click()
        await expect(block.get_by_role("button", name="Copied")).to_be_visible()
        assert await window.page.evaluate("navigator.clipboard.readText()") == command
