"""Delivery in a process of its own: the same as in the hub's, whichever of the two dies."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp
import pytest

from hub.bootstrap import Hosting
from hub.cli.demo import demo_settings, free_port
from hub.cli.story import Story
from hub.clock import SystemClock
from hub.core.release import Resource
from hub.core.timing import FIRST_HANDSHAKE_DELAY
from hub.delivery_process import DeliveryProcess
from hub.engine.intake import MOST_WOKEN_AT_ONCE
from tests.support.endpoints import Answer, Endpoint, Held, Reply
from tests.support.kill_check import Event, events_of
from tests.support.processes import PATIENCE, a_hub, session, until
from tests.support.subscribed import Subscribed, a_subscription
from tests.support.writers import FHIR_JSON

LAB = "Organization/lab"
MOST_AT_ONCE = 2
"""Events in one notification of the Subscription whose backlog is interrupted."""

TOKEN = "Bearer kept-encrypted"
"""A header value, which the second process has to decrypt."""


@dataclass(slots=True)
class SplitHub:
    """A hub that posts from ``process``."""

    url: str
    hosting: Hosting
    process: DeliveryProcess

    def base(self, release: str) -> str:
        """The base URL of a release."""
        return f"{self.url}/fhir/{release}"

    async def pid(self, *, after: int | None = None) -> int:
        """Return the number of the process that posts, once there is another one than ``after``."""

        async def there() -> bool:
            return self.process.pid not in (None, after)

        await until(there)
        assert self.process.pid is not None
        return self.process.pid

    async def health(self, client: aiohttp.ClientSession) -> Resource:
        """Return what ``/health`` tells."""
        async with client.get(f"{self.url}/health") as answer:
            told: Resource = await answer.json()
            return told


@asynccontextmanager
async def a_split_hub() -> AsyncIterator[SplitHub]:
    """Serve with a delivery process; it has ended when the hub has."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        listening = stack.enter_context(free_port(None))
        settings = demo_settings(folder / "hub.db", listening.getsockname()[1])
        hosting = Hosting(replace(settings, processes=3), listening=listening)
        await hosting.start()
        assert hosting.delivery_process is not None
        hub = SplitHub(settings.public_url, hosting, hosting.delivery_process)
        try:
            yield hub
        finally:
            pid = hub.process.pid
            await hosting.stop()
            assert pid is None or not is_running(pid)


