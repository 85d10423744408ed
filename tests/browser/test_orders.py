"""The pages of orders: did the lab get it?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import pytest
from playwright.async_api import expect

from hub.core.release import FhirRelease, Resource
from tests.browser.chromium import Chromium
from tests.browser.look import PHONE
from tests.browser.window import Window
from tests.journeys.hosting import Fhir, RunningHub, fresh, running_hub
from tests.support.builders import a_task
from tests.support.endpoints import Endpoint, Raw, Reply

R4: Final = FhirRelease.R4
DEAD: Final = Raw(b"")
STATED: Final = "secret-note"


@pytest.fixture(scope="module")
def patient_hub() -> Iterator[RunningHub]:
    """Return a hub that goes on trying for as long as the tests take."""
    with running_hub(retry_schedule=(timedelta(milliseconds=300),) * 500) as running:
        yield running


def an_order(**more: Any) -> Resource:
    return {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "subject": {"reference": "Patient/p"},
        "note": [{"text": STATED}],
        **more,
    }


async def placed(fhir: Fhir, owner: str) -> tuple[str, str]:
    """Place an order with a Task and return their references."""
    order = await fhir.create(an_order())
    reference = f"ServiceRequest/{order['id']}"
    task = await fhir.create(a_task(owner) | {"focus": {"reference": reference}})
    return reference, f"Task/{task['id']}"


async def subscribed(fhir: Fhir, endpoint: Endpoint, owner: str) -> str:
    """Let a laboratory subscribe, whose endpoint is dead from then on."""
    endpoint.default = Reply()
    stored = await fhir.subscribed(
        endpoint, topic_name="task-requested", filters=[f"Task?owner={owner}"], reason="The lab"
    )
    endpoint.default = DEAD
    id: str = stored["id"]
    return id


async def test_a_placer_sees_that_the_lab_has_it_not_and_then_that_it_has(
    patient_hub: RunningHub, chromium: Chromium
) -> None:
    owner = fresh()
    async with (
        Endpoint() as endpoint,
        patient_hub.client(R4) as fhir,
        chromium.window(patient_hub.url) as window,
    ):
        await subscribed(fhir, endpoint, owner)
        order, task = await placed(fhir, owner)
        page = window.page
        await window.open(f"/orders/r4/{order}")
        answer = page.locator(".answer")
        await expect(answer).to_contain_text("Not yet: 1 of 1 notification has not arrived")
        await expect(answer).to_contain_text("The lab lacks 1 (it is being tried again)")
        told = page.locator("li.panel").filter(has_text=task.split("-")[0]).locator(".told")
        await expect(told).to_contain_text("retrying since")
        await expect(told).to_contain_text("The lab rest-hook #1")
        nobody = page.locator("li.panel").first.locator(".told")
        await expect(nobody).to_contain_text("nobody matched")
        await expect(page.locator(".lanes .retrying circle")).to_have_count(1)
        await window.picture("order-retrying")
        await window.accessible()
        endpoint.default = Reply()
        await expect(answer).to_contain_text("Yes, everything arrived: 1 notification")
        await expect(told).to_contain_text("delivered")
        await expect(page.locator(".lanes .delivered circle")).to_have_count(1)
        assert str(endpoint.port) not in await page.content()


async def test_the_list_tells_what_is_undelivered_while_somebody_looks(
    patient_hub: RunningHub, chromium: Chromium
) -> None:
    owner = fresh()
    async with (
        Endpoint() as endpoint,
        patient_hub.client(R4) as fhir,
        chromium.window(patient_hub.url) as window,
    ):
        await subscribed(fhir, endpoint, owner)
        await window.open(f"/orders?release=r4&q=owner:{owner}")
        page = window.page
        await expect(page.get_by_text("No order answers this search.")).to_be_visible()
        _, task = await placed(fhir, owner)
        row = page.locator(".orders li")
        await expect(row).to_contain_text("1 not delivered")
        await expect(row).to_contain_text("The lab")
        await expect(row.get_by_role("link")).to_have_attribute("href", f"/orders/r4/{task}")
        endpoint.default = Reply()
        await expect(row).to_contain_text("nothing waits")


async def test_orders_are_found_and_the_search_stays_in_the_address(
    hub: RunningHub, chromium: Chromium
) -> None:
    owner = fresh()
    async with hub.client(R4) as fhir, chromium.window(hub.url) as window:
        order, task = await placed(fhir, owner)
        page = window.page
        await window.open("/orders?release=r4")
        await expect(page.locator(".orders li").first).to_be_visible()
        await page.keyboard.press("/")
        await page.keyboard.type(f"status:requested owner:{owner}")
        await page.keyboard.press("Enter")
        row = page.locator(".orders li")
        await expect(row).to_have_count(1)
        await expect(page).to_have_url(
            f"{hub.url}/orders?release=r4&q=status%3Arequested+owner%3A{owner.replace('/', '%2F')}"
        )
        await page.reload()
        await expect(row).to_have_count(1)
        await page.keyboard.press("j")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_contain_text(task)
        await page.keyboard.press("Escape")
        await expect(page).to_have_url(f"{hub.url}/orders?release=r4")
        await page.locator(f"[data-reference='{order}']").focus()
        await page.keyboard.press("e")
        await expect(page.locator(".answer")).to_contain_text(f"{order}, version 1 (create)")


async def test_a_search_that_is_wrong_is_told(hub: RunningHub, chromium: Chromium) -> None:
    async with chromium.window(hub.url, tolerated=["status of 400"]) as window:
        await window.open("/orders?release=r4&q=ownr:x")
        await expect(window.page.get_by_role("alert")).to_contain_text(
            "has no search parameter 'ownr' in R4"
        )


async def payload_shown(window: Window) -> bool:
    return STATED in await window.page.content()


async def test_what_was_stored_is_hidden_until_somebody_asks(
    hub: RunningHub, chromium: Chromium
) -> None:
    async with hub.client(R4) as fhir, chromium.window(hub.url, PHONE) as window:
        order = await fhir.create(an_order(quantityQuantity={"value": 1}))
        raw = f'{{"resourceType":"ServiceRequest","id":"{order["id"]}","status":"active",'
        raw += '"intent":"order","subject":{"reference":"Patient/p"},'
        raw += f'"note":[{{"text":"{STATED}"}}],"quantityQuantity":{{"value":1.10}}}}'
        answer = await fhir.ask("PUT", f"ServiceRequest/{order['id']}", content=raw.encode())
        assert answer.status_code == 200, answer.text
        await window.open(f"/orders/r4/ServiceRequest/{order['id']}")
        page = window.page
        rows = page.locator("li.panel")
        await expect(rows).to_have_count(2)
        assert not await payload_shown(window)
        await page.keyboard.press("k")
        await page.keyboard.press("Enter")
        await expect(rows.nth(1).locator("pre")).to_contain_text('"value": 1.10')
        assert await payload_shown(window)
        await rows.nth(1).get_by_role("button", name="Hide what was stored").click()
        await expect(page.locator("li.panel pre")).to_have_count(0)
        assert not await payload_shown(window)
        await page.keyboard.press("?")
        await expect(page.get_by_role("dialog")).to_contain_text("explain the change")


async def test_a_long_story_is_scrolled_in_its_picture_alone(
    hub: RunningHub, chromium: Chromium
) -> None:
    async with hub.client(R4) as fhir, chromium.window(hub.url, PHONE) as window:
        task = await fhir.create(a_task(fresh()))
        for number in range(20):
            await fhir.put(task | {"description": str(number)})
        await window.open(f"/orders/r4/Task/{task['id']}")
        region = window.page.get_by_role("region", name="Picture")
        await expect(region).to_be_visible()
        assert await region.evaluate("(each) => each.scrollLeft > 0")
        assert await window.page.evaluate("document.documentElement.scrollWidth") <= PHONE.width
        await window.accessible()
        await window.picture("order-long")
