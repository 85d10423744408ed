"""Delivery: one lane per Subscription, in order, at least once.

A lane sends the next notification only after what became of the last one is durable, so a crash
repeats at most one notification per Subscription.  A slow or dead endpoint holds only its own
lane.  Whatever a lane has to do (handshake, events, retry, heartbeat, end) is one instant.

Source: http://hl7.org/fhir/R5/subscriptions.html; backport IG, "Handling Errors as a Server".
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from hub.core.subscriber import Subscriber
from hub.core.subscription import ChannelType
from hub.core.timing import Due, RetryPolicy, next_due
from hub.engine.authorization_hint import AuthorizationHints
from hub.engine.carrier import Carrier
from hub.engine.envelope import Envelopes
from hub.engine.recent_events import RecentEvents
from hub.engine.settlement import Known, Settling, Signalling
from hub.engine.turns import Turns
from hub.errors import HubError
from hub.ports import Channel, Clock, Listener

MOST_IN_SLICE = 256

log = logging.getLogger(__name__)


class Witness(Protocol):
    """One who is told what only lanes know."""

    def lanes(self, busy: int) -> None:
        """Take how many lanes have something to do."""

    def beat(self, sid: int, at: datetime | None) -> None:
        """Take a heartbeat that is kept nowhere else, or that it is outdated (None)."""


class Delivery:
    """Runs the lanes of all Subscriptions that the hub sends to by itself."""

    def __init__(
        self,
        *,
        events: RecentEvents,
        intake: Settling,
        subscribers: Known,
        subscriptions: Signalling,
        envelopes: Envelopes,
        channels: Mapping[ChannelType, Channel],
        clock: Clock,
        listener: Listener,
        luck: Callable[[], float],
        policy: RetryPolicy,
        hints: AuthorizationHints,
        witness: Witness | None = None,
    ) -> None:
        """Serve the Subscriptions whose channel is among ``channels``."""
        self._carrier = Carrier(
            events=events,
            intake=intake,
            subscribers=subscribers,
            subscriptions=subscriptions,
            envelopes=envelopes,
            channels=channels,
            clock=clock,
            luck=luck,
            policy=policy,
            hints=hints,
            note_beat=self.note_beat,
        )
        self._subscribers = subscribers
        self._channels = channels
        self._clock = clock
        self._listener = listener
        self._witness = witness
        self.busy_elsewhere = 0
        """How many lanes are busy in another process."""
        self._due: list[tuple[datetime, int]] = []
        self._planned: dict[int, datetime] = {}
        self._busy: dict[int, asyncio.Task[None]] = {}
        self._beats: dict[int, datetime] = {}
        self._turns = Turns()
        self._draining = False

    @property
    def busy(self) -> int:
        """How many lanes have something to do right now."""
        return len(self._turns) + self.busy_elsewhere

    async def run(self) -> None:
        """Serve every lane until cancelled."""
        # Asking for it each time asks the system for the process, too.
        self._loop = asyncio.get_running_loop()
        await self._serve_all(self._subscribers.sids())
        while True:
            until = self._due[0][0] if self._due else None
            await self._serve_all(await self._listener.wait(until))
            now = self._clock.now()
            while self._due and self._due[0][0] <= now:
                at, sid = heapq.heappop(self._due)
                if self._planned.get(sid) == at:
                    del self._planned[sid]
                    self._serve(sid, now)

    async def drain(self, deadline: datetime) -> None:
        """Let attempts in flight end until ``deadline``, then drop them; they will be repeated."""
        self._draining = True
        tasks = list(self._busy.values())
        if not tasks:
            return
        timer = asyncio.create_task(self._stop_at(deadline, tasks))
        await asyncio.gather(*tasks, return_exceptions=True)
        timer.cancel()
        await asyncio.gather(timer, return_exceptions=True)

    async def _stop_at(self, deadline: datetime, tasks: list[asyncio.Task[None]]) -> None:
        await self._clock.sleep_until(deadline)
        for task in tasks:
            task.cancel()

    async def _serve_all(self, sids: Collection[int]) -> None:
        """Serve lanes in slices: one change can wake ten thousand, and others have their turn."""
        now = self._clock.now()
        for count, sid in enumerate(sids, 1):
            self._serve(sid, now)
            if not count % MOST_IN_SLICE:
                await self._clock.sleep_until(now)
                now = self._clock.now()

    def _serve(self, sid: int, now: datetime, *, called: bool = False) -> None:
        if sid in self._busy or self._draining:
            return
        subscriber = self._subscribers.get(sid)
        if subscriber is None or subscriber.deleted:
            return
        subscription = subscriber.subscription
        if subscription.channel_type is ChannelType.WEBSOCKET and subscription.end is None:
            return  # One change can wake thousands of these; there is nothing to do for any.
        if subscription.channel_type not in self._channels:
            return
        due = self._next(subscriber, now)
        if due is None:
            self._planned.pop(sid, None)
            return
        if due.at > now:
            self._plan(sid, due.at)
            return
        fails = subscriber.delivery.failures > 0
        if not self._turns.take(sid, fails=fails, called=called):
            return
        task = self._loop.create_task(self._carrier.carry(subscriber, due.kind))
        self._busy[sid] = task
        task.add_done_callback(partial(self._finished, sid))
        if self._witness is not None:
            self._witness.lanes(len(self._turns))

    def _plan(self, sid: int, at: datetime) -> None:
        """Look at a lane again at ``at``, or before."""
        planned = self._planned.get(sid)
        if planned is not None and planned <= at:
            return
        self._planned[sid] = at
        heapq.heappush(self._due, (at, sid))
        if self._due[0] == (at, sid):
            self._listener.signal(())

    def _next(self, subscriber: Subscriber, now: datetime) -> Due | None:
        state = subscriber.delivery
        if self._beats:
            beat = self._beats.get(subscriber.sid)
            if beat is not None and (state.last_sent is None or beat > state.last_sent):
                state = state._replace(last_sent=beat)
        return next_due(subscriber.subscription, state, self._subscribers.top(subscriber), now)

    def last_beat(self, sid: int) -> datetime | None:
        """Return when a heartbeat was last sent, or tried, since what was last kept of a lane."""
        return self._beats.get(sid)

    def note_beat(self, sid: int, at: datetime | None) -> None:
        """Remember a heartbeat, or that something that is kept came later."""
        if at is not None:
            self._beats[sid] = at
        elif self._beats.pop(sid, None) is None:
            return
        if self._witness is not None:
            self._witness.beat(sid, at)

    def _finished(self, sid: int, task: asyncio.Task[None]) -> None:
        del self._busy[sid]
        self._turns.end(sid)
        if task.cancelled():
            return
        error = task.exception()
        now = self._clock.now()
        if error is None:
            self._serve(sid, now)
        else:
            if isinstance(error, HubError):
                log.warning("lane of Subscription %d waits: %s", sid, error.diagnostics)
            else:
                log.error("lane of Subscription %d failed", sid, exc_info=error)
            self._plan(sid, now + timedelta(seconds=5))
        while (turn := self._turns.call()) is not None:
            self._serve(turn, now, called=True)
        if self._witness is not None:
            self._witness.lanes(len(self._turns))
