"""Subscriptions whose criteria are a search, over a websocket: bind by id, bound, ping."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from hub.core.release import CLASSIC, FhirRelease
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
)
from tests.support.builders import a_bundle, a_task, an_entry
from tests.support.classic import a_classic

R4 = FhirRelease.R4
EXTENSION = "http://hl7.org/fhir/StructureDefinition/capabilitystatement-websocket"


@asynccontextmanager
async def advertised(fhir: Fhir) -> AsyncIterator[ClientConnection]:
    """Connect to the URL that the metadata of the base tells."""
    (rest,) = (await fhir.get("metadata"))["rest"]
    (url,) = [each["valueUri"] for each in rest["extension"] if each["url"] == EXTENSION]
    async with connect(url, proxy=None) as websocket:
        yield websocket


async def listening(fhir: Fhir, owner: str) -> str:
    """Create a classic websocket Subscription to the Tasks of an owner; return its id."""
    stored = await fhir.create(a_classic(f"Task?owner={owner}", channel="websocket"))
    assert stored["status"] == "active"
    id: str = stored["id"]
    return id


async def said(websocket: ClientConnection) -> str:
    """Return the next text."""
    async with asyncio.timeout(PATIENCE):
        text = await websocket.recv()
    assert isinstance(text, str)
    return text


def test_a_socket_is_bound_by_id_and_pinged_for_each_match(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await listening(fhir, owner)
        async with advertised(fhir) as websocket:
            await websocket.send(f"bind {id}")
            assert await said(websocket) == f"bound {id}"
            entries = [an_entry("POST", "Task", a_task(owner)) for _ in range(3)]
            answer = await fhir.ask("POST", "", a_bundle("transaction", *entries))
            assert answer.status_code == 200
            await fhir.create(a_task(fresh()))
            assert [await said(websocket) for _ in range(3)] == [f"ping {id}"] * 3
            await websocket.send('{"type":"ping"}')
            assert await said(websocket) == '{"type":"pong"}'

    in_every_release(hub, scenario, CLASSIC)


def test_what_happened_while_nothing_was_bound_is_one_ping(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await listening(fhir, owner)
        for _ in range(3):
            await fhir.create(a_task(owner))
        for texts in ([f"bound {id}", f"ping {id}"], [f"bound {id}"]):
            async with advertised(fhir) as websocket:
                await websocket.send(f"bind {id}")
                assert [await said(websocket) for _ in texts] == texts
        await fhir.create(a_task(owner))
        async with advertised(fhir) as websocket:
            await websocket.send(f"bind {id}")
            assert [await said(websocket) for _ in range(2)] == [f"bound {id}", f"ping {id}"]

    in_every_release(hub, scenario, CLASSIC)


def test_one_socket_serves_several_of_both_kinds(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        one, other = fresh(), fresh()
        ids = [await listening(fhir, owner) for owner in (one, other)]
        topical = await socket_subscription(fhir, one)
        async with a_socket(hub) as websocket:
            await bind(websocket, fhir, topical)
            for id in ids:
                await websocket.send(f"bind {id}")
                assert await said(websocket) == f"bound {id}"
            await fhir.create(a_task(other))
            assert await said(websocket) == f"ping {ids[1]}"
            await fhir.delete(f"Subscription/{topical}")
            assert numbers_of(await heard(websocket, fhir.release)) == []
            await fhir.create(a_task(one))
            assert await said(websocket) == f"ping {ids[0]}"

    in_every_release(hub, scenario, [R4])


def test_what_can_t_be_bound_is_said_and_the_socket_goes_on(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await listening(fhir, owner)
        topical = await socket_subscription(fhir, owner)
        async with advertised(fhir) as websocket:
            for wrong, words in (
                ("unheard", "there is no such Subscription"),
                (topical, "it is topic-based; bind with a token of $get-ws-binding-token"),
            ):
                await websocket.send(f"bind {wrong}")
                assert await said(websocket) == f"error {wrong} {words}"
            await websocket.send(f"bind: {id}")
            assert await said(websocket) == f"bound {id}"
            stored = await fhir.get(f"Subscription/{id}")
            await fhir.put(stored | {"status": "off"})
            assert await said(websocket) == f"error {id} it is off"
            with pytest.raises(ConnectionClosed) as closed:
                await said(websocket)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1000

    in_every_release(hub, scenario, CLASSIC)


def test_an_id_of_two_bases_is_bound_at_the_address_of_one(hub: RunningHub) -> None:
    async def scenario() -> None:
        async with hub.client(R4) as fhir, hub.client(FhirRelease.R4B) as other:
            for each in (fhir, other):
                await each.put(a_classic("Basic?code=x", channel="websocket") | {"id": "twin"})
            async with a_socket(hub) as websocket:
                await websocket.send("bind twin")
                assert "R4 and R4B" in await said(websocket)
            async with advertised(other) as websocket:
                await websocket.send("bind twin")
                assert await said(websocket) == "bound twin"
                code = {"coding": [{"code": "x"}]}
                await fhir.create({"resourceType": "Basic", "code": code})
                await other.create({"resourceType": "Basic", "code": code})
                assert await said(websocket) == "ping twin"

    asyncio.run(scenario())


def test_r5_has_no_address_to_bind_by_id(hub: RunningHub) -> None:
    async def scenario() -> None:
        async with hub.client(FhirRelease.R5) as fhir:
            (rest,) = (await fhir.get("metadata"))["rest"]
            assert "extension" not in rest

    asyncio.run(scenario())
