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
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from hub.core.delivery import Delivered, DeliveryResult, Envelope, FailureClass
from hub.core.notification import NotificationType, NumberedEvent, build_notification
from hub.core.subscriber import Attempt, Subscriber
from hub.core.subscription import ChannelType, Signal
from hub.core.timing import (
    HANDSHAKE_RETRIES,
    Due,
    Kind,
    RetryPolicy,
    Settled,
    after_success,
    next_due,
    retry_at,
)
from hub.core.value import value
from hub.engine.authorization_hint import AuthorizationHints
from hub.engine.delivery_range import lost_before, numbers_due, passed_over
from hub.engine.envelope import Envelopes
from hub.engine.failure import final_signal
from hub.engine.recent_events import RecentEvents
from hub.engine.settlement import Known, Settlement, Settling, Signalling
from hub.engine.status_error import failure_error, handshake_total, status_errors
from hub.engine.turns import Turns
from hub.errors import HubError
from hub.ports import Channel, Clock, Listener

MOST_IN_SLICE = 256

log = logging.getLogger(__name__)

_SILENT = frozenset({FailureClass.BUSY, FailureClass.TIMEOUT})
UNCONFIRMED = "nobody agreed in time to get mails there; set the status to requested to ask again"

_SUCCESSES = {
    Kind.EVENTS: Settled.DELIVERED,
    Kind.HANDSHAKE: Settled.ASKED,
    Kind.RESEND: Settled.RESENT,
    Kind.HEARTBEAT: Settled.HEARTBEAT,
}


