"""Delivery to endpoints in a process of its own: ``fhir-hub serve --processes 3``.

The hub starts it, tells it all that it needs to know, and starts it again if it dies; it ends when
the hub is gone, whatever happened to that.  Mails and websockets stay with the hub.
"""

from __future__ import annotations

import asyncio
import gc
import random
import socket
import sys
from dataclasses import dataclass
from datetime import datetime

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
from hub.event_loop import COLLECT, loop_factory
from hub.logs import log_to_stderr
from hub.ports import Channel, Clock
from hub.second_process import SecondProcess, read_beginning
from hub.settings import Settings
from hub.stores.sqlite_follower import SqliteFollower

POSTING = frozenset((ChannelType.REST_HOOK, ChannelType.MESSAGE))
"""The channels whose Subscriptions it serves."""


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


class DeliveryProcess(SecondProcess):
    """The process, as the hub sees it.

    Args:
        hub: whose deliveries it makes.
        delivery: the one that stays in the hub's process.
        beginning: what the process is told.
    """

    name = "delivery"
    module = __name__

    def __init__(self, hub: Hub, delivery: Delivery, beginning: Beginning) -> None:
        super().__init__(hub.clock, beginning)
        self._hub = hub
        self._delivery = delivery
        self._desk: DeliveryDesk | None = None

    async def _run_one(self) -> int:
        ours, its = socket.socketpair()
        try:
            with its:
                child = await self._start((its.fileno(),))
            self._desk = desk = DeliveryDesk(self._hub, self._delivery)
            await asyncio.get_running_loop().create_connection(lambda: desk.line, sock=ours)
            await desk.serve()
            return await child.wait()
        finally:
            self._desk = None
            self._end()

    def _drain(self, deadline: datetime) -> None:
        if self._desk is not None:
            self._desk.drain(deadline)


async def deliver(beginning: Beginning, line: socket.socket) -> None:
    """Run the lanes until the hub says to stop, or is gone."""
    settings, clock = beginning.settings, SystemClock()
    store = SqliteFollower(settings.db)
    recent, listener = RecentEvents(store), LocalListener(clock)
    hub = RemoteHub(recent, listener, clock)
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
    # What is known stays: the collector need not look at it again and again.
    hub.complete.add_done_callback(lambda _: gc.freeze())
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
    beginning: Beginning = read_beginning()
    log_to_stderr(beginning.settings.log_level)
    gc.set_threshold(*COLLECT)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(deliver(beginning, socket.socket(fileno=int(sys.argv[1]))))


if __name__ == "__main__":
    main()
