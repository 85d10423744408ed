from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from hub.bootstrap import Hosting
from hub.cli.arguments import build_parser
from hub.cli.client import HubClient
from hub.cli.demo import demo_settings, free_port
from hub.cli.exits import CommandError, Exit
from hub.cli.watch import run, watch
from hub.clock import SystemClock
from hub.core.release import FhirRelease
from tests.cli.fake_hub import FakeHub
from tests.cli.screen import PATIENCE, Screen


def _play(
    *words: str, script: Callable[[FakeHub, Screen], Awaitable[None]]
) -> tuple[int, Screen, FakeHub]:
    """Watch a fake hub that plays ``script``; return exit code, screen and hub."""

    async def scenario() -> tuple[int, Screen, FakeHub]:
        screen = Screen()
        async with FakeHub() as hub, asyncio.timeout(PATIENCE):
            arguments = build_parser().parse_args(
                ["watch", "--url", hub.url, "--release", "r5", *words]
            )
            playing = asyncio.create_task(_perform(script, hub, screen))
            try:
                return await watch(arguments, screen.terminal), screen, hub
            finally:
                playing.cancel()
                await asyncio.gather(playing, return_exceptions=True)

    return asyncio.run(scenario())


async def _perform(
    script: Callable[[FakeHub, Screen], Awaitable[None]], hub: FakeHub, screen: Screen
) -> None:
    await script(hub, screen)


def test_each_event_is_a_line_and_the_subscription_goes_at_the_end() -> None:
    async def script(hub: FakeHub, screen: Screen) -> None:
        hub.tell("handshake", 0)
        hub.notify(1)
        hub.notify(2, 3)

    code, screen, hub = _play("--count", "3", script=script)
    assert code == Exit.OK
    assert [row.split()[2] for row in screen.rows] == ["#1", "#2", "#3"]
    assert [row.split()[-1] for row in screen.rows] == ["Task/1", "Task/2", "Task/3"]
    assert hub.subscriptions == ["s1"] and hub.deleted == ["s1"]
    assert hub.binds == ["bind-with-token t1"]


def test_json_has_the_documented_fields() -> None:
    async def script(hub: FakeHub, screen: Screen) -> None:
        hub.tell("handshake", 0)
        hub.notify(1)

    _, screen, _ = _play("--count", "1", "--format", "json", script=script)
    event = json.loads(screen.rows[0])
    assert list(event) == [
        "schema",
        "number",
        "focus",
        "context",
        "timestamp",
        "arrived",
        "milliseconds",
        "recovered",
        "state",
        "subscription",
        "status",
        "topic",
    ]
    assert (event["number"], event["focus"], event["recovered"]) == (1, "Task/1", False)
    assert event["milliseconds"] > 0


def test_a_gap_is_shown_recovered_and_said() -> None:
    async def script(hub: FakeHub, screen: Screen) -> None:
        hub.events = {1, 2, 3, 4}
        hub.tell("handshake", 0)
        hub.notify(1)
        hub.notify(4)

    code, screen, _ = _play("--count", "4", script=script)
    assert code == Exit.OK
    assert [row.split()[2] for row in screen.rows] == ["#1", "#2", "#3", "#4"]
    assert [row.endswith("recovered") for row in screen.rows] == [False, True, True, False]
    assert "gap: #4 arrived, #2..3 missing" in screen.talk.getvalue()
    assert "#2..3 recovered" in screen.talk.getvalue()


@pytest.mark.parametrize("retained", [True, False])
def test_a_gap_that_can_not_be_closed_is_said_and_is_the_exit_code(retained: bool) -> None:
    async def script(hub: FakeHub, screen: Screen) -> None:
        hub.events, hub.retained = {1, 4}, retained
        hub.tell("handshake", 0)
        hub.notify(1)
        hub.notify(4)

    code, screen, _ = _play("--count", "2", script=script)
    assert code == Exit.GAP
    assert [row.split()[2] for row in screen.rows] == ["#1", "#4"]
    assert "#2..3 could not be recovered" in screen.talk.getvalue()
    assert ("no longer kept" in screen.talk.getvalue()) is not retained


