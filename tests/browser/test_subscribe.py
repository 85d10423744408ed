"""A Subscription is made on the page: by keyboard, with what the hub says of it at each field."""

from __future__ import annotations

import json
import re
from typing import Final
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.async_api import Locator, expect

from hub.core.release import FhirRelease
from tests.browser.chromium import Chromium
from tests.browser.look import PHONE
from tests.browser.window import Window
from tests.journeys.hosting import RunningHub, fresh
from tests.support.endpoints import Endpoint
from tests.support.hostile_text import HOSTILE_TEXTS

TOPIC: Final = "/subscribe#topic=order-placed"


async def tab_to(window: Window, wanted: Locator) -> None:
    """Press Tab until an element has the focus."""
    await expect(wanted).to_be_visible()
    for _ in range(120):
        if await wanted.evaluate("(each) => each === document.activeElement"):
            return
        await window.page.keyboard.press("Tab")
    pytest.fail("the keyboard does not get there")


async def accepted(window: Window, release: FhirRelease) -> None:
    """Wait until a release would accept what is in the fields."""
    sign = window.page.get_by_role("radio", name=re.compile(rf"^{release} "))
    await expect(sign.locator("xpath=..")).to_contain_text("accepted")


async def created(window: Window) -> tuple[str, str]:
    """Return release and id of what was created, once its page is asked for."""
    await window.page.wait_for_url(re.compile(r"/subscriptions/"))
    _, _, release, id = urlsplit(window.page.url).path.split("/")
    return release, id


async def test_a_rest_hook_is_made_with_the_keyboard_only_and_becomes_active(
    hub: RunningHub, chromium: Chromium
) -> None:
    performer = fresh()
    async with (
        Endpoint() as endpoint,
        hub.client(FhirRelease.R4B) as fhir,
        chromium.window(hub.url) as window,
    ):
        keyboard, page = window.page.keyboard, window.page
        await window.open("/subscribe")
        await tab_to(window, page.get_by_label("Topic", exact=True))
        await keyboard.type("Order placed")
        await tab_to(window, page.get_by_label("ServiceRequest?performer", exact=True))
        await keyboard.type(performer)
        await tab_to(window, page.get_by_label("Endpoint", exact=True))
        await keyboard.type(endpoint.url)
        await tab_to(window, page.get_by_role("button", name="Add a header"))
        await keyboard.press("Enter")
        await keyboard.type("X-Key")
        await keyboard.press("Tab")
        await keyboard.type("k1")
        await tab_to(window, page.get_by_role("radio", name=re.compile("^R4 ")))
        await keyboard.press("ArrowRight")
        await accepted(window, FhirRelease.R4B)
        await window.picture("subscribe-filled")
        await window.accessible()
        await tab_to(window, page.get_by_role("button", name="Create in R4B"))
        await keyboard.press("Enter")
        release, id = await created(window)
        assert release == "r4b"
        await fhir.until(id, "active")
        made = await fhir.get(f"Subscription/{id}")
        assert made["channel"]["endpoint"] == endpoint.url
        assert made["channel"]["header"] == ["X-Key: ***"]
        assert ("x-key", "k1") in [
            (name.lower(), value) for name, value in endpoint.received[0].headers
        ]
        assert "k1" not in "\n".join(window.requests)


async def test_a_refusal_stands_at_its_field_with_what_to_do(
    hub: RunningHub, chromium: Chromium
) -> None:
    async with chromium.window(hub.url) as window:
        page = window.page
        await window.open(f"{TOPIC}&release=r5")
        endpoint = page.get_by_label("Endpoint", exact=True)
        about = page.locator("#endpoint-said")
        await expect(about).to_have_text("○ needed")
        await expect(endpoint).not_to_have_attribute("aria-invalid", "true")
        await page.get_by_role("button", name="Create in R5").click()
        await expect(endpoint).to_be_focused()
        await expect(endpoint).to_have_attribute("aria-invalid", "true")
        await endpoint.fill("http://10.0.0.1/hook")
        await expect(about.get_by_role("link")).to_have_attribute(
            "href", "/errors/endpoint-not-allowed"
        )
        await expect(about).to_contain_text("--egress-allow")
        await endpoint.fill("http://127.0.0.1:9/hook")
        await expect(about).to_be_empty()
        code = page.get_by_label("ServiceRequest?code", exact=True)
        await code.fill("http://loinc.org|58410-2")
        refused = page.locator(".filter").filter(has=code).locator(".said")
        await expect(refused).to_contain_text("does not exist in R5")
        await page.get_by_role("radio", name=re.compile("^R4 ")).check()
        await expect(refused).to_be_empty()
        await accepted(window, FhirRelease.R4)
        heartbeat = page.get_by_label("Heartbeat", exact=True)
        await page.get_by_text("Heartbeat, timeout").click()
        await heartbeat.fill("soon")
        await expect(page.locator("#heartbeatPeriod-said")).to_contain_text("number of seconds")
        await window.accessible()


