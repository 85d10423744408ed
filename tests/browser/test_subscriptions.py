"""Whoever runs the hub sees what fails, why, and mends it: in the browser, by keyboard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.async_api import Route, expect

from hub.core.release import FhirRelease
from tests.browser.chromium import Chromium
from tests.browser.window import Window
from tests.journeys.hosting import Fhir, RunningHub, fresh, numbers_of, running_hub
from tests.support.builders import a_subscription, a_task
from tests.support.endpoints import Endpoint, Reply

R5 = FhirRelease.R5
DOWN = Reply(503)


@pytest.fixture(scope="module")
def patient() -> Iterator[RunningHub]:
    """Return a hub that tries again only after a while, so that an outage can be looked at."""
    with running_hub(
        retry_schedule=(timedelta(minutes=5),), give_up_after=timedelta(hours=1)
    ) as found:
        yield found


async def subscribed(fhir: Fhir, endpoint: Endpoint, owner: str, name: str) -> str:
    """Create a Subscription to the Tasks of an owner, one event in each notification."""
    found = await fhir.subscribed(endpoint, filters=[f"Task?owner={owner}"], name=name, max_count=1)
    return str(found["id"])


async def happens(fhir: Fhir, owner: str, count: int) -> None:
    for _ in range(count):
        await fhir.create(a_task(owner))


async def test_the_one_that_fails_comes_first_and_opens_by_keyboard(
    patient: RunningHub, chromium: Chromium
) -> None:
    async with (
        patient.client(R5) as fhir,
        Endpoint() as well,
        Endpoint([Reply(200)], default=DOWN) as down,
        chromium.window(patient.url) as window,
    ):
        owner = fresh()
        await subscribed(fhir, well, owner, "Well")
        fails = await subscribed(fhir, down, owner, "Fails")
        await happens(fhir, owner, 1)
        await fhir.until_error(fails)
        await window.open("/subscriptions?release=r5")
        rows = window.page.locator("tbody tr")
        await expect(rows.first).to_contain_text("failing")
        await expect(rows.first).to_contain_text("HTTP 503")
        await expect(window.page.get_by_role("status").first).to_contain_text("1 failing")
        await window.page.keyboard.press("/")
        await window.page.keyboard.type("status:failing fails")
        await expect(rows).to_have_count(1)
        assert "q=status%3Afailing+fails" in window.page.url
        await window.page.keyboard.press("Escape")
        await window.page.keyboard.press("j")
        await expect(window.page.get_by_role("link", name="Fails")).to_be_focused()
        await window.page.keyboard.press("Enter")
        await expect(window.page.get_by_role("heading", level=1)).to_have_text("Fails")
        await window.page.keyboard.press("Escape")
        await expect(window.page.get_by_role("heading", level=1)).to_have_text("Subscriptions")


async def test_a_link_that_changes_while_it_is_pressed_leads_on(
    hub: RunningHub, chromium: Chromium
) -> None:
    async with hub.client(R5) as fhir, chromium.window(hub.url) as window:
        found = await fhir.create(a_subscription(R5, channel="websocket", name="Before"))
        await window.open("/subscriptions?q=Before")
        link = window.page.get_by_role("link", name="Before", exact=True)
        async with window.pressed(link):
            await fhir.put(found | {"name": "Before and after"})
            await window.asked("/subscriptions?q=Before")
            await expect(link).to_be_visible()
        await window.page.wait_for_url(f"**/subscriptions/r5/{found['id']}")


async def test_a_release_that_is_not_told_holds_nothing_up(
    hub: RunningHub, chromium: Chromium
) -> None:
    press = """(each) => each.dispatchEvent(
        new PointerEvent("pointerdown", { bubbles: true, isPrimary: true, button: 0 }))"""
    async with hub.client(R5) as fhir, chromium.window(hub.url) as window:
        found = await fhir.create(a_subscription(R5, channel="websocket", name="One"))
        query = f"/subscriptions?q={found['id']}"
        await window.open(query)
        links = window.page.locator("tbody a")
        await expect(links).to_have_text(["One"])
        await window.page.get_by_label("Release").evaluate(press)
        await fhir.put(found | {"name": "Two"})
        await expect(links).to_have_text(["Two"])
        await links.evaluate(press)
        await fhir.put(found | {"name": "Three"})
        await window.asked(query)
        await expect(links).to_have_text(["Two"])
        await window.page.mouse.move(1, 1)
        await expect(links).to_have_text(["Three"])


async def test_an_outage_is_seen_on_the_number_line(
    patient: RunningHub, chromium: Chromium
) -> None:
    async with (
        patient.client(R5) as fhir,
        Endpoint([Reply(200)] * 3, default=DOWN) as endpoint,
        chromium.window(patient.url) as window,
    ):
        owner = fresh()
        id = await subscribed(fhir, endpoint, owner, "Outage")
        await happens(fhir, owner, 5)
        await fhir.until_error(id)
        await window.open(f"/subscriptions/r5/{id}")
        rows = window.page.get_by_role("table", name="The number line").locator("tbody tr")
        await expect(rows).to_have_count(3)
        for at, (numbers, word) in enumerate(
            (("1 to 2", "delivered"), ("3", "retrying"), ("4 to 5", "pending"))
        ):
            await expect(rows.nth(at).get_by_role("cell").first).to_have_text(numbers)
            await expect(rows.nth(at)).to_contain_text(word)
        picture = window.page.get_by_role("img", name="Numbers 1 to 5")
        await expect(picture).to_have_attribute(
            "aria-label", "Numbers 1 to 5: 1 to 2 delivered, 3 retrying, 4 to 5 pending"
        )
        zoom = rows.first.get_by_role("button", name="Zoom")
        await zoom.focus()
        await happens(fhir, owner, 1)
        await expect(rows.nth(2)).to_contain_text("4 to 6")
        await expect(zoom).to_be_focused()
        await expect(window.page.get_by_role("table", name="Attempts")).to_contain_text("wait")
        await expect(window.page.locator(".note")).to_contain_text("Most likely")
        await window.accessible()


async def test_events_are_replayed_by_keyboard(hub: RunningHub, chromium: Chromium) -> None:
    async with (
        hub.client(R5) as fhir,
        Endpoint() as endpoint,
        chromium.window(hub.url) as window,
    ):
        owner = fresh()
        id = await subscribed(fhir, endpoint, owner, "Replayed")
        await happens(fhir, owner, 3)
        await endpoint.wait_for(4)
        await window.open(f"/subscriptions?q=sub:{id}")
        await expect(window.page.get_by_role("link", name="Replayed")).to_be_visible()
        await window.page.keyboard.press("j")
        await window.page.keyboard.press("r")
        dialog = window.page.get_by_role("dialog", name="Replay events")
        await expect(dialog.get_by_label("From")).to_be_focused()
        await window.page.keyboard.press("ControlOrMeta+a")
        await window.page.keyboard.type("2")
        await window.page.keyboard.press("Enter")
        await expect(window.page.locator("#told")).to_contain_text("event numbers 2 to 3")
        received = await endpoint.wait_for(6)
        assert [numbers_of(json.loads(each.body)) for each in received[4:]] == [[2], [3]]


async def test_one_in_error_is_reactivated_and_becomes_active(
    hub: RunningHub, chromium: Chromium
) -> None:
    async with (
        hub.client(R5) as fhir,
        Endpoint([Reply(404)]) as endpoint,
        chromium.window(hub.url) as window,
    ):
        wanted = a_subscription(R5, endpoint=endpoint.url, name="In error")
        id = (await fhir.create(wanted))["id"]
        await fhir.until(id, "error")
        await window.open(f"/subscriptions/r5/{id}")
        standing = window.page.get_by_role("status").first
        await expect(standing).to_contain_text("error")
        await window.page.get_by_role("button", name="Reactivate").press("Enter")
        await (
            window.page.get_by_role("dialog")
            .get_by_role("button", name="Reactivate")
            .press("Enter")
        )
        await expect(standing).to_contain_text("active")
        await fhir.until(id, "active")
        await window.page.get_by_role("button", name="Switch off").press("Enter")
        await (
            window.page.get_by_role("dialog")
            .get_by_role("button", name="Switch it off")
            .press("Enter")
        )
        await expect(standing).to_contain_text("off")
        await window.page.get_by_role("button", name="Delete").press("Enter")
        await (
            window.page.get_by_role("dialog").get_by_role("button", name="Delete it").press("Enter")
        )
        await expect(window.page).to_have_url(f"{hub.url}/subscriptions")
        assert (await fhir.ask("GET", f"Subscription/{id}")).status_code == 410


async def test_a_change_by_somebody_else_is_not_overwritten(
    hub: RunningHub, chromium: Chromium
) -> None:
    tolerated = ["status of 412"]
    async with (
        hub.client(R5) as fhir,
        Endpoint() as endpoint,
        chromium.window(hub.url, tolerated=tolerated) as window,
    ):
        id = await subscribed(fhir, endpoint, fresh(), "Shared")
        await window.open(f"/subscriptions/r5/{id}")
        await expect(window.page.get_by_role("status").first).to_contain_text("active")
        await still(window)
        stored = await fhir.get(f"Subscription/{id}")
        await fhir.put(stored | {"reason": "another"})
        await window.page.get_by_role("button", name="Switch off").press("Enter")
        dialog = window.page.get_by_role("dialog")
        await dialog.get_by_role("button", name="Switch it off").press("Enter")
        await expect(dialog.locator(".note")).to_contain_text("Read the resource again")
        assert (await fhir.status(id))["status"] == "active"


async def still(window: Window) -> None:
    """Let the page learn nothing new: what it asks is never answered."""
    await window.page.route("**/subscriptions/**", lambda _: None)


async def test_verifying_tells_what_the_endpoint_says(hub: RunningHub, chromium: Chromium) -> None:
    async with (
        hub.client(R5) as fhir,
        Endpoint([Reply(200)], default=Reply(401)) as endpoint,
        chromium.window(hub.url) as window,
    ):
        id = await subscribed(fhir, endpoint, fresh(), "Verified")
        await window.open(f"/subscriptions/r5/{id}")
        await window.page.get_by_role("button", name="Verify endpoint").press("Enter")
        dialog = window.page.get_by_role("dialog")
        await dialog.get_by_role("button", name="Send a handshake").press("Enter")
        for words in ("refused HTTP 401", "credentials or path are wrong", "wait"):
            await expect(dialog).to_contain_text(words)
        await window.accessible()


async def test_it_can_be_created_again_by_what_is_copied(
    hub: RunningHub, chromium: Chromium
) -> None:
    async with (
        hub.client(R5) as fhir,
        Endpoint() as endpoint,
        chromium.window(hub.url) as window,
    ):
        id = (await fhir.subscribed(endpoint, name="It's mine"))["id"]
        await window.open(f"/subscriptions/r5/{id}")
        await window.page.get_by_role("button", name="As JavaScript").press("Enter")
        code = await window.page.get_by_role("dialog").locator("code").inner_text()
        made = await window.page.evaluate(f"(async () => {{ {code}\nreturn id; }})()")
        assert made != id
        again = await fhir.get(f"Subscription/{made}")
        assert (again["name"], again["endpoint"]) == ("It's mine", endpoint.url)
        await window.page.keyboard.press("Escape")
        await window.page.get_by_role("button", name="As curl").press("Enter")
        command = await window.page.get_by_role("dialog").locator("code").inner_text()
        assert "It'\\''s mine" in command and f"'{hub.base(R5)}/Subscription'" in command


async def test_a_million_numbers_are_walked_by_keyboard(
    hub: RunningHub, chromium: Chromium
) -> None:
    async with (
        hub.client(R5) as fhir,
        Endpoint() as endpoint,
        chromium.window(hub.url) as window,
    ):
        id = await subscribed(fhir, endpoint, fresh(), "Long")
        path = f"/subscriptions/r5/{id}"

        async def answer(route: Route) -> None:
            told = await (await route.fetch()).json()
            told["numbers"] = {
                "total": 1_000_000,
                "lowestKept": 400_001,
                "runs": [
                    {"first": 1, "last": 399_990, "state": "delivered"},
                    {"first": 399_991, "last": 400_000, "state": "lost"},
                    {"first": 400_001, "last": 999_999, "state": "delivered"},
                    {"first": 1_000_000, "last": 1_000_000, "state": "retrying"},
                ],
                "segments": [1, 500_001],
            }
            await route.fulfill(body=json.dumps(told), content_type="application/json")

        await window.open("/subscriptions")
        await window.page.route(
            lambda url: url.startswith(hub.url + path),
            lambda route: (
                answer(route) if route.request.resource_type == "fetch" else route.continue_()
            ),
        )
        await window.open(path)
        rows = window.page.get_by_role("table", name="The number line").locator("tbody tr")
        await expect(rows).to_have_count(5)
        await expect(rows.nth(1)).to_contain_text("lost")
        await expect(rows.nth(3)).to_contain_text("gap")
        thin = await window.page.locator("rect.retrying").bounding_box()
        assert thin is not None and thin["width"] >= 3
        await rows.nth(1).get_by_role("button", name="Zoom").press("Enter")
        await expect(rows).to_have_count(1)
        await expect(window.page.locator("svg text")).to_have_text(
            [str(number) for number in range(399_991, 400_001)]
        )
        assert "numbers=399991..400000" in window.page.url
        line = window.page.get_by_role("group", name="Number line")
        await line.press("-")
        await expect(rows).to_have_count(3)
        await line.press("ArrowRight")
        await expect(rows).to_have_count(2)
        await window.page.reload()
        await expect(rows).to_have_count(2)
        await line.press("Home")
        await expect(rows).to_have_count(5)


async def test_a_websocket_is_followed_by_what_is_copied(
    hub: RunningHub, chromium: Chromium
) -> None:
    async with hub.client(R5) as fhir, chromium.window(hub.url) as window:
        owner = fresh()
        wanted = a_subscription(R5, channel="websocket", filters=[f"Task?owner={owner}"])
        id = (await fhir.create(wanted))["id"]
        await window.open(f"/subscriptions/r5/{id}")
        await window.page.get_by_role("button", name="As JavaScript").press("Enter")
        code = await window.page.get_by_role("dialog").locator("code").inner_text()
        static = 'import { subscribe } from "'
        assert code.startswith(static)
        address, _, rest = code.removeprefix(static).partition('";')
        async with window.page.expect_console_message() as told:
            await window.page.evaluate(
                f'(async () => {{ const {{ subscribe }} = await import("{address}");\n{rest}\n}})()'
            )
            await happens(fhir, owner, 1)
        assert (await told.value).text.startswith("1 ")
        standing = window.page.get_by_role("status").first
        await expect(standing).to_contain_text("active")
        await expect(window.page.locator(".figures")).to_contain_text("Bound sockets1")
