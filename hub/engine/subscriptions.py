"""The life cycle of Subscriptions: accepted or refused, changed, switched, deleted.

Each change is an item of its own in the writer's queue, so that it is clear for every event
whether it came before or after.

Source: http://hl7.org/fhir/R5/subscription.html; backport IG, "Handling Errors".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from hub.core.change import Interaction
from hub.core.filters import Filters, accept_filters
from hub.core.json_text import Document, dumps, parse, same
from hub.core.numbering import Segment, join, leave
from hub.core.registry import Registry, stream_key
from hub.core.release import FhirRelease, Resource
from hub.core.search_parameter import SearchParameters
from hub.core.subscriber import Attempt, Subscriber
from hub.core.subscription import (
    ChannelType,
    Signal,
    Subscription,
    SubscriptionStatusCode,
    counts,
    initial_status,
    status_after_update,
    transition,
)
from hub.core.timing import FIRST_HANDSHAKE_DELAY, DeliveryState
from hub.core.version import ResourceKey, ResourceVersion
from hub.engine.intake import Intake, Outcome
from hub.engine.plan import Plan, check_if_match
from hub.engine.subscribers import GONE, Subscribers
from hub.errors import ChannelNotSupported, Deleted, HeaderNotAllowed, NotFound, SubscriptionRefused
from hub.ports import Channel, Codec, StoredStream

MASK = "***"
"""What stands in place of a header value when a Subscription is read."""


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
        registry: Registry,
        codecs: Mapping[FhirRelease, Codec],
        parameters: Mapping[FhirRelease, SearchParameters],
        channels: Mapping[ChannelType, Channel],
    ) -> None:
        self._intake = intake
        self._subscribers = subscribers
        self._registry = registry
        self._codecs = codecs
        self._parameters = parameters
        self._channels = channels

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

    # --- planned in the writer -------------------------------------------------------------------

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
        try:
            accepted = self._accept(plan, release, id, document, alive)
        except SubscriptionRefused as error:
            raise _in_terms_of(codec, error) from None
        subscriber = self._moved(plan, accepted, known, alive, owner or (alive or accepted).owner)
        resource = codec.amend_subscription(
            document.value, subscriber.subscription, masked=True, error=subscriber.error
        )
        unchanged = (
            alive is not None
            and head is not None
            and subscriber.subscription == alive.subscription
            and same(_plain(plan.body(head)), _plain(resource))
        )
        if unchanged and head is not None:
            return Stored(Outcome.UNCHANGED, head, self._answer(codec, plan, head, subscriber))
        plan.subscribers[subscriber.sid] = subscriber
        interaction = Interaction.UPDATE if alive else Interaction.CREATE
        version = plan.write(key, interaction, parse(dumps(resource)))
        outcome = Outcome.UPDATED if alive else Outcome.CREATED
        return Stored(outcome, version, self._answer(codec, plan, version, subscriber))

    def _accept(
        self,
        plan: Plan,
        release: FhirRelease,
        id: str,
        document: Document,
        alive: Subscriber | None,
    ) -> _Accepted:
        """Return what the hub would honour of a submitted Subscription, or refuse it."""
        codec = self._codecs[release]
        submitted = replace(codec.decode_subscription(document.value), id=id)
        stored = alive.subscription if alive else None
        submitted = _with_kept_headers(submitted, stored)
        pinned = alive is not None and stored is not None and stored.topic == submitted.topic
        compiled = self._registry.topic(
            release,
            alive.topic_version if alive is not None and pinned else submitted.topic,
            for_new=not pinned,
        )
        filters = accept_filters(compiled, submitted.filter_by, self._parameters[release])
        channel = self._channels.get(submitted.channel_type)
        if channel is None:
            offered = ", ".join(sorted(self._channels))
            raise ChannelNotSupported(
                f"the channel {submitted.channel_type} is not offered here; {offered} are",
                expression="Subscription.channelType",
            )
        channel.check(submitted)
        over = submitted.end is not None and submitted.end <= plan.now
        if stored is None:
            status = initial_status(submitted)
            if over:
                submitted = replace(submitted, end=None)
        else:
            status = status_after_update(stored, submitted)
            if over:
                status = transition(status, Signal.ENDED) if counts(status) else status
        return _Accepted(
            subscription=replace(submitted, status=status),
            topic_version=compiled.topic.canonical,
            filters=filters,
            owner=alive.owner if alive else "",
            asked_anew=submitted.status is SubscriptionStatusCode.REQUESTED,
        )

    def _moved(
        self,
        plan: Plan,
        accepted: _Accepted,
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
            or (alive.subscription.status is not subscription.status)
        )
        if waits and (changed or delivery.due is None):
            delivery = DeliveryState(
                cursor=delivery.cursor,
                last_sent=delivery.last_sent,
                due=plan.now + FIRST_HANDSHAKE_DELAY,
            )
        recovered = changed and counting
        return Subscriber(
            sid=known.sid if known else self._intake.last_sid + 1,
            subscription=subscription,
            owner=owner,
            visibility=visibility,
            generation=known.generation + 1 if known else 1,
            topic_version=accepted.topic_version,
            error=None if recovered or alive is None else alive.error,
            error_code=None if recovered or alive is None else alive.error_code,
            segments=segments,
            delivery=delivery,
            created=alive.created if alive else plan.now,
        )

    def _stream(self, key: str, accepted: _Accepted, visibility: str) -> StoredStream:
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
        plan.write(key, Interaction.DELETE, None)
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
            plan.write(key, Interaction.UPDATE, parse(dumps(amended)))
        return True

    def _answer(
        self, codec: Codec, plan: Plan, version: ResourceVersion, subscriber: Subscriber
    ) -> Resource:
        """Return the resource with the header values that the request carried."""
        body = plan.body(version)
        if body is None:
            raise ValueError("a Subscription that was just written has a body")
        return codec.amend_subscription(
            body, subscriber.subscription, masked=False, error=subscriber.error
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Accepted:
    subscription: Subscription
    topic_version: str
    filters: Filters
    owner: str
    asked_anew: bool


def _in_terms_of(codec: Codec, error: SubscriptionRefused) -> SubscriptionRefused:
    """Return the refusal with the release's own name of the element."""
    if error.expression is None:
        return error
    return type(error)(error.diagnostics, expression=codec.element(error.expression))


