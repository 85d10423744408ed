"""The websocket of Subscriptions whose criteria are a search: bound, ping, and what is wrong."""

from __future__ import annotations

import asyncio

import pytest

from hub.core.release import CLASSIC, FhirRelease
from hub.errors import HubError
from hub.stores.memory import MemoryStore
from tests.support.classic import TextWire, a_session, put_classic
from tests.support.rig import SECOND, Rig, a_rig, on_rig
from tests.support.rig_resources import a_task
from tests.support.virtual_time import run_virtually

R4, R4B = FhirRelease.R4, FhirRelease.R4B
TICK = SECOND / 10


async def bound(rig: Rig, id: str = "sub") -> TextWire:
    """Bind a new socket."""
    wire, session = a_session(rig)
    await session.bind_by_id(CLASSIC, id)
    await rig.after(TICK)
    return wire


def test_a_socket_is_bound_and_pinged_once_for_each_match() -> None:
    async def scenario(rig: Rig) -> None:
        await put_classic(rig, "sub", channel="websocket")
        assert rig.status("sub") == "active"
        wire = await bound(rig)
        assert wire.texts == ["bound sub"]
        await asyncio.gather(*(rig.write(a_task()) for _ in range(3)))
        await rig.write(a_task("Organization/other"))
        await rig.after(TICK)
        assert wire.texts == ["bound sub", *["ping sub"] * 3]

    on_rig(scenario)


def test_all_that_was_missed_is_one_ping() -> None:
    store = MemoryStore()

    async def scenario() -> None:
        async with a_rig(store=store) as rig:
            await put_classic(rig, "sub", channel="websocket")
            for _ in range(3):
                await rig.write(a_task())
        async with a_rig(store=store) as rig:
            wire = await bound(rig)
            assert wire.texts == ["bound sub", "ping sub"]
            assert (await bound(rig)).texts == ["bound sub"]
            await rig.after(2 * SECOND)
            assert rig.subscriber("sub").delivery.cursor == 3
        async with a_rig(store=store) as rig:
            assert (await bound(rig)).texts == ["bound sub"]

    run_virtually(scenario())


def test_one_socket_has_several_and_several_sockets_have_one() -> None:
    async def scenario(rig: Rig) -> None:
        await put_classic(rig, "a", channel="websocket")
        await put_classic(rig, "b", "Patient", channel="websocket")
        wire, session = a_session(rig)
        for id in ("a", "b", "a"):
            await session.bind_by_id(CLASSIC, id)
            await rig.after(TICK)
        other = await bound(rig, "a")
        await rig.write(a_task())
        await rig.write({"resourceType": "Patient"})
        await rig.after(TICK)
        assert wire.texts == ["bound a", "bound b", "bound a", "ping a", "ping b"]
        assert other.texts == ["bound a", "ping a"]
        assert rig.hub.sockets.bound == 3
        await session.close()
        assert rig.hub.sockets.bound == 1

    on_rig(scenario)


def test_the_end_of_a_subscription_is_said() -> None:
    async def scenario(rig: Rig) -> None:
        for id in ("off", "gone", "hook"):
            await put_classic(rig, id, channel="websocket")
        wires = {id: await bound(rig, id) for id in ("off", "gone", "hook")}
        await put_classic(rig, "off", channel="websocket", status="off")
        await rig.hub.subscriptions.delete(R4, "gone")
        await put_classic(rig, "hook")
        await rig.after(TICK)
        assert {id: wire.texts[1:] for id, wire in wires.items()} == {
            "off": ["error off it is off"],
            "gone": ["error gone it was deleted"],
            "hook": ["error hook it is no classic websocket Subscription any more"],
        }

    on_rig(scenario)


@pytest.mark.parametrize(
    ("id", "words"),
    [
        ("unknown", "no such"),
        ("gone", "no such"),
        ("topic", "topic-based; bind with a token"),
        ("hook", "its channel is rest-hook"),
        ("off", "it is off"),
        ("both", "R4 and R4B"),
    ],
)
def test_what_can_t_be_bound_by_its_id_says_why(id: str, words: str) -> None:
    async def scenario(rig: Rig) -> None:
        await put_classic(rig, "gone", channel="websocket")
        await rig.hub.subscriptions.delete(R4, "gone")
        await rig.update("topic", type="websocket")
        await put_classic(rig, "hook")
        await put_classic(rig, "off", channel="websocket", status="off")
        for release in (R4, R4B):
            await put_classic(rig, "both", release=release, channel="websocket")
        wire, session = a_session(rig)
        with pytest.raises(HubError, match=words):
            await session.bind_by_id(CLASSIC, id)
        assert wire.texts == []
        await session.bind_by_id([R4B], "both")
        await rig.after(TICK)
        assert wire.texts == ["bound both"]

    on_rig(scenario)


def test_a_subscription_that_is_gone_before_it_is_bound_is_said_to_be_deleted() -> None:
    async def scenario(rig: Rig) -> None:
        await put_classic(rig, "sub", channel="websocket")
        wire, session = a_session(rig)
        await session.bind_by_id(CLASSIC, "sub")
        await rig.hub.subscriptions.delete(R4, "sub")
        await rig.after(TICK)
        assert wire.texts[-1] == "error sub it was deleted"

    on_rig(scenario)
