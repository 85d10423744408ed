from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.cli.arguments import build_parser
from hub.cli.arrival import read_arrival
from hub.cli.endpoint import Endpoint, Faults, Reply
from hub.cli.exits import CommandError, Exit
from hub.cli.receiver import receive
from hub.clock import SystemClock
from tests.cli.fake_hub import FakeHub, notification
from tests.cli.screen import PATIENCE, Screen


@dataclass
class Post:
    """Posts a notification to the receiver at ``url`` and returns the status of the answer."""

    url: str
    send: Callable[[dict[str, Any]], Awaitable[int]]

    def __call__(self, bundle: dict[str, Any]) -> Awaitable[int]:
        """Post one."""
        return self.send(bundle)


def _receive(*words: str, script: Callable[[Post, FakeHub], Awaitable[None]]) -> tuple[int, Screen]:
    """Run a receiver to which ``script`` posts; return its exit code and screen."""

    async def scenario() -> tuple[int, Screen]:
        screen = Screen()
        async with asyncio.timeout(PATIENCE), FakeHub() as hub, httpx.AsyncClient() as http:
            arguments = build_parser().parse_args(["receiver", "--url", hub.url, *words])
            receiving = asyncio.create_task(receive(arguments, screen.terminal))
            await screen.talk.until("listening")
            url = screen.talk.getvalue().split()[2]

            async def post(bundle: dict[str, Any]) -> int:
                status = bundle["entry"][0]["resource"]
                status["subscription"]["reference"] = f"{hub.url}/fhir/r5/Subscription/s1"
                return (await http.post(url, json=bundle)).status_code

            await script(Post(url, post), hub)
            return await receiving, screen

    return asyncio.run(scenario())


def _numbers(screen: Screen) -> list[str]:
    return [row.split()[2] for row in screen.rows]


def test_each_notification_is_a_line() -> None:
    async def script(post: Post, hub: FakeHub) -> None:
        assert await post(notification(kind="handshake", total=0)) == 200
        assert await post(notification(1)) == 200
        assert await post(notification(2, 3)) == 200

    code, screen = _receive("--count", "3", script=script)
    assert code == Exit.OK
    assert _numbers(screen) == ["#1", "#2", "#3"]
    assert "handshake of Subscription/s1, active, 0 events so far" in screen.talk.getvalue()


def test_a_gap_is_shown_and_is_the_exit_code() -> None:
    async def script(post: Post, hub: FakeHub) -> None:
        await post(notification(1))
        await post(notification(3))

    code, screen = _receive("--count", "2", script=script)
    assert code == Exit.GAP
    assert "gap: #3 arrived, #2 missing\n" in screen.talk.getvalue()


def test_a_backlog_that_follows_a_handshake_is_new_to_who_was_away() -> None:
    async def script(post: Post, hub: FakeHub) -> None:
        await post(notification(kind="handshake", total=3))
        await post(notification(2, 3))
        await post(notification(2))
        await post(notification(5))

    code, screen = _receive("--count", "3", script=script)
    assert code == Exit.GAP
    assert _numbers(screen) == ["#2", "#3", "#5"]
    assert "≡ #2 once more, ignored" in screen.talk.getvalue()
    assert "gap: #5 arrived, #4 missing\n" in screen.talk.getvalue()


def test_what_a_handshake_counted_is_not_missing_where_no_backlog_follows() -> None:
    async def script(post: Post, hub: FakeHub) -> None:
        await post(notification(kind="handshake", total=3))
        await post(notification(5))
        await post(notification(3))
        await post(notification(6))

    code, screen = _receive("--count", "2", script=script)
    assert code == Exit.GAP
    assert _numbers(screen) == ["#5", "#6"]
    assert "gap: #5 arrived, #4 missing\n" in screen.talk.getvalue()


def test_what_was_lost_on_demand_is_recovered_when_the_next_arrives() -> None:
    async def script(post: Post, hub: FakeHub) -> None:
        hub.events = {1, 2, 3}
        assert await post(notification(1)) == 200
        assert await post(notification(2)) == 200
        assert await post(notification(3)) == 200

    code, screen = _receive("--count", "3", "--lose", "2", "--recover", script=script)
    assert code == Exit.OK
    assert _numbers(screen) == ["#1", "#2", "#3"]
    assert "#2 of Subscription/s1 answered 200, then lost" in screen.talk.getvalue()
    assert "#2 recovered" in screen.talk.getvalue()


def test_the_first_ones_fail_on_demand_and_the_repeat_is_taken() -> None:
    async def script(post: Post, hub: FakeHub) -> None:
        assert await post(notification(kind="handshake", total=0)) == 200
        assert [await post(notification(1)) for _ in range(3)] == [503, 503, 200]

    code, screen = _receive("--count", "1", "--fail-first", "2", script=script)
    assert code == Exit.OK and _numbers(screen) == ["#1"]
    assert screen.talk.getvalue().count("answered 503") == 2