def _plain(resource: Resource | None) -> Resource:
    """Return a resource without what the hub sets."""
    return {name: value for name, value in (resource or {}).items() if name not in ("id", "meta")}


def _with_kept_headers(submitted: Subscription, stored: Subscription | None) -> Subscription:
    """Return ``submitted`` with the stored value wherever it says ``***``.

    Raises:
        HeaderNotAllowed: there is no such value, or it would be sent to another origin.
    """
    if all(value != MASK for _, value in submitted.parameter):
        return submitted
    kept: dict[str, list[str]] = {}
    if stored is not None:
        if _origin(stored.endpoint) != _origin(submitted.endpoint):
            raise HeaderNotAllowed(
                "the endpoint has another origin, so header values must be given anew",
                expression="Subscription.parameter",
            )
        for name, value in stored.parameter:
            kept.setdefault(name.lower(), []).append(value)
    parameter: list[tuple[str, str]] = []
    for name, value in submitted.parameter:
        if value == MASK:
            values = kept.get(name.lower())
            if not values:
                raise HeaderNotAllowed(
                    f"there is no stored value of the header {name[:64]} for {MASK} to keep",
                    expression="Subscription.parameter",
                )
            value = values.pop(0)
        parameter.append((name, value))
    return replace(submitted, parameter=tuple(parameter))


def _origin(url: str | None) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url or "")
    return parts.scheme, parts.hostname, parts.port
