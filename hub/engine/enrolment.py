"""Where a Subscription's events come from: the stream that it is on, joins or leaves.

Source: http://hl7.org/fhir/R5/subscription.html (topic, filterBy, status).
"""

from __future__ import annotations

from dataclasses import replace

from hub.core.echo import muted_by
from hub.core.numbering import join, leave
from hub.core.stream import stream_key
from hub.core.subscriber import Subscriber
from hub.core.subscription import (
    Subscription,
    SubscriptionStatusCode,
    counts,
    needs_handshake,
)
from hub.core.timing import FIRST_HANDSHAKE_DELAY, DeliveryState
from hub.engine.acceptance import Accepted
from hub.engine.intake import Intake
from hub.engine.plan import Plan
from hub.engine.status_error import lost_events
from hub.engine.subscribers import Subscribers
from hub.ports import StoredStream


class Enrolment:
    """Puts Subscriptions on the streams of their topic and filters; stores nothing."""

    def __init__(self, intake: Intake, subscribers: Subscribers) -> None:
        self._intake = intake
        self._subscribers = subscribers

    def moved(
        self,
        plan: Plan,
        accepted: Accepted,
        known: Subscriber | None,
        alive: Subscriber | None,
    ) -> Subscriber:
        """Return the Subscriber after a create or update, on the stream where it now belongs.

        Args:
            plan: gets the stream if it has to be opened.
            accepted: what the hub would honour.
            known: the Subscription of this id, also a deleted one.
            alive: the same, None where there is none now.
        """
        subscription = accepted.subscription
        segments = known.segments if known else ()
        at = self._subscribers.top(known) if known else 0
        visibility = alive.visibility if alive else ""
        counting = counts(subscription.status)
        stream = self._stream(accepted, visibility) if counting else None
        on = segments[-1].stream if segments and segments[-1].is_open else None
        if on is not None and (stream is None or stream.id != on):
            segments = leave(segments, at)
            on = None
        if stream is not None and on is None:
            segments = join(segments, stream.id, stream.n, at)
            if not self._subscribers.matched(stream.id):
                plan.streams.append(stream)
        delivery = alive.delivery if alive else DeliveryState(cursor=at)
        waits = subscription.status is SubscriptionStatusCode.REQUESTED
        changed = (
            alive is None
            or accepted.asked_anew
            or alive.subscription.status is not subscription.status
            or needs_handshake(alive.subscription, subscription)
        )
        if waits and (changed or delivery.due is None):
            delivery = DeliveryState(
                cursor=delivery.cursor,
                last_sent=delivery.last_sent,
                resend=delivery.resend,
                asked=delivery.asked,
                lost=delivery.lost,
                due=plan.now + FIRST_HANDSHAKE_DELAY,
            )
        error, error_code = (alive.error, alive.error_code) if alive else (None, None)
        if changed and counting:
            error, error_code = self._lost(alive, subscription), None
            if not waits:
                # Nothing has to succeed first, so what failed before is tried anew at once.
                delivery = DeliveryState(
                    cursor=delivery.cursor, last_sent=delivery.last_sent, lost=delivery.lost
                )
        return Subscriber(
            sid=known.sid if known else self._intake.last_sid + 1,
            subscription=subscription,
            owner=accepted.owner,
            visibility=visibility,
            generation=known.generation + 1 if known else 1,
            topic_version=accepted.topic_version,
            error=error,
            error_code=error_code,
            segments=segments,
            delivery=delivery,
            created=alive.created if alive else plan.now,
        )

    def _lost(self, alive: Subscriber | None, subscription: Subscription) -> str | None:
        """Return what a classic one can't be sent any more; others are told when events go on."""
        if alive is None or not subscription.is_classic or subscription.endpoint is None:
            return None
        first, kept = alive.delivery.cursor + 1, self._subscribers.lowest(alive)
        return lost_events(alive, first, kept - 1) if first < kept else None

    def _stream(self, accepted: Accepted, visibility: str) -> StoredStream:
        subscription = accepted.subscription
        muted = muted_by(subscription, accepted.owner)
        key = stream_key(
            subscription.release,
            accepted.topic_version,
            accepted.filters.canonical,
            visibility,
            muted,
        )
        found = self._subscribers.stream(key)
        if found is not None:
            return found
        return StoredStream(
            id=self._intake.last_stream + 1,
            release=subscription.release,
            topic=accepted.topic_version,
            key=key,
            filters=subscription.filter_by,
            visibility=visibility,
            muted=muted,
            n=0,
        )

    def from_now_on(
        self, plan: Plan, subscriber: Subscriber, known: Subscriber | None
    ) -> Subscriber:
        """Return the Subscriber so that its own change is no event of a stream that it joins."""
        segments = subscriber.segments
        joined = segments[-1] if segments and segments[-1].is_open else None
        if joined is None or joined in (known.segments if known else ()):
            return subscriber
        if not self._subscribers.matched(joined.stream):
            return subscriber
        passed = plan.n(joined.stream) - self._subscribers.n(joined.stream)
        final = replace(joined, offset=joined.offset + passed)
        return replace(subscriber, segments=(*segments[:-1], final))
