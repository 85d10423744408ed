from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hub.cli.arguments import build_parser
from hub.cli.arrival import CLASSIC
from hub.cli.client import HubClient
from hub.cli.endpoint import Endpoint, Reply
from hub.cli.exits import CommandError, Exit
from hub.cli.request import subscription_resource
from hub.cli.subs import act
from hub.clock import SystemClock
from hub.core.release import FhirRelease
from hub.core.subscription import ChannelType
from tests.cli.screen import PATIENCE, Screen
from tests.support.classic import a_classic


class Desk:
    """A Subscription with an endpoint on a real hub, and the command to look at it."""

    def __init__(self, url: str, client: HubClient, endpoint: Endpoint, id: str) -> None:
        self.url = url
        self.client = client
        self.endpoint = endpoint
        self.id = id

    async def ask(self, *words: str) -> tuple[int, Screen]:
        """Run ``subs`` with these words."""
        screen = Screen()
        arguments = build_parser().parse_args(
            ["subs", *words, "--url", self.url, "--release", self.client.release.path]
        )
        async with asyncio.timeout(PATIENCE):
            return await act(arguments, screen.terminal), screen

    async def change(self) -> None:
        """Make one event, and see it arrive."""
        await self.client.expect(
            "POST", "Organization", {"resourceType": "Organization", "name": "x"}
        )
        while not (await self.endpoint.received.get()).arrival.events:
            pass


@asynccontextmanager
async def _desk(url: str, release: FhirRelease = FhirRelease.R4) -> AsyncIterator[Desk]:
    clock = SystemClock()
    async with (
        asyncio.timeout(2 * PATIENCE),
        HubClient(url, release, clock) as client,
        Endpoint(clock, lambda ordinal, arrival: Reply.ACCEPT) as endpoint,
    ):
        await endpoint.start()
        resource = subscription_resource(
            release,
            reason="a desk",
            topic="any-change",
            channel=ChannelType.REST_HOOK,
            filters=["_type=Organization"],
            endpoint=endpoint.url,
        )
        answer = await client.expect("POST", "Subscription", resource)
        assert (await endpoint.received.get()).arrival.type == "handshake"
        try:
            yield Desk(url, client, endpoint, answer.created_id)
        finally:
            await client.ask("DELETE", f"Subscription/{answer.created_id}")


@pytest.mark.parametrize("release", list(FhirRelease))
def test_list_and_show_tell_what_a_subscription_asks_for_in_every_release(
    hub_url: str, release: FhirRelease
) -> None:
    async def scenario() -> None:
        async with _desk(hub_url, release) as desk:
            await desk.change()
            code, screen = await desk.ask("list")
            row = next(row for row in screen.rows if row.startswith(desk.id))
            assert code == Exit.OK
            assert row.split()[1:5] == ["active", "1", "any-change", "rest-hook"]
            code, screen = await desk.ask("show", f"Subscription/{desk.id}", "--format", "json")
            shown = json.loads(screen.rows[0])
            assert code == Exit.OK
            assert (shown["status"], shown["events"], shown["content"]) == ("active", 1, "id-only")
            assert shown["filters"] == ["_type=Organization"]
            assert shown["endpoint"] == desk.endpoint.url
            _, screen = await desk.ask("show", desk.id)
            assert "topic      any-change" in screen.rows

    asyncio.run(scenario())


def test_attempts_tell_when_what_and_how_it_went(hub_url: str) -> None:
    async def scenario() -> None:
        async with _desk(hub_url) as desk:
            await desk.change()
            # What came of an attempt is kept soon after the endpoint has answered.
            code, screen = await desk.ask("attempts", desk.id)
            while len(screen.rows) < 3:
                code, screen = await desk.ask("attempts", desk.id)
            assert code == Exit.OK
            assert screen.rows[0].split()[:2] == ["AT", "KIND"]
            assert [row.split()[1] for row in screen.rows[1:]] == ["events", "handshake"]
            assert "#1" in screen.rows[1] and "delivered" in screen.rows[1]
            assert re.search(r" wait [0-9.]+ ms", screen.rows[1])
            assert re.search(r" connect [0-9.]+ ms, wait [0-9.]+ ms", screen.rows[2])
            _, screen = await desk.ask("attempts", desk.id, "--format", "json")
            assert json.loads(screen.rows[0])["outcome"] == "delivered"

    asyncio.run(scenario())


def test_events_are_those_that_were_asked_for(hub_url: str) -> None:
    async def scenario() -> None:
        async with _desk(hub_url) as desk:
            for _ in range(3):
                await desk.change()
            for words, numbers in (
                ((), ["#1", "#2", "#3"]),
                (("2",), ["#2"]),
                (("2..",), ["#2", "#3"]),
                (("1..2",), ["#1", "#2"]),
                (("7..9",), []),
            ):
                code, screen = await desk.ask("events", desk.id, *words)
                assert code == Exit.OK
                assert [row.split()[2] for row in screen.rows] == numbers
            assert "no events" in screen.talk.getvalue()

    asyncio.run(scenario())