def test_a_notification_that_names_another_hub_is_not_followed() -> None:
    async def scenario() -> None:
        screen = Screen()
        async with asyncio.timeout(PATIENCE), httpx.AsyncClient() as http:
            arguments = build_parser().parse_args(["receiver", "--recover", "--count", "2"])
            receiving = asyncio.create_task(receive(arguments, screen.terminal))
            await screen.talk.until("listening")
            url = screen.talk.getvalue().split()[2]
            for number in (1, 3):
                await http.post(url, json=notification(number))
            assert await receiving == Exit.GAP
        assert "is not on the hub of --url" in screen.talk.getvalue()

    asyncio.run(scenario())


def test_a_hub_that_does_not_answer_leaves_the_gap_for_the_next_number() -> None:
    async def script(post: Post, hub: FakeHub) -> None:
        hub.events = {1, 2, 3}
        await post(notification(1))
        hub.status = 500
        await post(notification(3))
        hub.status = 200
        await post(notification(3))

    code, screen = _receive("--count", "3", "--recover", script=script)
    assert code == Exit.OK
    assert _numbers(screen) == ["#1", "#2", "#3"]


def test_what_is_no_notification_gets_400() -> None:
    async def script(post: Post, hub: FakeHub) -> None:
        bundle = notification(1)
        bundle["resourceType"] = "Task"
        assert await post(bundle) == 400
        await post(notification(1))

    assert _receive("--count", "1", script=script)[0] == Exit.OK


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_a_classic_subscription_sends_is_a_line_without_number(form: str) -> None:
    task = {"resourceType": "Task", "status": "requested", "meta": {"versionId": "2"}}

    async def script(post: Post, hub: FakeHub) -> None:
        async with httpx.AsyncClient() as http:
            assert (await http.post(post.url)).status_code == 503
            assert (await http.post(post.url)).status_code == 200
            put = f"{post.url}/Task/81"
            for body, status in ((b"[]", 400), (b"{}", 400), (b"", 400)):
                assert (await http.put(put, content=body)).status_code == status
            assert (await http.put(put, json=task)).status_code == 200

    words = ("--count", "2", "--fail-first", "1", "--format", form)
    code, screen = _receive(*words, script=script)
    assert code == Exit.OK
    assert "a call of a classic Subscription answered 503" in screen.talk.getvalue()
    if form == "json":
        first, second = map(json.loads, screen.rows)
        assert (first["number"], first["focus"], first["subscription"]) == (None, None, None)
        assert (second["focus"], second["state"]) == ("Task/81", "v2 requested")
    else:
        assert "#" not in "".join(screen.rows)
        assert screen.rows[0].endswith("(empty)")
        assert "v2 requested" in screen.rows[1] and screen.rows[1].endswith("Task/81")


def test_a_taken_port_is_told() -> None:
    async def scenario() -> None:
        async with Endpoint(SystemClock(), Faults().reply) as endpoint:
            await endpoint.start()
            port = endpoint.url.split(":")[2].partition("/")[0]
            arguments = build_parser().parse_args(["receiver", "--port", port])
            with pytest.raises(CommandError, match=f"can't listen on 127.0.0.1:{port}"):
                await receive(arguments, Screen().terminal)

    asyncio.run(scenario())


def test_an_endpoint_that_hangs_never_answers_but_stops_when_told() -> None:
    async def scenario() -> None:
        async with httpx.AsyncClient() as http, asyncio.timeout(PATIENCE):
            endpoint = Endpoint(SystemClock(), Faults(hang=True).reply)
            await endpoint.start()
            asking = asyncio.create_task(http.post(endpoint.url, json=notification(1)))
            assert (await endpoint.received.get()).reply is Reply.HANG
            assert not asking.done()
            await endpoint.stop()
            await asyncio.gather(asking, return_exceptions=True)

    asyncio.run(scenario())


def test_a_delay_comes_before_the_answer() -> None:
    async def scenario() -> None:
        clock, delay = SystemClock(), timedelta(milliseconds=50)
        async with Endpoint(clock, Faults().reply, delay) as endpoint, httpx.AsyncClient() as http:
            await endpoint.start()
            start = clock.now()
            await http.post(endpoint.url, json=notification(1))
            assert clock.now() - start >= delay

    asyncio.run(scenario())


@given(st.floats(0.01, 1.0), st.integers(1, 200))
def test_a_part_that_fails_is_spread_evenly(part: float, requests: int) -> None:
    arrival = read_arrival(notification(1))
    faults = Faults(fail=part)
    failed = [faults.reply(n, arrival) is Reply.FAIL for n in range(1, requests + 1)]
    assert sum(failed) == int(requests * part)


def test_losing_is_by_event_number() -> None:
    faults = Faults(lose=frozenset({2}))
    assert faults.reply(1, read_arrival(notification(1))) is Reply.ACCEPT
    assert faults.reply(2, read_arrival(notification(2, 3))) is Reply.LOSE