def test_a_heartbeat_tells_of_events_that_never_came() -> None:
    async def script(hub: FakeHub, screen: Screen) -> None:
        hub.events = {1}
        hub.tell("handshake", 0)
        hub.tell("heartbeat", 1)

    code, screen, _ = _play("--count", "1", script=script)
    assert code == Exit.OK
    assert "gap: #1 missing" in screen.talk.getvalue()


def test_a_number_that_comes_again_is_ignored() -> None:
    async def script(hub: FakeHub, screen: Screen) -> None:
        hub.tell("handshake", 0)
        for number in (1, 1, 2):
            hub.notify(number)

    code, screen, _ = _play("--count", "2", script=script)
    assert code == Exit.OK
    assert [row.split()[2] for row in screen.rows] == ["#1", "#2"]
    assert "#1 once more" in screen.talk.getvalue()


def test_notifications_of_other_subscriptions_on_the_socket_are_not_ours() -> None:
    async def script(hub: FakeHub, screen: Screen) -> None:
        hub.tell("handshake", 0)
        hub.notify(7, id="other")
        hub.notify(1)

    _, screen, _ = _play("--count", "1", script=script)
    assert [row.split()[2] for row in screen.rows] == ["#1"]


def test_when_the_hub_comes_back_it_resumes_after_the_last_number() -> None:
    async def script(hub: FakeHub, screen: Screen) -> None:
        hub.tell("handshake", 0)
        hub.notify(1)
        hub.hang_up()
        await screen.talk.until("the hub is gone")
        hub.tell("handshake", 3)
        hub.notify(2, 3)
        hub.notify(4)

    code, screen, hub = _play("--count", "4", script=script)
    assert code == Exit.OK
    assert hub.tokens == [None, "1"]
    assert "#2..3 missed, resumed" in screen.talk.getvalue()
    assert [row.endswith("recovered") for row in screen.rows] == [False, True, True, False]


def test_when_nothing_was_missed_it_says_so() -> None:
    async def script(hub: FakeHub, screen: Screen) -> None:
        hub.tell("handshake", 0)
        hub.hang_up()
        await screen.talk.until("the hub is gone")
        hub.tell("handshake", 0)
        hub.notify(1)

    code, screen, _ = _play("--count", "1", script=script)
    assert code == Exit.OK and "nothing was missed" in screen.talk.getvalue()


def test_when_the_numbers_begin_anew_it_says_so_and_goes_on() -> None:
    async def script(hub: FakeHub, screen: Screen) -> None:
        hub.tell("handshake", 0)
        hub.notify(1)
        hub.notify(2)
        hub.hang_up()
        await screen.talk.until("the hub is gone")
        hub.tell("handshake", 0)
        hub.notify(1)

    code, screen, _ = _play("--count", "3", script=script)
    assert code == Exit.OK and "begin anew" in screen.talk.getvalue()


def test_when_its_subscription_is_gone_it_makes_a_new_one() -> None:
    async def script(hub: FakeHub, screen: Screen) -> None:
        hub.tell("handshake", 0)
        hub.notify(1)
        await screen.out.until("#1")
        hub.deleted.append("s1")
        hub.hang_up()
        await screen.talk.until("is gone; making a new one")
        hub.tell("handshake", 0, "s2")
        hub.notify(1, id="s2")

    code, _, hub = _play("--count", "2", script=script)
    assert code == Exit.OK
    assert hub.subscriptions == ["s1", "s2"] and hub.deleted == ["s1", "s2"]


def test_an_existing_subscription_is_followed_from_a_number_and_stays() -> None:
    async def script(hub: FakeHub, screen: Screen) -> None:
        hub.tell("handshake", 5, "mine", "the endpoint answered 503")
        hub.notify(4, 5, id="mine")

    code, screen, hub = _play(
        "--subscription", "mine", "--from", "4", "--count", "2", script=script
    )
    assert code == Exit.OK
    assert hub.tokens == ["3"] and not hub.subscriptions and not hub.deleted
    assert "the hub says: the endpoint answered 503" in screen.talk.getvalue()


