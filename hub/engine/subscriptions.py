"""The life cycle of Subscriptions: accepted or refused, changed, switched, deleted.

Each change is an item of its own in the writer's queue, so that it is clear for every event
whether it came before or after.

Source: http://hl7.org/fhir/R5/subscription.html; backport IG, "Handling Errors".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from hub.core.change import Interaction
from hub.core.json_text import Document, dumps, parse, same
from hub.core.numbering import Segment, join, leave
from hub.core.registry import stream_key
from hub.core.release import FhirRelease, Resource
from hub.core.subscriber import Attempt, Subscriber
from hub.core.subscription import (
    Signal,
    Subscription,
    SubscriptionStatusCode,
    counts,
    needs_handshake,
    transition,
)
from hub.core.timing import FIRST_HANDSHAKE_DELAY, DeliveryState
from hub.core.version import ResourceKey, ResourceVersion
from hub.engine.acceptance import Acceptance, Accepted
from hub.engine.intake import Intake
from hub.engine.plan import Plan, check_if_match
from hub.engine.status_error import lost_events
from hub.engine.subscribers import GONE, Subscribers
from hub.engine.write import Outcome, content
from hub.errors import Deleted, NotFound
from hub.ports import Codec, StoredStream


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a Subscription, its stored version, and what to answer with."""

    outcome: Outcome
    version: ResourceVersion
    resource: Resource


