"""The live page when connections, notifications or the hub are lost: no number stays missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import httpx
from playwright.async_api import WebSocketRoute, expect

from hub.core.release import FhirRelease
from tests.browser.chromium import Chromium
from tests.browser.live import LOST, live, numbers, opened, row
from tests.journeys.hosting import Fhir, RunningHub
from tests.support.builders import a_task
from tests.support.processes import HubProcess, a_hub, free_port

R5: Final = FhirRelease.R5


def client(hub: HubProcess) -> Fhir:
    """Return a client; whoever asks for it closes its ``http``."""
    return Fhir(R5, hub.base("r5"), httpx.AsyncClient(trust_env=False))


async def test_a_hub_that_is_killed_and_started_again_leaves_no_gap(
    chromium: Chromium, tmp_path: Path
) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with chromium.window(url, tolerated=LOST) as window:
        async with a_hub(tmp_path, port=port) as hub:
            fhir = client(hub)
            await opened(window, "?release=r5")
            for _ in range(3):
                await fhir.create(a_task())
            await numbers(window, 1, 2, 3)
            await hub.kill()
            banner = window.page.locator("#banner")
            await expect(banner).to_contain_text("reconnecting")
            await expect(window.page.locator("#events")).to_contain_text("connection lost")
            await window.accessible()
        # The page can't reach the hub until it has written what the page is to miss.
        await window.page.context.set_offline(True)
        async with a_hub(tmp_path, port=port) as hub:
            for _ in range(4):
                await fhir.create(a_task())
            await fhir.http.aclose()
            await window.page.context.set_offline(False)
            await live(window)
            await numbers(window, 1, 2, 3, 4, 5, 6, 7)
            await expect(banner).to_be_hidden()
            told = window.page.locator("#events")
            await expect(told).to_contain_text("4 events were missed and are recovered")
            assert [
                await row(window, number).get_attribute("data-recovered") for number in range(1, 8)
            ] == ["false"] * 3 + ["true"] * 4
            await expect(row(window, 4)).to_contain_text("↺ recovered")
            await window.picture("live-recovered")


async def test_a_notification_that_is_lost_is_fetched(hub: RunningHub, chromium: Chromium) -> None:
    async with hub.client(R5) as fhir, chromium.window(hub.url) as window:

        async def lose_the_second(socket: WebSocketRoute) -> None:
            server = socket.connect_to_server()

            def pass_on(text: str | bytes) -> None:
                status = json.loads(text)["entry"][0]["resource"]
                events = status.get("notificationEvent", [])
                if [each["eventNumber"] for each in events] != ["2"]:
                    socket.send(text)

            server.on_message(pass_on)

        await window.page.route_web_socket("**/ws", lose_the_second)
        await opened(window, "?release=r5")
        for number in range(1, 4):
            await fhir.create(a_task())
            if number != 2:
                await expect(row(window, number)).to_be_visible()
        await numbers(window, 1, 2, 3)
        told = window.page.locator("#events")
        await expect(told).to_contain_text("#2 missing; asking $events")
        await expect(row(window, 2)).to_contain_text("↺ recovered")
        assert await row(window, 3).get_attribute("data-recovered") == "false"