def is_running(pid: int) -> bool:
    """Tell whether there is a process with this number, other than one that has ended."""
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def children_of(pid: int) -> list[int]:
    """Return the numbers of the processes that a process has started."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_every_step_of_the_order_story_holds() -> None:
    async def scenario() -> None:
        async with (
            asyncio.timeout(PATIENCE),
            a_split_hub() as hub,
            Story(hub.url, SystemClock()) as story,
        ):
            held = await story.play()
            assert [step for step in story.steps if not step.held] == []
            assert held and await story.play_order()

    asyncio.run(scenario())


def test_a_backlog_arrives_in_order_though_the_process_is_killed_in_its_middle() -> None:
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
            pid = await hub.pid()
            os.kill(pid, signal.SIGSTOP)
            await put(client, hub, held.resource() | {"maxCount": MOST_AT_ONCE}, "r5")
            await put(client, hub, free.resource(), "r4")
            clock = SystemClock()
            handshakes_due = clock.now() + FIRST_HANDSHAKE_DELAY
            await place_tasks(client, hub, 30)
            await clock.sleep_until(handshakes_due + FIRST_HANDSHAKE_DELAY)
            assert held.endpoint.connections == free.endpoint.connections == 0

            os.kill(pid, signal.SIGCONT)
            assert await stuck.get() == 4
            assert held.missing(30) == 30 - 4 * MOST_AT_ONCE
            os.kill(pid, signal.SIGKILL)
            await place_tasks(client, hub, 10)

            assert await stuck.get() == 8
            await free.complete(40)
            os.kill(await hub.pid(after=pid), signal.SIGKILL)

            await held.complete(40)
            await place_tasks(client, hub, 5)
            await held.complete(45)
            await free.complete(45)
        check_order(held.received, 45)
        check_order(free.received, 45)
        # What was under way when it was killed was repeated, and nothing else.
        assert len(held.received) == 45 + 2 * MOST_AT_ONCE

    asyncio.run(scenario())


def test_what_only_the_process_knows_is_told_by_the_hub() -> None:
    async def scenario() -> None:
        release = asyncio.Event()
        endpoint = Endpoint([Reply(), Held(release)])
        async with asyncio.timeout(PATIENCE), session() as client, endpoint, a_split_hub() as hub:
            await put(client, hub, a_subscription("r5", endpoint.url, LAB, id="slow"), "r5")
            await endpoint.wait_for(1)
            await place_tasks(client, hub, 1)
            await endpoint.wait_for(2)

            async def busy() -> bool:
                told = (await hub.health(client))["delivery"]
                return (told["undelivered"], told["lanesBusy"]) == (1, 1)

            await until(busy)
            release.set()

            async def idle() -> bool:
                told = (await hub.health(client))["delivery"]
                return (told["undelivered"], told["lanesBusy"]) == (0, 0)

            await until(idle)

    asyncio.run(scenario())


def test_the_process_is_told_of_and_how_often_it_was_started() -> None:
    async def scenario() -> None:
        async with asyncio.timeout(PATIENCE), session() as client, a_split_hub() as hub:
            pid = await hub.pid()
            told, _ = (await hub.health(client))["processes"]
            assert told == {"name": "delivery", "pid": pid, "starts": 1}
            os.kill(pid, signal.SIGKILL)
            other = await hub.pid(after=pid)
            told, _ = (await hub.health(client))["processes"]
            assert told == {"name": "delivery", "pid": other, "starts": 2}

    asyncio.run(scenario())


def test_heartbeats_are_known_to_the_hub() -> None:
    async def scenario() -> None:
        endpoint = Endpoint()
        async with asyncio.timeout(PATIENCE), session() as client, endpoint, a_split_hub() as hub:
            subscription = a_subscription("r5", endpoint.url, LAB, id="beating")
            await put(client, hub, subscription | {"heartbeatPeriod": 1}, "r5")
            await endpoint.wait_for(2)
            assert hub.hosting.engine is not None
            delivery, known = hub.hosting.engine.delivery, hub.hosting.engine.hub.subscribers
            (sid,) = [each.sid for each in known]

            async def beaten() -> bool:
                return delivery.last_beat(sid) is not None

            await until(beaten)
            await place_tasks(client, hub, 1)

            async def outdated() -> bool:
                subscriber = known.get(sid)
                return subscriber is not None and subscriber.delivery.cursor == 1

            await until(outdated)

    asyncio.run(scenario())


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "told to end"])
def test_the_processes_end_with_the_hub(tmp_path: Path, how: signal.Signals) -> None:
    async def scenario() -> None:
        async with asyncio.timeout(PATIENCE), a_hub(tmp_path, "--processes", "3") as hub:

            async def there() -> bool:
                return len(children_of(hub.child.pid)) == 2

            await until(there)
            pids = children_of(hub.child.pid)
            hub.send(how)
            assert await hub.ended() == (0 if how is signal.SIGTERM else -how)

            async def gone() -> bool:
                return not any(map(is_running, pids))

            await until(gone)

    asyncio.run(scenario())


def test_a_change_while_a_notification_is_under_way_stays_and_holds_for_the_next() -> None:
    async def scenario() -> None:
        release = asyncio.Event()
        endpoint = Endpoint([Reply(), Held(release)])
        async with asyncio.timeout(PATIENCE), session() as client, endpoint, a_split_hub() as hub:
            subscription = a_subscription("r5", endpoint.url, LAB, id="moving")
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


def test_a_change_that_wakes_hundreds_reaches_each_of_them_once() -> None:
    async def scenario() -> None:
        endpoint, many = Endpoint(), MOST_WOKEN_AT_ONCE + 1
        async with asyncio.timeout(PATIENCE), session() as client, endpoint, a_split_hub() as hub:
            for number in range(many):
                wanted = a_subscription("r5", endpoint.url, LAB, id=f"many-{number}")
                await put(client, hub, wanted, "r5")
            await endpoint.wait_for(many)
            await place_tasks(client, hub, 1)
            received = (await endpoint.wait_for(2 * many))[many:]
        bundles = [json.loads(each.body) for each in received]
        assert [event.number for bundle in bundles for event in events_of(bundle)] == [1] * many
        statuses = [bundle["entry"][0]["resource"] for bundle in bundles]
        assert len({status["subscription"]["reference"] for status in statuses}) == many

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