def test_resend_sends_what_was_asked_for_and_says_so(hub_url: str) -> None:
    async def scenario() -> None:
        async with _desk(hub_url) as desk:
            for _ in range(2):
                await desk.change()
            # Another write is answered after the hub knows what the endpoint took.
            await desk.client.expect("POST", "Patient", {"resourceType": "Patient"})
            code, screen = await desk.ask("resend", desk.id, "1..1")
            assert code == Exit.OK
            assert screen.rows == [f"Subscription/{desk.id} will be sent again the event numbers 1"]
            arrival = (await desk.endpoint.received.get()).arrival
            assert [event.number for event in arrival.events] == [1]
            code, screen = await desk.ask("resend", desk.id, "5..", "--format", "json")
            (told,) = json.loads(screen.rows[0])
            assert code == Exit.OK
            assert told["severity"] == "information"
            assert "nothing is sent again" in told["diagnostics"]
            await desk.ask("off", desk.id)
            with pytest.raises(CommandError, match="422") as caught:
                await desk.ask("resend", desk.id)
            assert caught.value.code is Exit.REFUSED

    asyncio.run(scenario())


def test_off_and_reactivate_change_the_status_and_say_so(hub_url: str) -> None:
    async def scenario() -> None:
        async with _desk(hub_url) as desk:
            code, screen = await desk.ask("off", desk.id)
            assert code == Exit.OK and "off" in screen.rows[0]
            code, screen = await desk.ask("reactivate", desk.id, "--format", "json")
            assert code == Exit.OK
            assert json.loads(screen.rows[0])["status"] == "active"

    asyncio.run(scenario())


def test_verify_tells_the_likely_cause_where_nobody_answers(hub_url: str) -> None:
    async def scenario() -> None:
        async with _desk(hub_url) as desk:
            await desk.ask("off", desk.id)
            await desk.endpoint.stop()
            code, screen = await desk.ask("verify", desk.id)
            assert code == Exit.FAILED
            assert screen.rows[0] == "✗ connection"
            assert any("nothing listens there" in row for row in screen.rows)

    asyncio.run(scenario())


def test_verify_tells_of_a_handshake_that_was_taken(hub_url: str) -> None:
    async def scenario() -> None:
        async with _desk(hub_url) as desk:
            code, screen = await desk.ask("verify", desk.id)
            assert code == Exit.OK
            assert "✓" in screen.rows[0]
            assert any(row.split() == ["status", "200"] for row in screen.rows)
            code, screen = await desk.ask("verify", desk.id, "--format", "json")
            assert code == Exit.OK and json.loads(screen.rows[0])["outcome"] == "delivered"

    asyncio.run(scenario())


def test_a_search_is_shown_in_place_of_a_topic_and_has_no_numbers(hub_url: str) -> None:
    criteria = "Organization?name=Labor&_format=json"

    async def scenario() -> None:
        async with _desk(hub_url) as desk:
            resource = a_classic(criteria, endpoint=desk.endpoint.url)
            id = (await desk.client.expect("POST", "Subscription", resource)).created_id
            assert id
            code, screen = await desk.ask("list")
            row = next(row for row in screen.rows if row.startswith(id))
            assert code == Exit.OK
            assert row.split()[1:4] == ["active", criteria, "rest-hook"]
            assert any(row.startswith(desk.id) for row in screen.rows)
            code, screen = await desk.ask("show", id, "--format", "json")
            shown = json.loads(screen.rows[0])
            assert code == Exit.OK
            assert (shown["topic"], shown["filters"], shown["events"]) == (criteria, [], None)
            code, screen = await desk.ask("attempts", id)
            assert code == Exit.OK
            assert "no attempts" in screen.talk.getvalue()
            for words, status in ((("off", id), "off"), (("reactivate", id), "active")):
                code, screen = await desk.ask(*words)
                assert code == Exit.OK
                assert screen.rows == [f"Subscription/{id}  {status}"]
            with pytest.raises(CommandError, match="no event numbers"):
                await desk.ask("events", id)
            await desk.client.ask("DELETE", f"Subscription/{id}")

    asyncio.run(scenario())


def test_a_search_s_endpoint_is_tried_unless_that_would_write_there(hub_url: str) -> None:
    async def scenario() -> None:
        async with _desk(hub_url) as desk:
            resource = a_classic("Basic?code=x", endpoint=desk.endpoint.url)
            id = (await desk.client.expect("POST", "Subscription", resource)).created_id
            code, screen = await desk.ask("verify", id)
            assert code == Exit.OK
            assert screen.rows[0].startswith("✓")
            assert (await desk.endpoint.received.get()).arrival.type == CLASSIC
            resource["channel"]["payload"] = "application/fhir+json"
            base = (await desk.client.expect("POST", "Subscription", resource)).created_id
            with pytest.raises(CommandError, match="would write a resource"):
                await desk.ask("verify", base)
            for each in (id, base):
                await desk.client.ask("DELETE", f"Subscription/{each}")

    asyncio.run(scenario())


def test_what_is_not_there_is_refused_with_the_reason(hub_url: str) -> None:
    async def scenario() -> None:
        async with _desk(hub_url) as desk:
            with pytest.raises(CommandError, match="404") as caught:
                await desk.ask("show", "nobody")
            assert caught.value.code is Exit.REFUSED

    asyncio.run(scenario())
