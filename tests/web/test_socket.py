"""The websocket endpoint."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.notification import NumberedEvent
from hub.core.subscriber import Subscriber
from hub.engine.announcement import Announcements
from hub.engine.recent_events import RecentEvents
from hub.settings import Settings
from hub.web.limits import Limits
from hub.web.socket import read_bind
from tests.support.rig_endpoints import flat_status
from tests.support.rig_resources import a_subscription, a_task
from tests.web.site import Site, Socket, a_site, run

SECONDS = timedelta(seconds=1)


@pytest.fixture(autouse=True, params=[True, False], ids=["short way", "ASGI"])
def ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every story be the same on a server that has a short way for texts, and on any other."""
    monkeypatch.setattr(Socket, "offers_put", request.param)


async def _token(site: Site, **changes: Any) -> str:
    subscription = a_subscription(type="websocket", **changes)
    id = (await site.ask("POST", "Subscription", subscription)).json()["id"]
    answer = await site.ask("GET", f"Subscription/{id}/$get-ws-binding-token")
    values = {each["name"]: each for each in answer.json()["parameter"]}
    token: str = values["token"]["valueString"]
    return token


async def _told(socket: Socket) -> tuple[str, list[int]]:
    status = flat_status(await socket.notification())
    return status["type"], status["numbers"]


@asynccontextmanager
async def _bound(site: Site, token: str) -> AsyncIterator[Socket]:
    """Open a socket and bind it."""
    async with site.socket() as socket:
        await socket.opened()
        socket.say(f"bind-with-token {token}")
        assert await _told(socket) == ("handshake", [])
        yield socket


@pytest.mark.parametrize(
    "text",
    [
        "bind-with-token {}",
        "bind-with-token: {}",
        "bind-with-token:{}\n",
        '{{"type":"bind-with-token","payload":{{"token":"{}"}}}}',
    ],
)
def test_a_bound_socket_hears_the_handshake_and_then_what_happens(text: str) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            token = await _token(site)
            async with site.socket() as socket:
                await socket.opened()
                socket.say(text.format(token))
                assert await _told(socket) == ("handshake", [])
                await site.ask("POST", "Task", a_task())
                assert await _told(socket) == ("event-notification", [1])
                await site.rig.after(60 * SECONDS)
                assert socket.from_hub.empty()

    run(scenario())


def test_several_subscriptions_share_a_socket_and_pings_are_answered() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            one, two = await _token(site), await _token(site)
            async with site.socket() as socket:
                await socket.opened()
                socket.say('{"type":"ping"}')
                assert await socket.notification() == {"type": "pong"}
                for token in (one, two):
                    socket.say(f"bind-with-token {token}")
                    assert await _told(socket) == ("handshake", [])
                await site.ask("POST", "Task", a_task())
                heard = {(await socket.notification())["id"] for _ in range(2)}
                assert len(heard) == 2

    run(scenario())


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"text": "hello"}, 1008),
        ({"text": "bind-with-token "}, 1008),
        ({"text": "bind-with-token unknown"}, 1008),
        ({"text": '{"type":"other"}'}, 1008),
        ({"text": "{"}, 1008),
        ({"text": "[" * 2000}, 1008),
        ({"text": '{"a":' * 600}, 1008),
        ({"text": '{"type":"bind-with-token","payload":{"token":7}}'}, 1008),
        ({"bytes": b"bind-with-token x"}, 1003),
        ({"text": "x" * 4097}, 1009),
        ({"text": "\u00e9" * 2049}, 1009),
    ],
)
def test_what_is_no_bind_closes_the_socket_with_a_reason(
    message: dict[str, Any], code: int
) -> None:
    async def scenario() -> None:
        async with a_site() as site, site.socket() as socket:
            await socket.opened()
            socket.to_hub.put_nowait({"type": "websocket.receive", **message})
            closed, reason = await socket.closed()
            assert closed == code
            assert reason

    run(scenario())


def test_a_socket_that_is_not_bound_in_time_is_closed() -> None:
    async def scenario() -> None:
        async with a_site() as site, site.socket() as socket:
            await socket.opened()
            started = site.rig.clock.now()
            await site.rig.after(6 * SECONDS)
            socket.say('{"type":"ping"}')
            await socket.notification()
            code, _ = await socket.closed()
            assert code == 1008
            assert site.rig.clock.now() - started == 10 * SECONDS

    run(scenario())


def test_an_expired_token_binds_nothing() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            token = await _token(site)
            await site.rig.after(301 * SECONDS)
            async with site.socket() as socket:
                await socket.opened()
                socket.say(f"bind-with-token {token}")
                assert await socket.closed() == (1008, "the token is unknown or has expired")

    run(scenario())


