"""``$resend`` against a running hub: to an endpoint, to sockets, and over a restart."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

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
    numbers_of,
    running_hub,
)
from tests.support.builders import a_task
from tests.support.endpoints import Endpoint, Reply
from tests.support.notification_rules import check_notification


def _numbers(endpoint: Endpoint) -> list[int]:
    return [number for body in endpoint.bodies for number in numbers_of(json.loads(body))]


async def _settled(fhir: Fhir, id: str, count: int) -> None:
    """Wait until so many notifications of events are kept as delivered."""
    async with asyncio.timeout(PATIENCE):
        while sum(each["kind"] == "events" for each in await fhir.attempts(id)) < count:
            pass
    # The hub writes one batch after the other: once this is answered, that one is known.
    await fhir.create(a_task(fresh()))


async def _resend(fhir: Fhir, id: str, query: str = "") -> str:
    answer = await fhir.ask("POST", f"Subscription/{id}/$resend{query}")
    assert answer.status_code == 200, answer.text
    words: str = answer.json()["issue"][0]["diagnostics"]
    return words


def test_an_endpoint_gets_again_what_it_had(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        async with Endpoint() as endpoint:
            stored = await fhir.subscribed(
                endpoint, content="full-resource", filters=[f"Task?owner={owner}"], max_count=1
            )
            for _ in range(3):
                await fhir.create(a_task(owner))
            await _settled(fhir, stored["id"], 3)
            words = await _resend(fhir, stored["id"], "?eventsSinceNumber=2&eventsUntilNumber=3")
            assert words.endswith("numbers 2 to 3")
            await endpoint.wait_until(lambda: _numbers(endpoint) == [1, 2, 3, 2, 3])
            for body in endpoint.bodies:
                check_notification(body, fhir.release)
            assert endpoint.bodies[-2:] == endpoint.bodies[2:4]
            assert (await fhir.status(stored["id"]))["counter"] == "3"
            await fhir.create(a_task(owner))
            await endpoint.wait_until(lambda: _numbers(endpoint)[-1] == 4)

    in_every_release(hub, scenario)


def test_bound_sockets_are_sent_again_what_they_had(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await socket_subscription(fhir, owner)
        status, issue = await fhir.refused("POST", f"Subscription/{id}/$resend")
        assert (status, issue["code"]) == (422, "business-rule")
        assert "bind" in issue["diagnostics"]
        async with a_socket(hub) as websocket:
            await bind(websocket, fhir, id)
            await fhir.create(a_task(owner))
            first = await heard(websocket, fhir.release)
            assert "over 1 bound socket;" in await _resend(fhir, id)
            assert await heard(websocket, fhir.release) == first

    in_every_release(hub, scenario)


def test_what_is_to_be_sent_again_is_sent_after_a_restart(tmp_path: Path) -> None:
    db = tmp_path / "hub.db"

    async def asked(hub: RunningHub, endpoint: Endpoint) -> None:
        async with hub.client(FhirRelease.R4) as fhir:
            owner = fresh()
            stored = await fhir.subscribed(endpoint, filters=[f"Task?owner={owner}"])
            await fhir.create(a_task(owner))
            await endpoint.wait_until(lambda: _numbers(endpoint) == [1])
            await _settled(fhir, stored["id"], 1)
            endpoint.default = Reply(503)
            await _resend(fhir, stored["id"])
            await fhir.until_error(stored["id"])

    async def scenario() -> None:
        async with Endpoint() as endpoint:
            async with _beside(db) as hub:
                await asked(hub, endpoint)
            endpoint.default = Reply(200)
            endpoint.received.clear()
            async with _beside(db):
                await endpoint.wait_until(lambda: _numbers(endpoint) == [1])

    asyncio.run(scenario())


@asynccontextmanager
async def _beside(db: Path) -> AsyncIterator[RunningHub]:
    """Run a hub whose start and end leave this loop free to serve the endpoint."""
    hosting = running_hub(db)
    hub = await asyncio.to_thread(hosting.__enter__)
    try:
        yield hub
    finally:
        await asyncio.to_thread(hosting.__exit__, None, None, None)
