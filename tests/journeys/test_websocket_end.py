"""How websockets end, and which are never bound."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from hub.core.release import FhirRelease
from tests.journeys.binding import bind, socket_subscription
from tests.journeys.hosting import (
    PATIENCE,
    Fhir,
    RunningHub,
    a_socket,
    fresh,
    heard,
    in_every_release,
    running_hub,
    status_of,
)
from tests.support.builders import a_subscription, a_task
from tests.support.notification_rules import check_notification

R4 = FhirRelease.R4


async def _end(websocket: ClientConnection) -> tuple[int, str, list[str]]:
    """Return how a socket was closed, and what came before."""
    texts: list[str] = []
    async with asyncio.timeout(PATIENCE):
        with contextlib.suppress(ConnectionClosed):
            while True:
                texts.append(str(await websocket.recv()))
    return websocket.close_code or 0, websocket.close_reason or "", texts


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        pytest.param(b"bind-with-token x", 1003, id="binary"),
        pytest.param("bind-with-token unknown", 1008, id="unknown token"),
        pytest.param("bind-with-token ", 1008, id="no token"),
        pytest.param("bind-with-token a b", 1008, id="two tokens"),
        pytest.param('{"type":"bind-with-token","payload":{}}', 1008, id="JSON without token"),
        pytest.param("{", 1008, id="broken JSON"),
        pytest.param("hello", 1008, id="other text"),
        pytest.param("", 1008, id="empty text"),
        pytest.param("bind " + "x" * 5000, 1009, id="long text"),
    ],
)
def test_a_frame_that_is_no_bind_closes_the_socket(
    hub: RunningHub, frame: str | bytes, code: int
) -> None:
    async def scenario() -> None:
        async with a_socket(hub) as websocket:
            await websocket.send(frame)
            assert (await _end(websocket))[0] == code

    asyncio.run(scenario())


def test_too_many_texts_close_the_socket(hub: RunningHub) -> None:
    async def scenario() -> None:
        async with a_socket(hub) as websocket:
            for _ in range(60):
                await websocket.send('{"type":"ping"}')
            assert (await _end(websocket))[0] == 1008

    asyncio.run(scenario())


def test_tokens_are_refused_for_what_can_not_be_bound(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        hook = await fhir.create(a_subscription(fhir.release, endpoint="http://127.0.0.1:9/hook"))
        expected = {
            f"Subscription/{hook['id']}/$get-ws-binding-token": (422, "business-rule"),
            f"Subscription/$get-ws-binding-token?id={hook['id']}": (422, "business-rule"),
            "Subscription/nobody/$get-ws-binding-token": (404, "not-found"),
            "Subscription/$get-ws-binding-token?id=nobody": (404, "not-found"),
            "Subscription/$get-ws-binding-token?resume-after=-1": (400, "value"),
            "Subscription/$get-ws-binding-token?ids=x": (400, "value"),
        }
        for path, (code, issue_code) in expected.items():
            status, issue = await fhir.refused("GET", path)
            assert (status, issue["code"]) == (code, issue_code), path
        await fhir.delete(f"Subscription/{hook['id']}")

    in_every_release(hub, scenario)


def test_sockets_of_other_origins_are_refused() -> None:
    async def scenario(hub: RunningHub) -> None:
        for origin, allowed in (
            ("https://app.example.org", True),
            ("https://evil.example.org", False),
            (hub.url, True),
            ("null", False),
        ):
            opening = connect(hub.websocket_url, proxy=None, origin=Origin(origin))
            if allowed:
                async with opening:
                    pass
                continue
            with pytest.raises(InvalidStatus) as refused:
                await opening
            assert refused.value.response.status_code == 403

    with running_hub(cors_origins=("https://app.example.org",)) as hub:
        asyncio.run(scenario(hub))


def test_a_plain_request_to_the_socket_s_address_is_answered(hub: RunningHub) -> None:
    async def scenario() -> None:
        async with hub.client(R4) as fhir:
            answer = await fhir.http.get(f"{hub.url}/ws")
            assert answer.status_code in (404, 426)

    asyncio.run(scenario())


@pytest.mark.parametrize("how", ["deleted", "off"])
def test_the_end_of_a_subscription_ends_its_socket(hub: RunningHub, how: str) -> None:
    async def scenario(fhir: Fhir) -> None:
        id = await socket_subscription(fhir, fresh())
        async with a_socket(hub) as websocket:
            await bind(websocket, fhir, id)
            if how == "deleted":
                await fhir.delete(f"Subscription/{id}")
            else:
                stored = await fhir.get(f"Subscription/{id}")
                await fhir.put(stored | {"status": "off"})
            code, _, texts = await _end(websocket)
            assert code == 1000
            (last,) = [check_notification(text.encode(), fhir.release) for text in texts]
            assert status_of(last)["status"] == "off"
            answer = await fhir.ask("GET", f"Subscription/{id}/$get-ws-binding-token")
            assert answer.status_code == (410 if how == "deleted" else 422)

    in_every_release(hub, scenario)


def test_a_socket_with_another_subscription_stays_open(hub: RunningHub) -> None:
    async def scenario() -> None:
        owner = fresh()
        async with hub.client(R4) as fhir, a_socket(hub) as websocket:
            ending, staying = [await socket_subscription(fhir, owner) for _ in range(2)]
            await bind(websocket, fhir, ending)
            await bind(websocket, fhir, staying)
            await fhir.delete(f"Subscription/{ending}")
            assert status_of(await heard(websocket, R4))["status"] == "off"
            await fhir.create(a_task(owner))
            said = status_of(await heard(websocket, R4))
            assert said["subscription"].endswith(staying)

    asyncio.run(scenario())
