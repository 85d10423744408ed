"""A page of another origin hears of changes through the hub's module."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from playwright.async_api import Page, expect

from hub.core.release import FhirRelease
from tests.browser.chromium import Chromium
from tests.browser.serving import serving
from tests.journeys.hosting import running_hub
from tests.support.builders import a_subscription, a_task
from tests.support.processes import HubProcess, a_hub, free_port, session

R5: Final = FhirRelease.R5
PAGE: Final = """<ol></ol><script type="module">
const hub = new URLSearchParams(location.search).get("hub");
const list = document.querySelector("ol");
const say = (words) => {
  list.append(Object.assign(document.createElement("li"), { textContent: words }));
};
try {
  const { subscribe } = await import(`${hub}/static/subscribe.js`);
  subscribe(`${hub}/fhir/r5/Subscription/page`, {
    after: 0,
    onState: ({ state }) => say(state),
    onEvent: ({ number, focus }) => say(`${number} ${focus.split("/").slice(-2).join("/")}`),
    onGap: ({ first, last }) => say(`gap ${first} to ${last}`),
  });
} catch { say("no module"); }
</script>"""
LOST: Final = ("ERR_CONNECTION", "WebSocket connection to", "ERR_INCOMPLETE", "ERR_EMPTY")
"""What the browser says of a hub that has gone."""


async def put(hub: HubProcess, resource: dict[str, Any]) -> None:
    """Write a resource to the base of R5."""
    url = f"{hub.base('r5')}/{resource['resourceType']}/{resource['id']}"
    headers = {"content-type": "application/fhir+json"}
    async with session() as http, http.put(url, json=resource, headers=headers) as answer:
        assert answer.status in (200, 201), await answer.text()


async def told(page: Page, *lines: str) -> None:
    """Wait until the page has said all this, in this order."""
    await expect(page.get_by_role("listitem")).to_have_text(list(lines))


async def test_fifteen_lines_in_a_page_of_another_origin_follow_a_hub_that_is_killed(
    chromium: Chromium, tmp_path: Path
) -> None:
    port = free_port()
    async with serving(PAGE) as url:
        options = (f"--cors-origin={url}",)
        page_of_it = f"/?hub=http://127.0.0.1:{port}"
        other = f"http://127.0.0.1:{port}"
        async with chromium.window(url, origins=(other,), tolerated=LOST) as window:
            async with a_hub(tmp_path, *options, port=port) as hub:
                await put(hub, a_subscription(R5, id="page", channel="websocket", endpoint=None))
                await put(hub, a_task(id="one"))
                await window.open(page_of_it)
                await told(window.page, "connecting", "live", "1 Task/one")
                await put(hub, a_task(id="two"))
                await told(window.page, "connecting", "live", "1 Task/one", "2 Task/two")
            await expect(window.page.get_by_text("waiting").first).to_be_visible()
            async with a_hub(tmp_path, *options, port=port) as hub:
                await put(hub, a_task(id="three"))
                await expect(window.page.get_by_text("3 Task/three")).to_be_visible()
            said = await window.page.get_by_role("listitem").all_inner_texts()
    events = [each for each in said if each[0].isdecimal()]
    assert events == ["1 Task/one", "2 Task/two", "3 Task/three"]
    assert not any("gap" in each for each in said)


async def test_a_page_that_the_hub_does_not_let_in_hears_nothing(chromium: Chromium) -> None:
    with running_hub(cors_origins=("https://app.example.org",)) as hub:
        refused = ("CORS policy", "ERR_FAILED")
        async with (
            serving(PAGE) as url,
            chromium.window(url, origins=(hub.url,), tolerated=refused) as window,
        ):
            await window.open(f"/?hub={hub.url}")
            await told(window.page, "no module")
