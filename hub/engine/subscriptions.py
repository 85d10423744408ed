"""The life cycle of Subscriptions: accepted or refused, changed, switched, deleted.

Each change is an item of its own in the writer's queue, so that it is clear for every event
whether it came before or after.

Source: http://hl7.org/fhir/R5/subscription.html; backport IG, "Handling Errors".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from hub.core.change import Interaction
from hub.core.client import Client
from hub.core.json_text import Document, dumps, parse, same
from hub.core.numbering import Segment, leave
from hub.core.release import FhirRelease, Resource
from hub.core.subscriber import Attempt, Subscriber
from hub.core.subscription import (
    Signal,
    SubscriptionStatusCode,
    counts,
    transition,
)
from hub.core.timing import DeliveryState
from hub.core.version import ResourceKey, ResourceVersion
from hub.engine.acceptance import Acceptance
from hub.engine.enrolment import Enrolment
from hub.engine.intake import Intake
from hub.engine.plan import Plan
from hub.engine.subscribers import GONE, Subscribers
from hub.engine.write import Outcome, content
from hub.errors import Deleted, NotFound
from hub.ports import Codec


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
        self._enrolment = Enrolment(intake, subscribers)

    async def create(
        self,
        release: FhirRelease,
        document: Document,
        *,
        caller: Client | None = None,
    ) -> Stored:
        """Create a Subscription under a new id.

        Raises:
            SubscriptionRefused: something in it can't be honoured; nothing was stored.
            Conflict: it is an administrative one, and another has its name.
        """
        return await self._intake.register(
            lambda plan: self._put(plan, release, plan.new_id(), document, caller)
        )

    async def update(
        self,
        release: FhirRelease,
        id: str,
        document: Document,
        *,
        if_match: int | None = None,
        caller: Client | None = None,
    ) -> Stored:
        """Replace a Subscription, or create it under this id.  Its numbers go on.

        Raises:
            NotFound, Forbidden: the caller may not change it, or choose an id.
            Conflict: it is an administrative one, and another has its name.
            SubscriptionRefused, Unprocessable, VersionConflict: nothing was changed.
        """

        def plan_update(plan: Plan) -> Stored:
            self._subscribers.check_change(release, id, caller, creates=True)
            return self._put(plan, release, id, document, caller, if_match=if_match)

        return await self._intake.register(plan_update)

    async def patch(
        self,
        release: FhirRelease,
        id: str,
        patch: Callable[[Resource], Document],
        *,
        if_match: int | None = None,
        caller: Client | None = None,
    ) -> Stored:
        """Change a Subscription by ``patch``, which gets the resource as it is read.

        Raises:
            NotFound, Deleted, Forbidden: there is nothing to patch, or not for the caller.
            SubscriptionRefused, Unprocessable, VersionConflict: nothing was changed.
        """

        def plan_patch(plan: Plan) -> Stored:
            self._subscribers.check_change(release, id, caller)
            head = plan.head(ResourceKey(release, "Subscription", id))
            if head is None:
                raise NotFound(f"there is no Subscription/{id} at this base")
            current = plan.body(head)
            if current is None:
                raise Deleted(f"Subscription/{id} was deleted")
            return self._put(plan, release, id, patch(current), caller, if_match=if_match)

        return await self._intake.register(plan_patch)

    async def delete(
        self,
        release: FhirRelease,
        id: str,
        *,
        if_match: int | None = None,
        caller: Client | None = None,
    ) -> Outcome:
        """Delete a Subscription: nothing more is counted or sent.

        Of one that the caller does not know of there is nothing to delete.

        Raises:
            Forbidden: the caller may only read it.
        """
        return await self._intake.register(
            lambda plan: self._delete(plan, release, id, if_match, caller)
        )

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
        caller: Client | None,
        *,
        if_match: int | None = None,
    ) -> Stored:
        codec = self._codecs[release]
        key = ResourceKey(release, "Subscription", id)
        head = plan.head(key)
        plan.guards.check_if_match(key, head, if_match)
        known = self._subscribers.find(release, id)
        alive = known if known is not None and not known.deleted else None
        accepted = self._acceptance.accept(
            release, id, document, alive, plan.now, caller=caller, known=known
        )
        self._subscribers.check_name(accepted.subscription)
        subscriber = self._enrolment.moved(plan, accepted, known, alive)
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
        self._subscribers.announce(subscriber)
        version = plan.write(key, interaction, parse(dumps(resource)))
        self._evaluate(plan, version, subscriber)
        plan.subscribers[subscriber.sid] = self._enrolment.from_now_on(plan, subscriber, known)
        outcome = Outcome.UPDATED if alive else Outcome.CREATED
        answer = self._answer(codec, plan, version, subscriber, accepted.carried)
        return Stored(outcome, version, answer)

    def _evaluate(self, plan: Plan, version: ResourceVersion, subscriber: Subscriber) -> None:
        """Number the events of a change, but for what not everybody may hear of."""
        if not subscriber.owner and not subscriber.subscription.administrative:
            plan.evaluate(version)

    def _delete(
        self,
        plan: Plan,
        release: FhirRelease,
        id: str,
        if_match: int | None,
        caller: Client | None,
    ) -> Outcome:
        if not self._subscribers.shows(release, id, caller):
            return Outcome.ABSENT
        self._subscribers.check_change(release, id, caller)
        key = ResourceKey(release, "Subscription", id)
        head = plan.head(key)
        plan.guards.check_if_match(key, head, if_match)
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
        self._evaluate(plan, plan.write(key, Interaction.DELETE, None), known)
        return Outcome.DELETED

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
            delivery=delivery or subscriber.delivery._replace(due=None),
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