def test_when_nothing_arrives_in_time_the_exit_code_says_so() -> None:
    async def script(hub: FakeHub, screen: Screen) -> None:
        hub.tell("handshake", 0)

    code, screen, hub = _play("--wait", "200ms", script=script)
    assert code == Exit.NOTHING_ARRIVED
    assert "nothing arrived for 200 ms" in screen.talk.getvalue()
    assert hub.deleted == ["s1"]


@pytest.mark.parametrize(("status", "code"), [(422, Exit.REFUSED), (503, Exit.SERVER_ERROR)])
def test_what_the_hub_refuses_ends_it_with_the_reason(status: int, code: Exit) -> None:
    async def scenario() -> None:
        async with FakeHub() as hub:
            hub.status = status
            arguments = build_parser().parse_args(["watch", "--url", hub.url])
            with pytest.raises(CommandError, match="not today") as caught:
                await watch(arguments, Screen().terminal)
            assert caught.value.code is code

    asyncio.run(scenario())


def test_a_socket_that_closes_before_the_handshake_is_unreachable() -> None:
    async def script(hub: FakeHub, screen: Screen) -> None:
        hub.hang_up()

    with pytest.raises(CommandError) as caught:
        _play(script=script)
    assert caught.value.code is Exit.UNREACHABLE


def test_a_frame_that_is_no_notification_is_not_believed() -> None:
    async def script(hub: FakeHub, screen: Screen) -> None:
        hub.frames.put_nowait("{}")

    with pytest.raises(CommandError, match="no notification"):
        _play(script=script)


def test_a_watch_survives_a_real_restart_of_the_hub_without_a_gap(tmp_path: Path) -> None:
    organization = {"resourceType": "Organization", "name": "Example ward"}

    async def hosted(port: int | None, work: Callable[[HubClient], Awaitable[None]]) -> int:
        listening = free_port(port)
        port = int(listening.getsockname()[1])
        hosting = Hosting(demo_settings(tmp_path / "hub.db", port), listening=listening)
        hub = await hosting.start()
        try:
            async with HubClient(hub.public_url, FhirRelease.R4, SystemClock()) as client:
                await work(client)
        finally:
            await hosting.stop()
        return port

    async def scenario() -> None:
        screen = Screen()
        watching: list[asyncio.Task[int]] = []

        async def before(client: HubClient) -> None:
            arguments = build_parser().parse_args(
                ["watch", "--url", client.url, "--topic", "any-change", "--count", "3"]
            )
            watching.append(asyncio.create_task(watch(arguments, screen.terminal)))
            await screen.talk.until("watching")
            await client.expect("POST", "Organization", organization)
            await screen.out.until("#1")

        async def after(client: HubClient) -> None:
            await client.expect("POST", "Organization", organization)
            await screen.out.until("#2")
            await client.expect("POST", "Organization", organization)
            assert await watching[0] == Exit.OK

        async with asyncio.timeout(2 * PATIENCE):
            port = await hosted(None, before)
            await screen.talk.until("the hub is gone")
            await hosted(port, after)
        assert [row.split()[2] for row in screen.rows] == ["#1", "#2", "#3"]
        assert "bound to Subscription/" in screen.talk.getvalue()

    asyncio.run(scenario())


def test_nobody_there_is_unreachable() -> None:
    arguments = build_parser().parse_args(["watch", "--url", "http://127.0.0.1:1"])
    with pytest.raises(CommandError) as caught:
        asyncio.run(watch(arguments, Screen().terminal))
    assert caught.value.code is Exit.UNREACHABLE


def test_a_past_needs_an_existing_subscription() -> None:
    with pytest.raises(CommandError, match="--subscription"):
        run(build_parser().parse_args(["watch", "--from", "3"]))


def test_a_filter_that_can_not_be_read_is_told_before_anything_is_sent() -> None:
    async def script(hub: FakeHub, screen: Screen) -> None:
        pass

    with pytest.raises(CommandError, match="--filter") as caught:
        _play("--filter", "owner", script=script)
    assert caught.value.code is Exit.USAGE
