from __future__ import annotations

import asyncio
import io
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from hub.cli.arrival import read_arrival
from hub.cli.client import Answer, HubClient, SocketLost
from hub.cli.demo import step_line
from hub.cli.event_line import event_line
from hub.cli.exits import CommandError, Exit
from hub.cli.request import bare_name, canonical, subscription_resource
from hub.cli.story_step import Step
from hub.cli.terminal import Terminal
from hub.clock import SystemClock
from hub.core.release import FhirRelease
from hub.core.subscription import ChannelType
from tests.cli.fake_hub import FakeHub, notification

NOON = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)


def _serve(answers: dict[str, tuple[int, Any]], ask: Any) -> None:
    """Let ``ask(client)`` talk to a server that answers ``answers`` by path below the base."""

    async def answer(request: web.Request) -> web.Response:
        status, body = answers[request.match_info["path"]]
        text = body.replace("BASE", f"http://{request.host}") if isinstance(body, str) else None
        if text is not None:
            return web.Response(status=status, text=text)
        return web.json_response(body, status=status)

    async def scenario() -> None:
        application = web.Application()
        application.router.add_route("*", "/fhir/r4/{path:.*}", answer)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
        async with HubClient(url, FhirRelease.R4, SystemClock()) as client:
            await ask(client)
        await runner.cleanup()

    asyncio.run(scenario())


def test_a_refusal_tells_status_words_place_and_code() -> None:
    issue = {
        "severity": "error",
        "code": "value",
        "diagnostics": "no such status",
        "expression": ["Task.status"],
        "details": {"coding": [{"code": "invalid-value"}]},
    }
    note = {"severity": "information", "code": "informational", "diagnostics": "by the way"}
    outcome = {"resourceType": "OperationOutcome", "issue": [issue, note]}

    async def ask(client: HubClient) -> None:
        with pytest.raises(CommandError) as caught:
            await client.expect("GET", "Task/1")
        assert caught.value.code is Exit.REFUSED
        assert caught.value.text == (
            "400 from GET Task/1: no such status [Task.status] (invalid-value)"
        )

    _serve({"Task/1": (400, outcome)}, ask)


def test_an_answer_without_outcome_tells_its_status() -> None:
    async def ask(client: HubClient) -> None:
        with pytest.raises(CommandError, match="500 from GET Task/1: status 500") as caught:
            await client.expect("GET", "Task/1")
        assert caught.value.code is Exit.SERVER_ERROR
        with pytest.raises(CommandError, match="no FHIR JSON"):
            await client.resource("Task/2")
        with pytest.raises(CommandError, match="status 404"):
            await client.resource("Task/3")

    empty = {"resourceType": "OperationOutcome", "issue": []}
    _serve({"Task/1": (500, "oops"), "Task/2": (200, "[]"), "Task/3": (404, empty)}, ask)


def test_pages_are_followed_on_the_same_hub() -> None:
    first = (
        '{"resourceType": "Bundle", "link":'
        ' [{"relation": "self", "url": "x"}, {"relation": "next", "url": "BASE/fhir/r4/two"}]}'
    )

    async def ask(client: HubClient) -> None:
        pages = [page async for page in client.pages("one")]
        assert [page.get("id") for page in pages] == [None, "last"]

    _serve({"one": (200, first), "two": (200, {"resourceType": "Bundle", "id": "last"})}, ask)


def test_an_answer_that_should_be_notifications_and_is_not_is_the_servers_fault() -> None:
    async def ask(client: HubClient) -> None:
        with pytest.raises(CommandError) as caught:
            await client.events("Subscription/x", 1, 2)
        assert caught.value.code is Exit.SERVER_ERROR
        with pytest.raises(CommandError):
            await client.statuses("Subscription/$status")
        with pytest.raises(CommandError, match="no token"):
            async with client.listen("x"):
                raise AssertionError

    task = {"resourceType": "Task"}
    bundle = {"resourceType": "Bundle", "entry": [{"resource": task}]}
    _serve(
        {
            "Subscription/x/$events": (200, bundle),
            "Subscription/$status": (200, bundle),
            "Subscription/x/$get-ws-binding-token": (200, {"resourceType": "Parameters"}),
        },
        ask,
    )


