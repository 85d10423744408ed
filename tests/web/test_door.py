"""What a hub answers before it is ready."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import httpx
from starlette.responses import PlainTextResponse
from starlette.types import Message

from hub.web.door import Door


@dataclass
class Work:
    done: int = 200
    total: int = 1000


async def asked(door: Door, *paths: str) -> list[httpx.Response]:
    transport = httpx.ASGITransport(door)
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as http:
        return [await http.get(path) for path in paths]


def test_a_shut_door_tells_how_far_the_index_is() -> None:
    health, readiness, home = asyncio.run(asked(Door(Work()), "/healthz", "/readyz", "/"))
    assert (health.status_code, health.json()["status"]) == (200, "ok")
    assert (readiness.status_code, readiness.json()["status"]) == (503, "not ready")
    assert (home.status_code, home.json()["status"]) == (503, "indexing")
    for each in (health, readiness, home):
        assert each.json()["indexing"] == {"done": 200, "total": 1000}
    assert readiness.headers["retry-after"] == home.headers["retry-after"] == "5"


def test_everything_else_is_told_to_come_again_until_the_door_opens() -> None:
    async def scenario() -> None:
        door = Door(Work())
        (answer,) = await asked(door, "/fhir/r4/Task?status=ready")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert answer.json()["issue"][0]["code"] == "transient"
        door.open(PlainTextResponse("open"))
        (answer,) = await asked(door, "/fhir/r4/Task?status=ready")
        assert answer.text == "open"

    asyncio.run(scenario())


def test_a_websocket_is_refused() -> None:
    async def scenario() -> list[Message]:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "websocket.connect"}

        await Door(Work())({"type": "websocket", "path": "/ws"}, receive, send)
        return sent

    assert asyncio.run(scenario()) == [{"type": "websocket.close", "code": 1013, "reason": ""}]
