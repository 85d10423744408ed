"""The script of the guide for pages, over sockets, where a hub can't do what it usually does."""

from __future__ import annotations

import asyncio
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from hub.guides.guide import HUB, read
from tests.guides.block import blocks
from tests.guides.reader import Reader
from tests.guides.terminal import Terminal


def status(*numbers: int, total: int, kind: str = "event-notification") -> dict[str, Any]:
    """Return a notification Bundle of R5."""
    events = [{"eventNumber": str(n), "focus": {"reference": f"Task/{n}"}} for n in numbers]
    resource = {
        "resourceType": "SubscriptionStatus",
        "type": kind,
        "eventsSinceSubscriptionStart": str(total),
        **({"notificationEvent": events} if events else {}),
    }
    return {"resourceType": "Bundle", "entry": [{"resource": resource}]}


class Desk:
    """Stands in for a hub: what it sends through sockets, and its answers to ``$events``."""

    def __init__(self, sends: list[dict[str, Any]], answers: list[tuple[int, Any]]) -> None:
        self.asked: list[str] = []
        self.bound: list[str] = []
        self.resumed: list[str] = []
        self._sends, self._answers = sends, answers
        self.url = ""

    async def token(self, request: web.Request) -> web.Response:
        """Answer ``$get-ws-binding-token``."""
        self.resumed.append(request.query_string)
        url = f"{self.url.replace('http', 'ws', 1)}/ws"
        token = {"name": "token", "valueString": "t"}
        return web.json_response({"parameter": [token, {"name": "websocket-url", "valueUrl": url}]})

    async def events(self, request: web.Request) -> web.Response:
        """Answer ``$events``, the last answer again and again."""
        self.asked.append(request.query_string)
        code, value = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return web.json_response(value, status=code)

    async def socket(self, request: web.Request) -> web.WebSocketResponse:
        """Send, once somebody has bound."""
        websocket = web.WebSocketResponse()
        await websocket.prepare(request)
        async for message in websocket:
            if message.type is WSMsgType.TEXT:
                self.bound.append(message.data)
                for each in self._sends:
                    await websocket.send_json(each)
        return websocket


async def shown(desk: Desk, folder: Path, count: int) -> list[str]:
    """Return the first lines that the script writes when it meets ``desk``."""
    application = web.Application()
    subscription = "/fhir/r5/Subscription/page"
    application.router.add_get(f"{subscription}/$get-ws-binding-token", desk.token)
    application.router.add_get(f"{subscription}/$events", desk.events)
    application.router.add_get("/ws", desk.socket)
    runner = web.AppRunner(application, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    desk.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        guide = "first-browser-client"
        (script,) = [each for each in blocks(guide, read(guide).text) if each.language == "js"]
        (folder / "page.mjs").write_text(script.content.replace(HUB, desk.url))
        module = resources.files("hub.web").joinpath("static", "subscribe.js")
        (folder / "subscribe.js").write_text(module.read_text())
        environment = Reader.at(folder).environment
        terminal = await Terminal.open("node page.mjs", folder, environment, str)
        try:
            return await terminal.shows([""] * count)
        finally:
            await terminal.close()
    finally:
        await runner.cleanup()


GONE = (410, {"resourceType": "OperationOutcome"})
NONE = (200, status(total=5, kind="query-event"))
BROKEN = (503, {"resourceType": "OperationOutcome"})
GREETING = status(total=0, kind="handshake")
MISSING = "1 5 missing, asking $events"


@pytest.mark.parametrize("answer", [GONE, NONE])
def test_what_is_gone_does_not_stop_the_page(answer: tuple[int, Any], tmp_path: Path) -> None:
    desk = Desk([GREETING, status(6, total=6)], [answer])
    lines = asyncio.run(shown(desk, tmp_path, 4))
    lost = "1 5 no longer kept: read the Tasks anew"
    assert lines == ["live", MISSING, lost, "6 new Task/6"]
    whole = "eventsSinceNumber=1&eventsUntilNumber=5"
    assert desk.asked == ([whole, "eventsUntilNumber=5"] if answer is GONE else [whole])
    assert desk.bound == ["bind-with-token t"]


def test_what_is_left_of_a_gap_is_fetched(tmp_path: Path) -> None:
    desk = Desk([GREETING, status(6, total=6)], [GONE, (200, status(4, 5, total=5))])
    lines = asyncio.run(shown(desk, tmp_path, 6))
    lost = "1 3 no longer kept: read the Tasks anew"
    kept = ["4 recovered Task/4", "5 recovered Task/5", "6 new Task/6"]
    assert lines == ["live", MISSING, lost, *kept]


def test_a_long_gap_is_fetched_page_by_page(tmp_path: Path) -> None:
    pages = [(200, status(1, 2, 3, total=5)), (200, status(4, 5, total=5))]
    desk = Desk([GREETING, status(6, total=6), status(6, total=6)], pages)
    lines = asyncio.run(shown(desk, tmp_path, 8))
    fetched = [f"{n} recovered Task/{n}" for n in range(1, 6)]
    assert lines == ["live", MISSING, *fetched, "6 new Task/6"]
    assert desk.asked == [
        "eventsSinceNumber=1&eventsUntilNumber=5",
        "eventsSinceNumber=4&eventsUntilNumber=5",
    ]


def test_a_hub_that_fails_is_asked_again_over_a_new_socket(tmp_path: Path) -> None:
    pages = [(200, status(1, 2, total=5)), BROKEN, (200, status(3, 4, 5, total=5))]
    desk = Desk([GREETING, status(6, total=6)], pages)
    lines = asyncio.run(shown(desk, tmp_path, 10))
    assert [line for line in lines if "Task/" in line] == [
        *(f"{n} recovered Task/{n}" for n in range(1, 6)),
        "6 new Task/6",
    ]
    assert lines.count("live") == 2
    assert desk.resumed == ["resume-after=0", "resume-after=2"]
    assert len(desk.bound) == 2
