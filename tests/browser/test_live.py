"""The live page: what it shows, and how it is read."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

import pytest
from playwright.async_api import expect

from hub.clock import SystemClock
from hub.core.release import FhirRelease
from tests.browser.chromium import Chromium
from tests.browser.live import find, live, numbers, opened, row, rows
from tests.browser.look import LOOKS, Look
from tests.journeys.hosting import Fhir, RunningHub, running_hub
from tests.support.builders import RELEASES, a_patient, a_subscription, a_task, topic
from tests.support.processes import until
from tests.web.clients import CLIENTS, LAB, shown_by, token_of

R4: Final = FhirRelease.R4
REASON: Final = "Live page; ends when it is closed"


async def tasks(fhir: Fhir, count: int) -> None:
    """Create so many Tasks, one after the other."""
    for _ in range(count):
        await fhir.create(a_task())


@pytest.mark.parametrize("release", RELEASES)
async def test_a_change_becomes_a_row_that_says_what_happened(
    hub: RunningHub, chromium: Chromium, release: FhirRelease
) -> None:
    query = f"?release={release.name.lower()}"
    async with hub.client(release) as fhir, chromium.window(hub.url) as window:
        await opened(window, query)
        await expect(window.page.get_by_text("Nothing yet")).to_be_visible()
        task = await fhir.create(a_task())
        reference = f"Task/{task['id']}"
        await expect(row(window, 1)).to_have_attribute("data-reference", reference)
        await expect(row(window, 1)).to_contain_text(re.compile(rf"\+ create{reference}v1#1$"))
        await fhir.put(task | {"status": "accepted"})
        await fhir.delete(reference)
        await expect(row(window, 2)).to_contain_text(f"~ update{reference}v2#2")
        await expect(row(window, 3)).to_contain_text(f"− delete{reference}v3#3")
        assert await row(window, 1).get_attribute("data-recovered") == "false"


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.name)
async def test_the_panel_of_an_event_shows_content_only_when_asked(
    hub: RunningHub, chromium: Chromium, look: Look
) -> None:
    async with hub.client(R4) as fhir, chromium.window(hub.url, look) as window:
        wanted = a_subscription(R4, channel="websocket", reason="Laboratory")
        laboratory = await fhir.create(wanted)
        await opened(window)
        task = await fhir.create(a_task(description="Secret words"))
        await row(window, 1).click()
        panel = window.page.get_by_role("complementary", name="The event")
        await expect(panel.get_by_role("heading", level=2)).to_be_focused()
        await expect(panel.locator(".told .status")).to_have_text("○ waiting")
        await expect(panel.get_by_role("link", name="Laboratory")).to_have_attribute(
            "href", f"/subscriptions/r4/{laboratory['id']}"
        )
        explain = f"/explain?release=r4&reference=Task%2F{task['id']}"
        await expect(panel.get_by_role("link", name="Explain")).to_have_attribute(
            "href", re.compile(re.escape(explain))
        )
        await expect(panel.get_by_role("link", name="What became of it")).to_have_attribute(
            "href", f"/orders/r4/Task/{task['id']}"
        )
        assert "Secret words" not in await window.page.content()
        await panel.get_by_role("button", name="Show content").click()
        await expect(panel.get_by_text("Secret words")).to_be_visible()
        await expect(row(window, 1)).to_contain_text("Laboratory: waiting")
        await window.picture("live-event")
        await window.accessible()
        await window.page.keyboard.press("Escape")
        await expect(panel).to_be_hidden()
        await fhir.delete(f"Subscription/{laboratory['id']}")


async def test_a_row_that_changes_while_it_is_pressed_opens(
    hub: RunningHub, chromium: Chromium
) -> None:
    async with hub.client(R4) as fhir, chromium.window(hub.url) as window:
        wanted = a_subscription(R4, channel="websocket", reason="Before")
        laboratory = await fhir.create(wanted)
        await opened(window)
        await fhir.create(a_task())
        chip = row(window, 1).get_by_text("Before: waiting")
        async with window.pressed(chip):
            await fhir.put(laboratory | {"reason": "After"})
            await window.asked("$trace")
            await expect(chip).to_be_visible()
        await expect(window.page.get_by_role("complementary", name="The event")).to_be_visible()
        await expect(row(window, 1)).to_contain_text("After: waiting")
        await fhir.delete(f"Subscription/{laboratory['id']}")


async def test_the_keyboard_does_it_all(hub: RunningHub, chromium: Chromium) -> None:
    async with hub.client(R4) as fhir, chromium.window(hub.url) as window:
        await opened(window)
        press = window.page.keyboard.press
        await tasks(fhir, 3)
        await numbers(window, 1, 2, 3)
        for key in ("j", "k", "k", "k", "j"):
            await press(key)
        await expect(row(window, 2)).to_be_focused()
        await press("ArrowDown")
        await expect(row(window, 3)).to_be_focused()
        await press("Enter")
        panel = window.page.get_by_role("complementary", name="The event")
        await expect(panel.get_by_text("#3")).to_be_visible()
        await press("Escape")
        await expect(panel).to_be_hidden()
        await press("Escape")
        await live(window)
        await press("/")
        await expect(window.page.get_by_role("searchbox")).to_be_focused()
        await press("Escape")
        await press("?")
        keys = window.page.get_by_role("dialog", name="Keys")
        await expect(keys).to_contain_text("replay")
        await press("Escape")
        await expect(keys).to_be_hidden()
        await press("r")
        asked = window.page.get_by_role("dialog", name="Replay")
        await asked.get_by_label("From number").fill("2")
        await press("Enter")
        await numbers(window, 2, 3)
        await press("k")
        await press("e")
        await window.page.wait_for_url("**/explain?release=r4&reference=Task*")
        await expect(window.page.get_by_role("heading", name="Explain")).to_be_visible()


CLOSED_AND_PRESSED: Final = """() => {
  document.querySelector("dialog").close();
  document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key: "r", bubbles: true }));
}"""
"""A dialog closes, and a key is pressed before another frame is drawn."""


async def test_a_key_pressed_as_the_help_closes_is_no_key_of_the_help(
    hub: RunningHub, chromium: Chromium
) -> None:
    async with chromium.window(hub.url) as window:
        await opened(window)
        await window.page.keyboard.press("?")
        await expect(window.page.get_by_role("dialog", name="Keys")).to_be_visible()
        await window.page.evaluate(CLOSED_AND_PRESSED)
        await expect(window.page.get_by_role("dialog", name="Replay")).to_be_visible()


async def test_a_pause_keeps_the_rows_and_counts_what_is_new(
    hub: RunningHub, chromium: Chromium
) -> None:
    async with hub.client(R4) as fhir, chromium.window(hub.url) as window:
        await opened(window)
        await tasks(fhir, 2)
        await numbers(window, 1, 2)
        await window.page.keyboard.press("Space")
        await expect(window.page.locator("#state")).to_contain_text("paused")
        await tasks(fhir, 2)
        more = window.page.get_by_role("button", name="2 new")
        await expect(more).to_be_visible()
        await numbers(window, 1, 2)
        await window.accessible()
        await window.page.keyboard.press("Space")
        await expect(more).to_be_hidden()
        await numbers(window, 1, 2, 3, 4)


async def test_many_rows_are_few_elements_and_scrolling_up_pauses(
    hub: RunningHub, chromium: Chromium
) -> None:
    async with hub.client(R4) as fhir, chromium.window(hub.url) as window:
        await opened(window)
        entry = {"resource": a_task(), "request": {"method": "POST", "url": "Task"}}
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry] * 300}
        for _ in range(4):
            assert (await fhir.ask("POST", "", bundle)).status_code == 200
        await expect(row(window, 1200)).to_be_in_viewport()
        assert await window.page.locator("#events li").count() < 60
        await expect(row(window, 1200)).to_have_attribute("aria-posinset", "1200")
        await window.page.locator("#stream").hover()
        await window.page.mouse.wheel(0, -5000)
        await expect(row(window, 1200)).to_have_count(0)
        await expect(window.page.locator("#state")).to_contain_text("paused")
        await tasks(fhir, 1)
        await window.page.get_by_role("button", name="1 new").click()
        await expect(row(window, 1201)).to_be_in_viewport()
        await window.page.mouse.wheel(0, -300)
        await expect(window.page.locator("#state")).to_contain_text("paused")
        await window.page.mouse.wheel(0, 3000)
        await live(window)


async def test_the_filter_is_in_the_address_and_says_what_it_can_not_read(
    hub: RunningHub, chromium: Chromium
) -> None:
    async with hub.client(R4) as fhir, chromium.window(hub.url) as window:
        await opened(window, "?q=type:Patient")
        await tasks(fhir, 2)
        await fhir.create(a_patient())
        await numbers(window, 3)
        await find(window, "type:Task #2..")
        await numbers(window, 2)
        assert window.page.url.endswith("/?q=type%3ATask+%232..")
        await window.page.reload()
        await numbers(window, 2)
        await find(window, "colour:red")
        said = window.page.get_by_text("colour: is no field")
        await expect(said).to_be_visible()
        await expect(window.page.get_by_role("searchbox")).to_have_attribute("aria-invalid", "true")
        await numbers(window, 1, 2, 3)
        await find(window, "type:Group")
        await expect(said).to_be_hidden()
        await expect(window.page.get_by_text("None of the 3 events")).to_be_visible()


async def test_deliveries_can_be_searched(hub: RunningHub, chromium: Chromium) -> None:
    async with hub.client(R4) as fhir, chromium.window(hub.url) as window:
        wanted = a_subscription(
            R4, channel="websocket", reason="Ward 3", filters=["Task?owner=Organization/ward3"]
        )
        ward = await fhir.create(wanted)
        await opened(window)
        await fhir.create(a_task("Organization/ward4"))
        await fhir.create(a_task("Organization/ward3"))
        await numbers(window, 1, 2)
        await find(window, "sub:ward status:waiting")
        await numbers(window, 2)
        await find(window, "-sub:ward")
        await numbers(window, 1)
        await fhir.delete(f"Subscription/{ward['id']}")


async def test_a_topic_and_its_filter_are_chosen(hub: RunningHub, chromium: Chromium) -> None:
    refused = ("status of 422", "status of 400")
    async with hub.client(R4) as fhir, chromium.window(hub.url, tolerated=refused) as window:
        await opened(window)
        async with window.page.expect_navigation():
            await window.page.get_by_label("Topic").select_option("Task activity")
        await live(window)
        box = window.page.get_by_label("Its filter")
        async with window.page.expect_navigation():
            await box.fill("Task?owner=Organization/mine")
            await box.press("Enter")
        await live(window)
        await fhir.create(a_patient())
        await fhir.create(a_task("Organization/other"))
        mine = await fhir.create(a_task("Organization/mine"))
        await numbers(window, 1)
        await expect(row(window, 1)).to_have_attribute("data-reference", f"Task/{mine['id']}")
        async with window.page.expect_navigation():
            await box.fill("colour=red")
            await box.press("Enter")
        banner = window.page.locator("#banner")
        await expect(banner).to_contain_text("does not take this page's Subscription")
        await expect(banner).to_contain_text("colour")


async def test_what_to_try_is_shown_at_the_first_visit(hub: RunningHub, chromium: Chromium) -> None:
    async with chromium.window(hub.url) as window:
        await opened(window)
        told = window.page.get_by_role("complementary", name="What to try")
        await expect(told).to_contain_text("curl -s")
        await opened(window)
        await expect(told).to_be_hidden()
        await window.page.get_by_role("button", name="What to try").click()
        await expect(told).to_be_visible()
        await told.get_by_role("button", name="Close").click()
        await expect(told).to_be_hidden()


async def test_a_reload_goes_on_with_the_same_subscription(
    hub: RunningHub, chromium: Chromium
) -> None:
    async with hub.client(R4) as fhir, chromium.window(hub.url) as window:
        await opened(window)
        own = await window.page.locator("#own").inner_text()
        await tasks(fhir, 2)
        await numbers(window, 1, 2)
        await window.open("/guides")

        async def ends_soon() -> bool:
            ending = await fhir.get(own)
            assert ending["reason"] == REASON
            left = datetime.fromisoformat(ending["end"]) - SystemClock().now()
            return left < timedelta(minutes=10)

        await until(ends_soon)
        await tasks(fhir, 1)
        await opened(window)
        await numbers(window, 1, 2, 3)
        assert await window.page.locator("#own").inner_text() == own
        assert [
            await row(window, number).get_attribute("data-recovered") for number in (1, 2, 3)
        ] == ["false", "false", "true"]


async def test_what_a_live_page_left_behind_the_next_one_deletes(
    hub: RunningHub, chromium: Chromium
) -> None:
    async with hub.client(R4) as fhir:
        end = (SystemClock().now() + timedelta(seconds=1)).isoformat()
        subscriptions = [
            await fhir.create(a_subscription(R4, channel="websocket", reason=reason, end=end))
            for reason in (REASON, "Of somebody else")
        ]
        mine, other = (f"Subscription/{each['id']}" for each in subscriptions)
        for each in subscriptions:
            await fhir.until(each["id"], "off")

        async def is_gone() -> bool:
            return (await fhir.ask("GET", mine)).status_code == 410

        async with chromium.window(hub.url) as window:
            await opened(window)
            await until(is_gone)
        assert (await fhir.get(other))["status"] == "off"


async def test_a_hub_that_asks_who_calls_is_told(chromium: Chromium) -> None:
    with running_hub(clients=CLIENTS) as asking:
        async with (
            asking.client(R4) as fhir,
            chromium.window(asking.url, tolerated=("401",)) as seen,
        ):
            fhir.http.headers.update(shown_by(LAB))
            await seen.open("/")
            asked = seen.page.get_by_role("dialog", name="Your token")
            await asked.get_by_label("Token").fill(token_of(LAB))
            await asked.get_by_role("button", name="Use it").click()
            await live(seen)
            await fhir.create(a_task("Organization/lab"))
            await expect(row(seen, 1)).to_contain_text("create")
            own = await fhir.get(await seen.page.locator("#own").inner_text())
            assert own["reason"] == REASON
            assert token_of(LAB) not in await seen.page.content()


async def test_a_subscription_that_somebody_deletes_is_made_anew(
    hub: RunningHub, chromium: Chromium
) -> None:
    gone = ("status of 404", "status of 410", "status of 422")
    async with hub.client(R4) as fhir, chromium.window(hub.url, tolerated=gone) as window:
        await opened(window, f"?topic={topic('task-activity')}")
        await tasks(fhir, 2)
        await numbers(window, 1, 2)
        await fhir.delete(await window.page.locator("#own").inner_text())
        await expect(window.page.get_by_text("a new one counts from #1")).to_be_visible()
        await live(window)
        await tasks(fhir, 1)
        await numbers(window, 1, 2, 1)
        assert await rows(window).count() == 3
