"""Delivery to endpoints in a process of its own: ``fhir-hub serve --delivery-process``.

The hub starts it, tells it all that it needs to know, and starts it again if it dies; it ends when
the hub is gone, whatever happened to that.  Mails and websockets stay with the hub.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import pickle
import random
import signal
import socket
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.channels.addresses import EgressPolicy
from hub.channels.egress import GuardedClient
from hub.channels.message import MessageChannel
from hub.channels.rest_hook import RestHookChannel
from hub.clock import SystemClock
from hub.codecs import xml
from hub.codecs.releases import codecs_of_releases
from hub.core.subscription import ChannelType
from hub.core.timing import RETRY_FLOOR, RetryPolicy
from hub.engine.authorization_hint import AuthorizationHints
from hub.engine.delivery import Delivery
from hub.engine.delivery_desk import DeliveryDesk
from hub.engine.envelope import Envelopes
from hub.engine.hub import Hub, base_url
from hub.engine.recent_events import RecentEvents
from hub.engine.remote_hub import RemoteHub
from hub.engine.wakeups import LocalListener
from hub.event_loop import loop_factory
from hub.logs import log_to_stderr
from hub.ports import Channel, Clock
from hub.settings import Settings
from hub.stores.sqlite_follower import SqliteFollower

POSTING = frozenset((ChannelType.REST_HOOK, ChannelType.MESSAGE))
"""The channels whose Subscriptions it serves."""

PAUSE = timedelta(seconds=1)
"""How long after it died it is started again."""

COLLECT = (500_000, 5, 5)
"""How many more objects than before a serving process has when the collector looks at them.

What requests and notifications make is freed without it, and what is remembered of them is about
200,000 objects: looking at those again and again held up everything for a tenth of a second.  So it
looks only where cycles pile up, as after many failures; they take some 75 MB at most.
"""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Beginning:
    """What the process is told before all else."""

    settings: Settings
    policy: EgressPolicy


def retry_policy(settings: Settings) -> RetryPolicy:
    """Return when failed deliveries are tried again."""
    return RetryPolicy(
        schedule=settings.retry_schedule,
        give_up_after=settings.give_up_after,
        floor=min(RETRY_FLOOR, max(settings.retry_schedule)),
    )


def posting_channels(client: GuardedClient, clock: Clock) -> dict[ChannelType, Channel]:
    """Return the channels that post, over one client."""
    return {
        ChannelType.REST_HOOK: RestHookChannel(client, clock.now),
        ChannelType.MESSAGE: MessageChannel(client, clock.now),
    }


class DeliveryProcess:
    """The process, as the hub sees it.

    Args:
        hub: whose deliveries it makes.
        delivery: the one that stays in the hub's process.
        beginning: what the process is told.
    """

    def __init__(self, hub: Hub, delivery: Delivery, beginning: Beginning) -> None:
        self._hub = hub
        self._delivery = delivery
        self._beginning = beginning
        self._desk: DeliveryDesk | None = None
        self._child: asyncio.subprocess.Process | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """The process's number, None while there is none."""
        return None if self._child is None else self._child.pid

    async def run(self) -> None:
        """Keep it running until ``stop``."""
        while not self._stopping:
            try:
                how = f"ended with {await self._run_one()}"
            except OSError as error:
                how = f"can't run: {error}"
            if not self._stopping:
                log.error("the delivery process %s; another one begins", how)
                await self._hub.clock.sleep_until(self._hub.clock.now() + PAUSE)

    async def stop(self, deadline: datetime) -> None:
        """Let attempts in flight end until ``deadline``; return when the process is gone."""
        self._stopping = True
        child, desk = self._child, self._desk
        if child is None or desk is None:
            return
        desk.drain(deadline)
        ending = asyncio.ensure_future(child.wait())
        late = asyncio.ensure_future(self._hub.clock.sleep_until(deadline + PAUSE))
        await asyncio.wait((ending, late), return_when=asyncio.FIRST_COMPLETED)
        late.cancel()
        if not ending.done():
            child.kill()
        await asyncio.gather(ending, late, return_exceptions=True)

    async def _run_one(self) -> int:
        ours, its = socket.socketpair()
        with its:
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", __name__, str(its.fileno())),
                pass_fds=(its.fileno(),),
                stdin=asyncio.subprocess.PIPE,
            )
        self._child = child
        try:
            assert child.stdin is not None
            child.stdin.write(pickle.dumps(self._beginning))
            child.stdin.close()
            self._desk = desk = DeliveryDesk(self._hub, self._delivery)
            await asyncio.get_running_loop().create_connection(lambda: desk.line, sock=ours)
            await desk.serve()
            return await child.wait()
        finally:
            self._child = self._desk = None
            if child.returncode is None:
                child.kill()


async def deliver(beginning: Beginning, line: socket.socket) -> None:
    """Run the lanes until the hub says to stop, or is gone."""
    settings, clock = beginning.settings, SystemClock()
    store = SqliteFollower(settings.db)
    recent, listener = RecentEvents(store), LocalListener(clock)
    hub = RemoteHub(recent, listener)
    await asyncio.get_running_loop().create_connection(lambda: hub.line, sock=line)
    client = GuardedClient(beginning.policy, clock.monotonic)
    await client.start()
    delivery = Delivery(
        events=recent,
        intake=hub,
        subscribers=hub,
        subscriptions=hub,
        envelopes=Envelopes(
            codecs_of_releases(settings.message_event, has_xml=xml.is_installed()),
            lambda release: base_url(settings.public_url, release),
        ),
        channels=posting_channels(client, clock),
        clock=clock,
        listener=listener,
        luck=random.SystemRandom().random,
        policy=retry_policy(settings),
        hints=AuthorizationHints(settings.authorization_hint, settings.public_url),
        witness=hub,
    )
    await asyncio.wait((hub.complete, hub.line.lost), return_when=asyncio.FIRST_COMPLETED)
    gc.collect()
    gc.freeze()
    lanes = asyncio.ensure_future(delivery.run())
    await asyncio.wait((lanes, hub.draining, hub.line.lost), return_when=asyncio.FIRST_COMPLETED)
    if lanes.done():
        lanes.result()
    lanes.cancel()
    deadline = hub.draining.result() if hub.draining.done() else clock.now()
    await delivery.drain(deadline)
    hub.line.close()
    await client.close()
    store.close()


def main() -> None:
    """Begin as the hub says on standard input; the line to it is the descriptor in the argument."""
    # ^C goes to every process of the terminal; the hub says when this one ends.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    beginning: Beginning = pickle.load(sys.stdin.buffer)  # noqa: S301  # the hub's own
    log_to_stderr(beginning.settings.log_level)
    gc.set_threshold(*COLLECT)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(deliver(beginning, socket.socket(fileno=int(sys.argv[1]))))


if __name__ == "__main__":
    main()
