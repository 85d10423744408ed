"""Delivery in a second process: the floors talk only through the store and wake-ups.

The hub's process has the web and the writer and runs no lanes; the second one runs them, reads
the same database, and says over a Unix socket what came of deliveries.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from hub.bootstrap import Hosting
from hub.cli.demo import demo_settings, free_port
from hub.cli.story import Story
from hub.clock import SystemClock
from hub.core.release import Resource
from hub.core.timing import FIRST_HANDSHAKE_DELAY
from tests.support.endpoints import Answer, Endpoint, Held, Reply
from tests.support.kill_check import Event, events_of
from tests.support.processes import PATIENCE, session
from tests.support.second_process import Desk, SecondProcess
from tests.support.subscribed import Subscribed, a_subscription
from tests.support.writers import FHIR_JSON

LAB = "Organization/lab"
MOST_AT_ONCE = 2
"""Events in one notification of the Subscription whose backlog is interrupted."""

TOKEN = "Bearer kept-encrypted"
"""A header value, which the second process has to decrypt."""


@dataclass(slots=True)
class SplitHub:
    """A hub whose lanes run in ``second``."""

    url: str
    desk: Desk
    second: SecondProcess

    def base(self, release: str) -> str:
        """The base URL of a release."""
        return f"{self.url}/fhir/{release}"


@asynccontextmanager
async def a_split_hub() -> AsyncIterator[SplitHub]:
    """Serve without lanes; the second process is not started yet, and ends with the hub."""
    async with AsyncExitStack() as stack:
        # The names of Unix sockets are short, and so is this folder's.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        listening = stack.enter_context(free_port(None))
        settings = demo_settings(folder / "hub.db", listening.getsockname()[1])
        hosting = Hosting(settings, listening=listening, lanes=False)
        await hosting.start()
        stack.push_async_callback(hosting.stop)
        assert hosting.engine is not None
        path = folder / "desk"
        second = SecondProcess(path, folder / "second.log")
        desk = Desk(hosting.engine, settings, path)
        try:
            async with desk:
                yield SplitHub(settings.public_url, desk, second)
        finally:
            assert await second.ended() in (None, 0), second.said()


def test_every_step_of_the_order_story_holds_with_delivery_in_a_second_process() -> None:
    async def scenario() -> None:
        async with asyncio.timeout(PATIENCE), a_split_hub() as hub:
            await hub.second.start()
            async with Story(hub.url, SystemClock()) as story:
                held = await story.play()
                assert [step for step in story.steps if not step.held] == []
                assert held and await story.play_order()
            # One handshake; four notifications were taken and one was refused, then one more.
            assert (hub.desk.signalled, hub.desk.settled) == (1, 6)

    asyncio.run(scenario())


def test_a_backlog_arrives_in_order_though_the_second_process_is_killed_in_its_middle() -> None:
    async def scenario() -> None:
        stuck: asyncio.Queue[int] = asyncio.Queue()
        never = asyncio.Event()
        held = Subscribed("r5", "held", LAB, sticking(stuck, never, at=(4, 8)))
        free = Subscribed("r4", "free", LAB)
        async with (
            asyncio.timeout(PATIENCE),
            session() as client,
            held.endpoint,
            free.endpoint,
            a_split_hub() as hub,
        ):
            await put(client, hub, held.resource() | {"maxCount": MOST_AT_ONCE}, "r5")
            await put(client, hub, free.resource(), "r4")
            clock = SystemClock()
            handshakes_due = clock.now() + FIRST_HANDSHAKE_DELAY
            await place_tasks(client, hub, 30)
            await clock.sleep_until(handshakes_due + FIRST_HANDSHAKE_DELAY)
            assert held.endpoint.connections == free.endpoint.connections == 0

            await hub.second.start()
            assert await stuck.get() == 4
            await hub.second.kill()
            await place_tasks(client, hub, 10)
            assert held.missing(40) == 40 - 4 * MOST_AT_ONCE

            await hub.second.start()
            assert await stuck.get() == 8
            await free.complete(40)
            await hub.second.kill()

            await hub.second.start()
            await held.complete(40)
            await place_tasks(client, hub, 5)
            await held.complete(45)
            await free.complete(45)
        check_order(held.received, 45)
        check_order(free.received, 45)
        # What was under way when it was killed was repeated, and nothing else.
        assert len(held.received) == 45 + 2 * MOST_AT_ONCE

    asyncio.run(scenario())


def test_a_change_while_a_notification_is_under_way_stays_and_holds_for_the_next() -> None:
    async def scenario() -> None:
        release = asyncio.Event()
        endpoint = Endpoint([Reply(), Held(release)])
        async with asyncio.timeout(PATIENCE), session() as client, endpoint, a_split_hub() as hub:
            subscription = a_subscription("r5", endpoint.url, LAB, id="moving")
            await hub.second.start()
            await put(client, hub, subscription, "r5")
            await endpoint.wait_for(1)
            await place_tasks(client, hub, 1)
            await endpoint.wait_for(2)
            token = {"name": "Authorization", "value": TOKEN}
            await put(client, hub, subscription | {"parameter": [token]}, "r5")
            release.set()
            await endpoint.wait_for(3)
            await place_tasks(client, hub, 1)
            received = await endpoint.wait_for(4)
        told = [[event.number for event in events_of(json.loads(each.body))] for each in received]
        assert told == [[], [1], [], [2]]
        assert [each.header("Authorization") for each in received] == [None, None, TOKEN, TOKEN]

    asyncio.run(scenario())


def sticking(
    stuck: asyncio.Queue[int], release: asyncio.Event, *, at: Sequence[int]
) -> Callable[[], Answer]:
    """Return how an endpoint answers that holds the notifications ``at`` until ``release``."""

    def answers() -> Iterator[Answer]:
        for number in range(1, 1_000):
            if number in at:
                stuck.put_nowait(number)
                yield Held(release)
            else:
                yield Reply()

    return answers().__next__


def check_order(received: Sequence[Event], top: int) -> None:
    """Check that 1..``top`` came in order, and that a repeated event was the same again."""
    assert [event.number for event in dict.fromkeys(received)] == [*range(1, top + 1)]


async def put(
    client: aiohttp.ClientSession, hub: SplitHub, subscription: Resource, release: str
) -> None:
    """Store a Subscription."""
    url = f"{hub.base(release)}/Subscription/{subscription['id']}"
    async with client.put(url, json=subscription, headers=FHIR_JSON) as answer:
        assert answer.status in (200, 201), await answer.text()


async def place_tasks(client: aiohttp.ClientSession, hub: SplitHub, count: int) -> None:
    """Write Tasks of the laboratory in R4 and R5."""
    task = {"resourceType": "Task", "status": "requested", "intent": "order"}
    body = task | {"owner": {"reference": LAB}}
    for _ in range(count):
        for release in ("r4", "r5"):
            url = f"{hub.base(release)}/Task"
            async with client.post(url, json=body, headers=FHIR_JSON) as answer:
                assert answer.status == 201, await answer.text()