def test_a_websocket_that_can_not_be_opened_is_lost() -> None:
    values = [
        {"name": "token", "valueString": "t"},
        {"name": "websocket-url", "valueUrl": "ws://127.0.0.1:1/ws"},
    ]

    async def ask(client: HubClient) -> None:
        with pytest.raises(SocketLost):
            async with client.listen("x"):
                raise AssertionError

    answer = {"resourceType": "Parameters", "parameter": values}
    _serve({"Subscription/x/$get-ws-binding-token": (200, answer)}, ask)


def test_a_socket_that_breaks_is_lost() -> None:
    async def hear_all(client: HubClient) -> None:
        async with client.listen("s1") as arrivals:
            async for arrival in arrivals:
                assert arrival.type == "handshake"

    async def scenario() -> None:
        clock = SystemClock()
        async with FakeHub() as hub, HubClient(hub.url, FhirRelease.R5, clock) as client:
            hub.tell("handshake", 0)
            hub.hang_up()
            with pytest.raises(SocketLost):
                await hear_all(client)

    asyncio.run(scenario())


def test_the_id_of_what_was_created_may_come_in_location_only() -> None:
    location = "http://hub.example.org/fhir/r4/Task/7/_history/1"
    answer = Answer(status=201, resource=None, etag=None, location=location, milliseconds=1.0)
    assert answer.created_id == "7"


@pytest.mark.parametrize("release", list(FhirRelease))
def test_a_request_names_topic_filters_and_channel_in_every_release(release: FhirRelease) -> None:
    resource = subscription_resource(
        release,
        reason="the lab's inbox",
        topic="task-requested",
        channel=ChannelType.REST_HOOK,
        filters=["Task?owner=Organization/1"],
        endpoint="https://example.org/hook",
    )
    text = str(resource)
    assert resource["resourceType"] == "Subscription" and resource["status"] == "requested"
    assert resource["reason"] == "the lab's inbox"
    for part in (canonical("task-requested"), "Organization/1", "https://example.org/hook"):
        assert part in text


def test_a_topic_may_be_named_by_its_canonical() -> None:
    assert canonical("http://example.org/t") == "http://example.org/t"
    assert bare_name(canonical("any-change")) == "any-change"
    assert bare_name("http://example.org/t") == "http://example.org/t"


def test_an_event_without_timestamp_has_no_duration() -> None:
    bundle = notification(1)
    del bundle["entry"][0]["resource"]["notificationEvent"][0]["timestamp"]
    arrival = read_arrival(bundle)
    terminal = Terminal(io.StringIO(), io.StringIO())
    line = event_line(terminal, arrival, arrival.events[0], NOON, False)
    assert line.split()[1:] == ["→", "#1", "active", "Task/1"]


def test_a_step_is_a_line_with_an_arrow_and_short_ids() -> None:
    terminal = Terminal(io.StringIO(), io.StringIO())
    step = Step(
        at=NOON,
        who="hub",
        whom="placer",
        what="Task/919818f8-d966-4765-8771-05a3723bf8d7 v1 requested",
        held=True,
        number="#1",
        status="ws",
        milliseconds=3.2,
    )
    assert step_line(terminal, step).split()[1:] == [
        "hub", "→", "placer", "#1", "ws", "3.2", "ms", "Task/919818f8…", "v1", "requested",
    ]  # fmt: skip


def test_a_step_that_failed_has_a_cross() -> None:
    colourful = Terminal(io.StringIO(), io.StringIO(), colour=True)
    step = Step(at=NOON, who="fulfiller", whom="hub", what="claims", held=False, status="412")
    assert "✗" in step_line(colourful, step)
