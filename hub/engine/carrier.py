"""What one lane does: it makes a notification, has a channel send it, and says what came of it.

Source: http://hl7.org/fhir/R5/subscriptions.html; backport IG, "Handling Errors as a Server".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from hub.core.delivery import Delivered, DeliveryResult, Envelope, Failed, FailureClass
from hub.core.notification import NotificationType, build_notification
from hub.core.subscriber import Attempt, Subscriber
from hub.core.subscription import ChannelType, Signal
from hub.core.timing import (
    HANDSHAKE_RETRIES,
    Kind,
    RetryPolicy,
    Settled,
    after_success,
    retry_at,
)
from hub.engine.authorization_hint import AuthorizationHints
from hub.engine.delivery_range import lost_before, numbers_due, passed_over
from hub.engine.envelope import Envelopes
from hub.engine.failure import final_signal
from hub.engine.recent_events import RecentEvents
from hub.engine.settlement import Known, Settlement, Settling, Signalling
from hub.engine.status_error import failure_error, handshake_total, status_errors
from hub.ports import Channel, Clock

UNCONFIRMED = "nobody agreed in time to get mails there; set the status to requested to ask again"

_SILENT = frozenset({FailureClass.BUSY, FailureClass.TIMEOUT})
_SUCCESSES = {
    Kind.EVENTS: Settled.DELIVERED,
    Kind.HANDSHAKE: Settled.ASKED,
    Kind.RESEND: Settled.RESENT,
    Kind.HEARTBEAT: Settled.HEARTBEAT,
}


class _Task(NamedTuple):
    """What one lane sends now: the range of numbers, and the Subscription as it was then."""

    kind: Kind
    subscriber: Subscriber
    first: int = 0
    last: int = 0


class Carrier:
    """Does what is due of one Subscription after the other, or of many at once.

    Args:
        note_beat: is told of a heartbeat that is kept nowhere else, or that it is outdated (None).
        others: as of ``hub.engine.delivery.Delivery``.
    """

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
        luck: Callable[[], float],
        policy: RetryPolicy,
        hints: AuthorizationHints,
        note_beat: Callable[[int, datetime | None], None],
    ) -> None:
        self._recent = events
        self._intake = intake
        self._subscribers = subscribers
        self._subscriptions = subscriptions
        self._envelopes = envelopes
        self._channels = channels
        self._clock = clock
        self._luck = luck
        self._policy = policy
        self._hints = hints
        self._note_beat = note_beat

    async def carry(self, subscriber: Subscriber, kind: Kind) -> None:
        """Do what is due; return when what came of it is durable.

        Raises:
            HubError: that could not be written.
        """
        if kind is Kind.END or kind is Kind.UNCONFIRMED:
            await self._end(subscriber, kind)
            return
        if self._subscribers.get(subscriber.sid) is not subscriber:
            return  # It was changed before the lane had its turn; the lane looks again.
        if kind is Kind.EVENTS or kind is Kind.RESEND:
            task, envelope = await self._events(subscriber, kind)
            if envelope is None:
                return
        else:
            task, envelope = _Task(kind, subscriber), self._call(subscriber, kind)
        result = await self._channels[envelope.channel_type].send(envelope)
        if isinstance(result, Delivered):
            await self._delivered(task, result)
        else:
            await self._failed(task, result)

    async def _end(self, subscriber: Subscriber, kind: Kind) -> None:
        ends = kind is Kind.END
        await self._subscriptions.signal(
            subscriber.sid,
            subscriber.generation,
            Signal.ENDED if ends else Signal.HANDSHAKE_FAILED,
            error="its end has come" if ends else UNCONFIRMED,
        )

    def _call(self, subscriber: Subscriber, kind: Kind) -> Envelope:
        """Return a handshake or a heartbeat."""
        subscription = subscriber.subscription
        total = self._subscribers.top(subscriber)
        now = self._clock.now()
        if kind is Kind.HANDSHAKE and subscription.is_classic:
            return self._envelopes.classic(subscriber, now)
        if kind is Kind.HANDSHAKE:
            notification = build_notification(
                subscription,
                NotificationType.HANDSHAKE,
                total=handshake_total(subscriber, total),
                timestamp=now,
            )
        else:
            notification = build_notification(
                subscription,
                NotificationType.HEARTBEAT,
                total=total,
                timestamp=now,
                errors=status_errors(subscriber),
            )
        return self._envelopes.around(notification, subscriber)

    async def _events(self, subscriber: Subscriber, kind: Kind) -> tuple[_Task, Envelope | None]:
        subscription = subscriber.subscription
        total = self._subscribers.top(subscriber)
        first, last = numbers_due(subscriber, kind, total, lowest=1)
        # What is in memory is kept.
        events = self._recent.remembered(subscriber, first, last)
        if not events:
            lowest = self._subscribers.lowest(subscriber)
            first, last = numbers_due(subscriber, kind, total, lowest)
            events = await self._recent.read(subscriber, first, last) if first <= last else []
        task = _Task(kind, subscriber, first, last)
        if not events:
            now = self._clock.now()
            await self._intake.settle(passed_over(subscriber, kind, first, last, now))
            return task, None
        if subscription.is_classic:
            return task, self._envelopes.classic(subscriber, self._clock.now(), events[0])
        errors = lost_before(subscriber, kind, first, events[0].number)
        hint = self._hints.of_endpoint(subscription)
        if len(events) == 1 and not errors:
            envelope = self._envelopes.about(subscriber, events[0], hint)
            if envelope is not None:
                return task, envelope
        notification = build_notification(
            subscription,
            NotificationType.EVENT_NOTIFICATION,
            total=total,
            timestamp=events[-1].timestamp,
            events=events,
            errors=errors,
            hint=hint,
        )
        return task, self._envelopes.around(notification, subscriber)

    async def _delivered(self, task: _Task, result: Delivered) -> None:
        now = self._clock.now()
        subscriber = task.subscriber
        attempt = _attempt(task, result, now)
        self._note_beat(subscriber.sid, None)
        if task.kind is Kind.HANDSHAKE and not self._envelopes.asks_first(subscriber.subscription):
            await self._subscriptions.signal(
                subscriber.sid,
                subscriber.generation,
                Signal.HANDSHAKE_DONE,
                attempt=attempt,
                delivery=after_success(subscriber.delivery, now, subscriber.delivery.cursor),
            )
            return
        healthy = subscriber.error is None and not subscriber.delivery.failures
        if healthy and task.kind is Kind.HEARTBEAT:
            self._note_beat(subscriber.sid, now)
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

    async def _failed(self, task: _Task, result: Failed) -> None:
        now = self._clock.now()
        subscriber = task.subscriber
        attempt = _attempt(task, result, now)
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
            self._note_beat(subscriber.sid, now)
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


def _attempt(task: _Task, result: DeliveryResult, now: datetime) -> Attempt:
    outcome, reason = "delivered", ""
    if isinstance(result, Failed):
        outcome, reason = result.failure, result.reason
    kind, subscriber, first, last = task
    status, timing = result.status, result.timing
    return Attempt(subscriber.sid, now, kind, first, last, outcome, status, timing, reason)