def test_a_socket_that_takes_nothing_is_closed_and_told_to_resume() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            async with _bound(site, await _token(site)) as socket:
                socket.takes.clear()
                await site.ask("POST", "Task", a_task())
                await site.rig.after(11 * SECONDS)
                socket.takes.set()
                assert await socket.closed() == (1013, "slow: resume with $events")
            assert site.rig.hub.sockets.bound == 0

    run(scenario())


def test_a_ping_that_is_not_taken_closes_the_socket_too() -> None:
    async def scenario() -> None:
        async with a_site() as site, site.socket() as socket:
            await socket.opened()
            socket.takes.clear()
            socket.say('{"type":"ping"}')
            await site.rig.after(10.5 * SECONDS)
            socket.takes.set()
            assert await socket.closed() == (1013, "slow: connect again")

    run(scenario())


def test_a_deleted_subscription_ends_its_socket() -> None:
    async def scenario() -> None:
        async with a_site() as site, _bound(site, await _token(site, id="s")) as socket:
            (subscription,) = [each.subscription for each in site.rig.hub.subscribers]
            await site.ask("DELETE", subscription.reference)
            assert '"off"' in (await socket.next())["text"]
            assert await socket.closed() == (1000, "nothing is bound any more")

    run(scenario())


def test_a_client_that_goes_is_forgotten() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            async with _bound(site, await _token(site)):
                assert site.rig.hub.sockets.bound == 1
            assert site.rig.hub.sockets.bound == 0
            await site.ask("POST", "Task", a_task())

    run(scenario())


@pytest.mark.parametrize("text", ['{"type":"ping"}', "bind-with-token x", "bind"])
def test_a_client_that_went_without_a_word_is_no_bug(
    text: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with a_site() as site, site.socket() as socket:
            await socket.opened()
            socket.is_gone = True
            socket.say(text)
            await site.rig.after(SECONDS)
            assert socket.task is not None
            assert socket.task.done()

    run(scenario())
    assert not caplog.records


def test_a_bound_client_that_went_is_noticed_when_something_is_sent() -> None:
    async def scenario() -> None:
        async with a_site() as site, _bound(site, await _token(site)) as socket:
            socket.is_gone = True
            await site.ask("POST", "Task", a_task())
            await site.rig.after(SECONDS)
            assert site.rig.hub.sockets.bound == 0

    run(scenario())


def test_a_bug_closes_the_socket_without_details(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(RecentEvents):
        words = "secret words"

        async def read(self, subscriber: Subscriber, low: int, high: int) -> list[NumberedEvent]:
            raise RuntimeError(self.words)

    async def scenario() -> None:
        async with a_site() as site, _bound(site, await _token(site)) as socket:
            hub = site.rig.hub
            hub.sockets.announcements = Announcements(Broken(hub.store), hub.codecs, hub.base_url)
            await site.ask("POST", "Task", a_task())
            assert await socket.closed() == (1011, "the hub failed")

    run(scenario())
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    "limits", [Limits(binds=2), Limits(texts_per_second=2)], ids=["binds", "texts"]
)
def test_a_socket_that_asks_too_much_is_closed(limits: Limits) -> None:
    async def scenario() -> None:
        async with a_site(limits=limits) as site:
            token = await _token(site)
            async with site.socket() as socket:
                await socket.opened()
                for _ in range(3):
                    socket.say(f"bind-with-token {token}")
                while (message := await socket.next())["type"] == "websocket.send":
                    pass
                assert message["code"] == 1008

    run(scenario())


@pytest.mark.parametrize(
    ("origin", "opened"),
    [
        (None, True),
        ("http://hub.example.org", True),
        ("http://HUB.example.org", True),
        ("https://app.example.org", True),
        ("http://hub.example.org.evil.example", False),
        ("http://localhost:3000", False),
        ("null", False),
    ],
)
def test_only_pages_that_the_settings_name_may_open_a_socket(
    origin: str | None, opened: bool
) -> None:
    async def scenario() -> None:
        settings = Settings(cors_origins=("https://app.example.org",))
        async with a_site(settings=settings) as site:
            headers = {"origin": origin} if origin else {}
            async with site.socket(**headers) as socket:
                message = await socket.next()
            expected = "websocket.accept" if opened else "websocket.close"
            assert message["type"] == expected

    run(scenario())


@given(st.text(max_size=50))
def test_reading_a_bind_never_fails(text: str) -> None:
    token = read_bind(text)
    assert token is None or token


@given(st.from_regex(r"[A-Za-z0-9_\-]{1,60}", fullmatch=True))
def test_each_spelling_of_a_bind_gives_the_token(token: str) -> None:
    assert read_bind(f"bind-with-token {token}") == token
    assert read_bind(f"bind-with-token: {token}") == token
    json_form = f'{{"type": "bind-with-token", "payload": {{"token": "{token}"}}}}'
    assert read_bind(json_form) == token