class Subscriptions:
    """Accepts, changes and ends Subscriptions; each call returns when it is durable."""

    def __init__(
        self,
        *,
        intake: Intake,
        subscribers: Subscribers,
        acceptance: Acceptance,
        codecs: Mapping[FhirRelease, Codec],
    ) -> None:
        self._intake = intake
        self._subscribers = subscribers
        self._acceptance = acceptance
        self._codecs = codecs

    async def create(self, release: FhirRelease, document: Document, *, owner: str = "") -> Stored:
        """Create a Subscription under a new id.

        Raises:
            SubscriptionRefused: something in it can't be honoured; nothing was stored.
        """
        return await self._intake.register(
            lambda plan: self._put(plan, release, plan.new_id(), document, owner=owner)
        )

    async def update(
        self,
        release: FhirRelease,
        id: str,
        document: Document,
        *,
        if_match: int | None = None,
        owner: str = "",
    ) -> Stored:
        """Replace a Subscription, or create it under this id.  Its numbers go on.

        Raises:
            SubscriptionRefused, Unprocessable, VersionConflict: nothing was changed.
        """
        return await self._intake.register(
            lambda plan: self._put(plan, release, id, document, if_match=if_match, owner=owner)
        )

    async def patch(
        self,
        release: FhirRelease,
        id: str,
        patch: Callable[[Resource], Document],
        *,
        if_match: int | None = None,
    ) -> Stored:
        """Change a Subscription by ``patch``, which gets the resource as it is read.

        Raises:
            NotFound, Deleted: there is nothing to patch.
            SubscriptionRefused, Unprocessable, VersionConflict: nothing was changed.
        """

        def plan_patch(plan: Plan) -> Stored:
            head = plan.head(ResourceKey(release, "Subscription", id))
            if head is None:
                raise NotFound(f"there is no Subscription/{id} to patch")
            current = plan.body(head)
            if current is None:
                raise Deleted(f"Subscription/{id} was deleted")
            return self._put(plan, release, id, patch(current), if_match=if_match)

        return await self._intake.register(plan_patch)

    async def delete(
        self, release: FhirRelease, id: str, *, if_match: int | None = None
    ) -> Outcome:
        """Delete a Subscription: nothing more is counted or sent."""
        return await self._intake.register(lambda plan: self._delete(plan, release, id, if_match))

    async def signal(
        self,
        sid: int,
        generation: int,
        signal: Signal,
        *,
        error: str | None = None,
        error_code: str | None = None,
        attempt: Attempt | None = None,
        delivery: DeliveryState | None = None,
    ) -> bool:
        """Let a Subscription follow what happened to its delivery.

        Args:
            generation: the one that was seen; if the client has changed the Subscription since,
                nothing happens.
            delivery: the delivery state to keep, the present one where None.

        Returns:
            Whether it followed.
        """
        return await self._intake.register(
            lambda plan: self._signal(
                plan,
                sid,
                generation,
                signal,
                error=error,
                error_code=error_code,
                attempt=attempt,
                delivery=delivery,
            )
        )

    def _put(
        self,
        plan: Plan,
        release: FhirRelease,
        id: str,
        document: Document,
        *,
        if_match: int | None = None,
        owner: str = "",
    ) -> Stored:
        codec = self._codecs[release]
        key = ResourceKey(release, "Subscription", id)
        head = plan.head(key)
        check_if_match(key, head, if_match)
        known = self._subscribers.find(release, id)
        alive = known if known is not None and not known.deleted else None
        accepted = self._acceptance.accept(release, id, document, alive, plan.now)
        subscriber = self._moved(plan, accepted, known, alive, owner or (alive or accepted).owner)
        resource = codec.amend_subscription(
            document.value, subscriber.subscription, masked=True, error=subscriber.error
        )
        unchanged = (
            alive is not None
            and head is not None
            and subscriber.subscription == alive.subscription
            and same(content(plan.body(head)), content(resource))
        )
        if unchanged and head is not None:
            answer = self._answer(codec, plan, head, subscriber, accepted.carried)
            return Stored(Outcome.UNCHANGED, head, answer)
        plan.subscribers[subscriber.sid] = subscriber
        interaction = Interaction.UPDATE if alive else Interaction.CREATE
        version = plan.write(key, interaction, parse(dumps(resource)))
        plan.evaluate(version)
        plan.subscribers[subscriber.sid] = self._from_now_on(plan, subscriber, known)
        outcome = Outcome.UPDATED if alive else Outcome.CREATED
        answer = self._answer(codec, plan, version, subscriber, accepted.carried)
        return Stored(outcome, version, answer)

    def _moved(
        self,
        plan: Plan,
        accepted: Accepted,
        known: Subscriber | None,
        alive: Subscriber | None,
        owner: str,
    ) -> Subscriber:
        """Return the Subscriber after the update, on the stream where it now belongs."""
        subscription = accepted.subscription
        segments = known.segments if known else ()
        at = self._subscribers.top(known) if known else 0
        visibility = alive.visibility if alive else ""
        counting = counts(subscription.status)
        key = stream_key(
            subscription.release, accepted.topic_version, accepted.filters.canonical, visibility
        )
        stream = self._stream(key, accepted, visibility) if counting else None
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
                due=plan.now + FIRST_HANDSHAKE_DELAY,
            )
        error, error_code = (alive.error, alive.error_code) if alive else (None, None)
        if changed and counting:
            error, error_code = self._lost(alive, subscription), None
            if not waits:
                # Nothing has to succeed first, so what failed before is tried anew at once.
                delivery = DeliveryState(cursor=delivery.cursor, last_sent=delivery.last_sent)
        return Subscriber(
            sid=known.sid if known else self._intake.last_sid + 1,
            subscription=subscription,
            owner=owner,
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

    def _stream(self, key: str, accepted: Accepted, visibility: str) -> StoredStream:
        found = self._subscribers.stream(key)
        if found is not None:
            return found
        return StoredStream(
            id=self._intake.last_stream + 1,
            release=accepted.subscription.release,
            topic=accepted.topic_version,
            key=key,
            filters=accepted.subscription.filter_by,
            visibility=visibility,
            n=0,
        )

    def _delete(self, plan: Plan, release: FhirRelease, id: str, if_match: int | None) -> Outcome:
        key = ResourceKey(release, "Subscription", id)
        head = plan.head(key)
        check_if_match(key, head, if_match)
        known = self._subscribers.find(release, id)
        if head is None or head.deleted or known is None:
            return Outcome.ABSENT
        at = self._subscribers.top(known)
        kept = (Segment(first=1, stream=GONE, offset=0, last=at),) if at else ()
        plan.subscribers[known.sid] = replace(
            known,
            subscription=replace(
                known.subscription, status=SubscriptionStatusCode.OFF, parameter=()
            ),
            segments=kept,
            delivery=DeliveryState(cursor=at, last_sent=known.delivery.last_sent),
            generation=known.generation + 1,
            deleted=True,
        )
        plan.evaluate(plan.write(key, Interaction.DELETE, None))
        return Outcome.DELETED

    def _from_now_on(
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

    def _signal(
        self,
        plan: Plan,
        sid: int,
        generation: int,
        signal: Signal,
        *,
        error: str | None,
        error_code: str | None,
        attempt: Attempt | None,
        delivery: DeliveryState | None,
    ) -> bool:
        subscriber = self._subscribers.get(sid)
        if attempt is not None:
            plan.attempts.append(attempt)
        if subscriber is None or subscriber.deleted or subscriber.generation != generation:
            return False
        subscription = subscriber.subscription
        subscription = replace(subscription, status=transition(subscription.status, signal))
        segments = subscriber.segments
        if not counts(subscription.status):
            segments = leave(segments, self._subscribers.top(subscriber))
        plan.subscribers[sid] = replace(
            subscriber,
            subscription=subscription,
            segments=segments,
            delivery=delivery or replace(subscriber.delivery, due=None),
            error=error,
            error_code=error_code,
        )
        key = ResourceKey(subscription.release, "Subscription", subscription.id)
        head = plan.head(key)
        body = plan.body(head) if head else None
        if body is not None:
            codec = self._codecs[subscription.release]
            amended = codec.amend_subscription(body, subscription, masked=True, error=error)
            # Not evaluated: else a notification could be the cause of the next one.
            plan.write(key, Interaction.UPDATE, parse(dumps(amended)))
        return True

    def _answer(
        self,
        codec: Codec,
        plan: Plan,
        version: ResourceVersion,
        subscriber: Subscriber,
        carried: tuple[tuple[str, str], ...],
    ) -> Resource:
        """Return the resource with the header values that the request carried, no others."""
        body = plan.body(version)
        if body is None:
            raise ValueError("a Subscription that was just written has a body")
        shown = replace(subscriber.subscription, parameter=carried)
        return codec.amend_subscription(body, shown, masked=False, error=subscriber.error)