async def test_what_is_shown_is_what_is_copied_and_the_hub_takes_it_in_each_release(
    hub: RunningHub, chromium: Chromium
) -> None:
    link = f"{TOPIC}&endpoint=http://127.0.0.1:9/hook&filter=performer:identifier=s|it's&maxCount=3"
    async with (
        chromium.window(hub.url) as window,
        httpx.AsyncClient(trust_env=False) as http,
    ):
        page = window.page
        await window.open(link)
        await expect(page.get_by_label("ServiceRequest?performer", exact=True)).to_have_value(
            "s|it's"
        )
        for release in FhirRelease:
            panel = page.get_by_role("region", name=release, exact=True)
            await panel.get_by_role("button", name="Copy").first.click()
            copied = await page.evaluate("navigator.clipboard.readText()")
            answer = await http.post(f"{hub.base(release)}/Subscription", json=json.loads(copied))
            assert answer.status_code == 201, answer.text
            await panel.get_by_text("as curl").click()
            await panel.get_by_role("button", name="Copy").last.click()
            command = await page.evaluate("navigator.clipboard.readText()")
            assert command.startswith(f"curl -i '{hub.base(release)}/Subscription'")
            assert "it'\\''s" in command


async def test_a_link_opens_the_fields_again_but_tells_no_value_of_a_header(
    hub: RunningHub, chromium: Chromium
) -> None:
    async with chromium.window(hub.url) as window:
        page = window.page
        await window.open("/subscribe?topic=order-placed&release=r5")
        await page.get_by_label("Endpoint", exact=True).fill("http://127.0.0.1:9/hook")
        row = page.locator(".filter").filter(
            has=page.get_by_label("ServiceRequest?status", exact=True)
        )
        await row.get_by_label("how ServiceRequest?status compares").select_option("not")
        await row.get_by_label("ServiceRequest?status", exact=True).fill("draft")
        await row.get_by_role("button").click()
        second = page.locator(".filter input:focus")
        await second.fill("active,completed")
        await page.get_by_label("how ServiceRequest?patient compares").select_option("missing true")
        await page.get_by_role("button", name="Add a header").click()
        await page.get_by_label("name of header 1").fill("Authorization")
        await page.get_by_label("value of header 1").fill("Bearer s3cret")
        await page.get_by_role("radio", name="full-resource").check()
        text = page.locator("[data-release=r5] pre code").first
        await expect(text).to_contain_text("full-resource")
        await expect(text).to_contain_text("***")
        await expect(page.locator(".forms")).not_to_contain_text("s3cret")
        kept = parse_qs(urlsplit(page.url).fragment)
        assert kept["filter"] == [
            "ServiceRequest?patient:missing=true",
            "ServiceRequest?status:not=draft",
            "ServiceRequest?status=active,completed",
        ]
        assert kept["header"] == ["Authorization"]
        assert "s3cret" not in page.url
        shown = await text.inner_text()
        await page.reload()
        await page.get_by_label("value of header 1").fill("Bearer s3cret")
        await expect(text).to_contain_text("***")
        assert await text.inner_text() == shown


async def test_on_a_phone_one_release_is_shown_at_a_time(
    hub: RunningHub, chromium: Chromium
) -> None:
    async with chromium.window(hub.url, PHONE) as window:
        page = window.page
        await window.open(f"{TOPIC}&endpoint=http://127.0.0.1:9/hook&release=r4b")
        await accepted(window, FhirRelease.R4B)
        await expect(page.get_by_role("region")).to_have_count(1)
        await page.get_by_role("radio", name=re.compile("^R5 ")).check()
        await expect(page.get_by_role("region", name="R5", exact=True)).to_be_visible()
        await expect(page.get_by_role("region")).to_have_count(1)


@pytest.mark.parametrize("text", [HOSTILE_TEXTS[at] for at in (0, 3, 9, 13)])
async def test_what_a_link_says_is_inert(hub: RunningHub, chromium: Chromium, text: str) -> None:
    async with chromium.window(hub.url) as window:
        await window.open("/subscribe")
        await expect(window.page.get_by_role("button", name="Create in R4")).to_be_enabled()
        await window.page.evaluate(
            """(text) => { location.hash = new URLSearchParams({
                 topic: text, endpoint: text, filter: text, header: text, content: text }); }""",
            text,
        )
        await expect(window.page.locator("#about")).to_contain_text("is no active topic")
        await expect(window.page.get_by_label("Endpoint", exact=True)).to_have_value(text.strip())


async def test_tables_are_searched(hub: RunningHub, chromium: Chromium) -> None:
    async with chromium.window(hub.url) as window:
        page = window.page
        for path, words, found in (
            ("/topics", "order placed", "order-placed"),
            ("/errors", "if-match", "version-conflict"),
        ):
            await window.open(path)
            await page.keyboard.press("/")
            await page.keyboard.type(words)
            await expect(page.get_by_role("row").filter(has_text=found)).to_be_visible()
            await expect(page.get_by_role("row").filter(has_text="encounter-end")).to_have_count(0)
            await expect(page.get_by_role("status").first).to_have_text(re.compile(r"^\d+ of \d+$"))
            await page.reload()
            await expect(page.get_by_role("searchbox")).to_have_value(words)