@value(frozen=True, slots=True)
class _Task:
    """What one lane sends now: the range of numbers, and the Subscription as it was then."""

    kind: Kind
    subscriber: Subscriber
    first: int = 0
    last: int = 0


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
        self._recent = events
        self._intake = intake
        self._subscribers = subscribers
        self._subscriptions = subscriptions
        self._envelopes = envelopes
        self._channels = channels
        self._clock = clock
        self._listener = listener
        self._luck = luck
        self._policy = policy
        self._hints = hints
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
        await self._serve_all([subscriber.sid for subscriber in self._subscribers])
        while True:
            until = self._due[0][0] if self._due else None
            await self._serve_all(await self._listener.wait(until))
            now = self._clock.now()
            while self._due and self._due[0][0] <= now:
                at, sid = heapq.heappop(self._due)
                if self._planned.get(sid) == at:
                    del self._planned[sid]
                    self._serve(sid)

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
        for count, sid in enumerate(sids, 1):
            self._serve(sid)
            if not count % MOST_IN_SLICE:
                await self._clock.sleep_until(self._clock.now())

    def _serve(self, sid: int, *, called: bool = False) -> None:
        subscriber = self._subscribers.get(sid)
        if self._draining or sid in self._busy or subscriber is None or subscriber.deleted:
            return
        if subscriber.subscription.channel_type not in self._channels:
            return
        now = self._clock.now()
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
        task = asyncio.create_task(self._run_lane(subscriber, due))
        self._busy[sid] = task
        task.add_done_callback(lambda done: self._finished(sid, done))
        if self._witness is not None:
            self._witness.lanes(len(self._turns))

    def _plan(self, sid: int, at: datetime) -> None:
        """Look at a lane again at ``at``."""
        if self._planned.get(sid) == at:
            return
        self._planned[sid] = at
        heapq.heappush(self._due, (at, sid))
        if self._due[0] == (at, sid):
            self._listener.signal(())

    def _next(self, subscriber: Subscriber, now: datetime) -> Due | None:
        state = subscriber.delivery
        beat = self._beats.get(subscriber.sid)
        if beat is not None and (state.last_sent is None or beat > state.last_sent):
            state = replace(state, last_sent=beat)
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
        if error is None:
            self._serve(sid)
        else:
            if isinstance(error, HubError):
                log.warning("lane of Subscription %d waits: %s", sid, error.diagnostics)
            else:
                log.error("lane of Subscription %d failed", sid, exc_info=error)
            self._plan(sid, self._clock.now() + timedelta(seconds=5))
        while (turn := self._turns.call()) is not None:
            self._serve(turn, called=True)
        if self._witness is not None:
            self._witness.lanes(len(self._turns))

    async def _run_lane(self, subscriber: Subscriber, due: Due) -> None:
        if due.kind is Kind.END:
            await self._subscriptions.signal(
                subscriber.sid, subscriber.generation, Signal.ENDED, error="its end has come"
            )
            return
        if due.kind is Kind.UNCONFIRMED:
            await self._subscriptions.signal(
                subscriber.sid, subscriber.generation, Signal.HANDSHAKE_FAILED, error=UNCONFIRMED
            )
            return
        if self._subscribers.get(subscriber.sid) is not subscriber:
            return  # It was changed before the lane had its turn; the lane looks again.
        task, envelope = await self._prepared(subscriber, due.kind)
        if envelope is None:
            return
        result = await self._channels[envelope.channel_type].send(envelope)
        if isinstance(result, Delivered):
            await self._delivered(task, result)
        else:
            await self._failed(task, result)

    async def _prepared(self, subscriber: Subscriber, kind: Kind) -> tuple[_Task, Envelope | None]:
        subscription = subscriber.subscription
        total = self._subscribers.top(subscriber)
        now = self._clock.now()
        if kind is Kind.HANDSHAKE and subscription.is_classic:
            return _Task(kind, subscriber), self._envelopes.classic(subscriber, now)
        if kind is Kind.HANDSHAKE:
            total = handshake_total(subscriber, total)
            notification = build_notification(
                subscription, NotificationType.HANDSHAKE, total=total, timestamp=now
            )
        elif kind is Kind.HEARTBEAT:
            notification = build_notification(
                subscription,
                NotificationType.HEARTBEAT,
                total=total,
                timestamp=now,
                errors=status_errors(subscriber),
            )
        else:
            return await self._events(subscriber, kind, total)
        return _Task(kind, subscriber), self._envelopes.around(notification, subscriber, now)

    async def _events(
        self, subscriber: Subscriber, kind: Kind, total: int
    ) -> tuple[_Task, Envelope | None]:
        lowest = self._subscribers.lowest(subscriber)
        first, last = numbers_due(subscriber, kind, total, lowest)
        task = _Task(kind, subscriber, first, last)
        events: list[NumberedEvent] = []
        if first <= last:
            events = await self._recent.read(subscriber, first, last)
        if not events:
            await self._intake.settle(passed_over(subscriber, kind, first, last, self._clock.now()))
            return task, None
        if subscriber.subscription.is_classic:
            return task, self._envelopes.classic(subscriber, self._clock.now(), events[0])
        notification = build_notification(
            subscriber.subscription,
            NotificationType.EVENT_NOTIFICATION,
            total=total,
            timestamp=events[-1].timestamp,
            events=events,
            errors=lost_before(subscriber, kind, first, events[0].number),
            hint=self._hints.of_endpoint(subscriber.subscription),
        )
        return task, self._envelopes.around(notification, subscriber, self._clock.now())

    def _attempt(self, task: _Task, result: DeliveryResult) -> Attempt:
        delivered = isinstance(result, Delivered)
        return Attempt(
            sid=task.subscriber.sid,
            at=self._clock.now(),
            kind=task.kind,
            first=task.first,
            last=task.last,
            outcome="delivered" if isinstance(result, Delivered) else result.failure,
            status=result.status,
            timing=result.timing,
            reason="" if delivered or isinstance(result, Delivered) else result.reason,
        )

    async def _delivered(self, task: _Task, result: Delivered) -> None:
        now = self._clock.now()
        subscriber = task.subscriber
        attempt = self._attempt(task, result)
        self.note_beat(subscriber.sid, None)
        asks = self._envelopes.asks_first(subscriber.subscription)
        if task.kind is Kind.HANDSHAKE and not asks:
            await self._subscriptions.signal(
                subscriber.sid,
                subscriber.generation,
                Signal.HANDSHAKE_DONE,
                attempt=attempt,
                delivery=after_success(subscriber.delivery, now, subscriber.delivery.cursor),
            )
            return
        healthy = subscriber.error is None and not subscriber.delivery.failures
        if task.kind is Kind.HEARTBEAT and healthy:
            self.note_beat(subscriber.sid, now)
            return
        await self._intake.settle(
            Settlement(
                sid=subscriber.sid,
                generation=subscriber.generation,
                what=_SUCCESSES[task.kind],
                at=now,
                cursor=task.last,
                resent=(task.first, task.last),
                asked=subscriber.delivery.asked,
                attempts=(attempt,),
            )
        )

    async def _failed(self, task: _Task, result: DeliveryResult) -> None:
        if isinstance(result, Delivered):
            return
        now = self._clock.now()
        subscriber = task.subscriber
        attempt = self._attempt(task, result)
        error, code = failure_error(result.failure, result.status, result.reason)
        signal = final_signal(task.kind, result.failure)
        state = subscriber.delivery
        due: datetime | None = None
        if signal is None and task.kind is Kind.HANDSHAKE:
            if state.failures < len(HANDSHAKE_RETRIES):
                due = now + HANDSHAKE_RETRIES[state.failures]
            else:
                signal = Signal.HANDSHAKE_FAILED
        elif signal is None and task.kind in (Kind.EVENTS, Kind.RESEND):
            due = retry_at(
                self._policy,
                state,
                now,
                self._luck(),
                result.retry_after,
                busy=result.failure in _SILENT,
            )
            signal = None if due else Signal.EXHAUSTED
        if signal is not None:
            await self._subscriptions.signal(
                subscriber.sid,
                subscriber.generation,
                signal,
                error=error,
                error_code=code,
                attempt=attempt,
            )
            return
        beat = task.kind is Kind.HEARTBEAT
        if beat:
            self.note_beat(subscriber.sid, now)
        await self._intake.settle(
            Settlement(
                sid=subscriber.sid,
                generation=subscriber.generation,
                what=Settled.HEARTBEAT_FAILED if beat else Settled.FAILED,
                at=now,
                due=due,
                retry_to=state.retry_to if task.kind is Kind.RESEND else task.last or None,
                attempts=(attempt,),
                error=error,
                error_code=code,
            )
        )
