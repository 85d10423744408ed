"""One sitting without a mouse: subscribe, trigger, see why, replay."""

from __future__ import annotations

import json
import re

from playwright.async_api import expect

from hub.core.release import FhirRelease
from tests.browser.chromium import Chromium
from tests.browser.test_subscribe import accepted, created, tab_to
from tests.journeys.hosting import RunningHub, fresh, numbers_of
from tests.support.builders import a_task
from tests.support.endpoints import Endpoint

R4 = FhirRelease.R4


async def test_subscribe_trigger_explain_and_replay_by_keyboard_only(
    hub: RunningHub, chromium: Chromium
) -> None:
    owner = fresh()
    async with (
        Endpoint() as endpoint,
        hub.client(R4) as fhir,
        chromium.window(hub.url) as window,
    ):
        page, keyboard = window.page, window.page.keyboard
        await window.open("/subscribe")
        await tab_to(window, page.get_by_label("Topic", exact=True))
        await keyboard.type("Task requested")
        await tab_to(window, page.get_by_label("Task?owner", exact=True))
        await keyboard.type(owner)
        await tab_to(window, page.get_by_label("Endpoint", exact=True))
        await keyboard.type(endpoint.url)
        await accepted(window, R4)
        await keyboard.press("Control+Enter")
        release, id = await created(window)
        assert release == "r4"
        await fhir.until(id, "active")

        task = (await fhir.create(a_task(owner)))["id"]
        _, event = await endpoint.wait_for(2)
        assert numbers_of(json.loads(event.body)) == [1]
        delivered = page.get_by_role("row", name=re.compile("^1 1 delivered"))
        await expect(delivered).to_be_visible()

        await keyboard.press("e")
        await page.wait_for_url(re.compile(rf"/explain\?.*subscription={id}"))
        await expect(page.get_by_label("Resource", exact=True)).to_be_visible()
        await keyboard.press("/")
        await keyboard.type(f"Task/{task}")
        await keyboard.press("Enter")
        await expect(page.locator(".answer")).to_contain_text(f"Subscription/{id} is told of it")

        await window.open(f"/subscriptions/r4/{id}")
        await expect(delivered).to_be_visible()
        await keyboard.press("r")
        dialog = page.get_by_role("dialog", name="Replay events")
        await expect(dialog.get_by_label("From")).to_be_focused()
        await keyboard.press("Enter")
        *_, again = await endpoint.wait_for(3)
        assert numbers_of(json.loads(again.body)) == [1]
