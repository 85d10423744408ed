"""The websocket endpoint, bound by the id of a Subscription whose criteria are a search."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.web.limits import Limits
from tests.support.classic import put_classic
from tests.web.site import Socket, a_site, run

SECONDS = timedelta(seconds=1)


async def _text(socket: Socket) -> str:
    message = await socket.next()
    assert message["type"] == "websocket.send", message
    text: str = message["text"]
    return text


@pytest.mark.parametrize("text", ["bind sub", "bind: sub", " bind   sub\n"])
def test_a_bind_by_id_is_told_apart_from_one_by_token(text: str) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await put_classic(site.rig, "sub", "Patient", channel="websocket")
            async with site.socket() as socket:
                await socket.opened()
                socket.say(text)
                assert await _text(socket) == "bound sub"
                await site.ask("POST", "Patient", {"resourceType": "Patient"})
                assert await _text(socket) == "ping sub"
                await site.rig.after(60 * SECONDS)
                assert socket.from_hub.empty()

    run(scenario())


def test_a_socket_that_takes_nothing_is_closed_and_a_ping_tells_it_after_the_next_bind() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await put_classic(site.rig, "sub", "Patient", channel="websocket")
            for attempt in range(2):
                async with site.socket() as socket:
                    await socket.opened()
                    socket.say("bind sub")
                    assert await _text(socket) == "bound sub"
                    if attempt:
                        assert await _text(socket) == "ping sub"
                        return
                    socket.takes.clear()
                    await site.ask("POST", "Patient", {"resourceType": "Patient"})
                    await site.rig.after(11 * SECONDS)
                    socket.takes.set()
                    words = "slow: bind again, a ping follows if you missed one"
                    assert await socket.closed() == (1013, words)

    run(scenario())


def test_binds_that_fail_do_not_keep_a_socket_open() -> None:
    async def scenario() -> None:
        async with a_site() as site, site.socket() as socket:
            await socket.opened()
            started = site.rig.clock.now()
            for wait in (0, 6):
                await site.rig.after(wait * SECONDS)
                socket.say("bind nobody")
                assert await _text(socket) == "error nobody there is no such Subscription"
            code, _ = await socket.closed()
            assert code == 1008
            assert site.rig.clock.now() - started == 10 * SECONDS

    run(scenario())


def test_binds_by_id_are_counted_too() -> None:
    async def scenario() -> None:
        async with a_site(limits=Limits(binds=2)) as site, site.socket() as socket:
            await socket.opened()
            for _ in range(3):
                socket.say("bind nobody")
            assert [(await _text(socket))[:5] for _ in range(2)] == ["error", "error"]
            assert await socket.closed() == (1008, "a socket can be bound 2 times")

    run(scenario())


@pytest.mark.parametrize("text", ["bind", "bind a b", "bind " + "x" * 65, "bound sub", "binding x"])
def test_what_is_no_bind_closes_the_socket(text: str) -> None:
    async def scenario() -> None:
        async with a_site() as site, site.socket() as socket:
            await socket.opened()
            socket.say(text)
            code, _ = await socket.closed()
            assert code == 1008

    run(scenario())


@pytest.mark.parametrize(("path", "status"), [("/ws/r4", 426), ("/ws/r4b", 426), ("/ws/r5", 404)])
def test_each_base_with_such_subscriptions_has_an_address(path: str, status: int) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            assert (await site.ask("GET", path)).status_code == status

    run(scenario())
