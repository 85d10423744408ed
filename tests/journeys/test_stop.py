"""A hub is told to stop: it ends what it has begun, and loses nothing."""

from __future__ import annotations

import asyncio
import random  # noqa: TID251  # the seed is written here
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from hub.core.release import Resource
from tests.support.endpoints import Answer, Held, Reply
from tests.support.kill_check import Event
from tests.support.processes import (
    HubProcess,
    a_hub,
    free_port,
    run_to_end,
    serve_arguments,
    session,
    start_hub,
    until,
)
from tests.support.subscribed import Subscribed, a_subscription
from tests.support.writers import FHIR_JSON, Told, Writer

LAB = "Organization/lab"
STOPS_WITHIN = 10.0
SERVICE_RESTART = 1012
Wire = aiohttp.ClientWebSocketResponse


def test_a_hub_that_stops_under_load_exits_0_in_time_and_keeps_what_it_acknowledged(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        told, up, stopping = Told(), asyncio.Event(), asyncio.Event()
        up.set()
        subscribed = Subscribed("r4", "lab", LAB)
        async with subscribed.endpoint, session() as client:
            async with a_hub(tmp_path) as hub:
                await put(client, hub, subscribed.resource())
                writers = [
                    asyncio.create_task(
                        Writer(
                            name=f"w{number}",
                            release="r4",
                            base=hub.base(),
                            client=client,
                            owners=[LAB],
                            luck=random.Random(number),
                            told=told,
                            up=up,
                            stopping=stopping,
                        ).run()
                    )
                    for number in range(6)
                ]
                await until(lambda: answered(told, 100))
                assert await hub.terminate(STOPS_WITHIN) == 0
                stopping.set()
                await asyncio.gather(*writers)
                assert "Traceback" not in hub.said()
            async with a_hub(tmp_path) as again:
                versions = await history(client, again)
                for each in told.acknowledged:
                    assert (each.reference, each.number) in versions or each.marker is None
                top = len(versions)
                async with asyncio.timeout(STOPS_WITHIN):
                    await subscribed.complete(top)
        assert told.unexpected == []
        assert sorted({event.number for event in subscribed.received}) == [*range(1, top + 1)]

    asyncio.run(scenario())


def test_an_attempt_in_flight_may_end_and_is_not_repeated_after_the_restart(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        release = asyncio.Event()
        subscribed = Subscribed("r5", "lab", LAB, after(release))
        async with subscribed.endpoint, session() as client:
            async with a_hub(tmp_path) as hub:
                await put(client, hub, subscribed.resource(), "r5")
                await post_task(client, hub, "r5")
                await subscribed.complete(1)
                hub.send(signal.SIGTERM)
                await until(lambda: stops_serving(hub))
                release.set()
                assert await hub.ended(STOPS_WITHIN) == 0
            async with a_hub(tmp_path) as again:
                await post_task(client, again, "r5")
                await subscribed.complete(2)
        assert numbers(subscribed.received) == [1, 2]

    asyncio.run(scenario())


def test_an_attempt_that_never_ends_does_not_hold_the_hub_and_is_repeated(tmp_path: Path) -> None:
    async def scenario() -> None:
        never = asyncio.Event()
        answers: Iterator[Answer] = iter([Held(never), Reply()])
        subscribed = Subscribed("r4", "lab", LAB, partial(next, answers))
        async with subscribed.endpoint, session() as client:
            async with a_hub(tmp_path) as hub:
                await put(client, hub, subscribed.resource())
                await post_task(client, hub)
                await subscribed.complete(1)
                assert await hub.terminate(STOPS_WITHIN) == 0
            async with a_hub(tmp_path):
                await until(lambda: received(subscribed, 2))
        assert numbers(subscribed.received) == [1, 1]
        assert len(set(subscribed.received)) == 1

    asyncio.run(scenario())


def test_a_websocket_is_closed_as_by_a_restart_and_goes_on_where_it_was(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with session() as client:
            async with a_hub(tmp_path) as hub:
                await put(client, hub, a_subscription("r5", None, LAB, id="lab"), "r5")
                async with client.ws_connect(f"{hub.url}/ws") as wire:
                    await bind(client, hub, wire)
                    await post_task(client, hub, "r5")
                    assert (await event_of(wire)) == 1
                    hub.send(signal.SIGTERM)
                    end = await wire.receive(STOPS_WITHIN)
                    assert (end.type, end.data) == (aiohttp.WSMsgType.CLOSE, SERVICE_RESTART)
                assert await hub.ended(STOPS_WITHIN) == 0
            async with a_hub(tmp_path) as again:
                await post_task(client, again, "r5")
                async with client.ws_connect(f"{again.url}/ws") as wire:
                    await bind(client, again, wire, "?resume-after=1")
                    assert (await event_of(wire)) == 2

    asyncio.run(scenario())


def test_a_second_hub_on_the_same_database_is_refused_in_one_line(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with a_hub(tmp_path) as hub:
            code, out, err = await start_and_end(tmp_path, free_port())
            assert await hub.is_ready()
            assert (code, out) == (1, "")
            (line,) = err.splitlines()
            assert f"process {hub.child.pid} has the database" in line

    asyncio.run(scenario())


def test_a_taken_port_is_told_in_one_line_and_exit_code_2(tmp_path: Path) -> None:
    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            code, out, err = await start_and_end(tmp_path, port)
        assert (code, out) == (2, "")
        (line,) = err.splitlines()
        assert f"127.0.0.1:{port}" in line
        assert "--port" in line

    asyncio.run(scenario())


def test_a_hub_that_is_told_to_stop_while_it_starts_exits_0(tmp_path: Path) -> None:
    async def scenario() -> None:
        hub = await start_hub(tmp_path)
        try:
            await until(lambda: exists(tmp_path / "hub.db.lock"))
            assert await hub.terminate(STOPS_WITHIN) == 0
        finally:
            await hub.kill()

    asyncio.run(scenario())


async def start_and_end(folder: Path, port: int) -> tuple[int, str, str]:
    return await run_to_end(sys.executable, "-m", "hub", *serve_arguments(folder, port))


def after(release: asyncio.Event) -> Callable[[], Answer]:
    return lambda: Held(release)


async def answered(told: Told, count: int) -> bool:
    return len(told.acknowledged) >= count


async def received(subscribed: Subscribed, count: int) -> bool:
    return len(subscribed.received) >= count


async def stops_serving(hub: HubProcess) -> bool:
    return not await hub.is_ready()


async def exists(path: Path) -> bool:
    return await asyncio.to_thread(path.exists)


def numbers(events: Sequence[Event]) -> list[int]:
    return [event.number for event in events]


async def put(
    client: aiohttp.ClientSession, hub: HubProcess, subscription: Resource, release: str = "r4"
) -> None:
    """Store a Subscription and wait until it is active."""
    url = f"{hub.base(release)}/Subscription/{subscription['id']}"

    async def is_active() -> bool:
        async with client.get(url) as answer:
            found = await answer.json(content_type=None)
            return bool(found["status"] == "active")

    async with client.put(url, json=subscription, headers=FHIR_JSON) as answer:
        assert answer.status == 201, await answer.text()
    await until(is_active)


async def post_task(client: aiohttp.ClientSession, hub: HubProcess, release: str = "r4") -> None:
    task = {"resourceType": "Task", "status": "requested", "intent": "order"}
    body = task | {"owner": {"reference": LAB}}
    url = f"{hub.base(release)}/Task"
    async with client.post(url, json=body, headers=FHIR_JSON) as answer:
        assert answer.status == 201, await answer.text()


async def history(client: aiohttp.ClientSession, hub: HubProcess) -> set[tuple[str, int]]:
    """Return all stored versions of Tasks."""
    found = set()
    url: str | None = f"{hub.base()}/Task/_history?_count=1000"
    while url is not None:
        async with client.get(url) as answer:
            page = await answer.json(content_type=None)
        for entry in page["entry"]:
            reference = "/".join(entry["fullUrl"].split("/")[-2:])
            version = int(entry["response"]["etag"].strip('W/"'))
            found.add((f"r4/{reference}", version))
        url = {link["relation"]: link["url"] for link in page["link"]}.get("next")
    return found


async def bind(client: aiohttp.ClientSession, hub: HubProcess, wire: Wire, query: str = "") -> None:
    """Bind a websocket to the Subscription ``lab``, and take the handshake."""
    url = f"{hub.base('r5')}/Subscription/lab/$get-ws-binding-token{query}"
    async with client.get(url) as answer:
        parameters = (await answer.json(content_type=None))["parameter"]
    token = next(each["valueString"] for each in parameters if each["name"] == "token")
    await wire.send_str(f"bind-with-token {token}")
    assert (await status_of(wire))["type"] == "handshake"


async def status_of(wire: Wire) -> dict[str, Any]:
    found: dict[str, Any] = (await wire.receive_json(timeout=STOPS_WITHIN))["entry"][0]["resource"]
    return found


async def event_of(wire: Wire) -> int:
    """Return the number of the one event of the next text."""
    status = await status_of(wire)
    (event,) = status["notificationEvent"]
    return int(event["eventNumber"])
