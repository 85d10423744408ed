"""The life of topics that an administrator writes: created, activated, retired, deleted.

A topic's url and version stand for its content for ever, since Subscriptions are pinned to them;
only its status goes on, from draft to active to retired.  Each change is an item of its own in
the writer's queue: no event before it, every event after it.

Source: http://hl7.org/fhir/R5/subscriptiontopic.html; http://hl7.org/fhir/R5/canonicalresource.html
(a resource's content must not change while url and version stay).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from hub.core.canonical import version_order
from hub.core.change import Interaction
from hub.core.client import Client
from hub.core.derived_topic import check_derived
from hub.core.json_text import dumps, parse, same
from hub.core.registry import Registry, compile_everywhere
from hub.core.release import FhirRelease
from hub.core.search_parameter import SearchParameters
from hub.core.topic import SubscriptionTopic, may_become, with_status, without_status
from hub.core.version import ResourceKey
from hub.engine.intake import Intake
from hub.engine.plan import Plan
from hub.engine.subscribers import Subscribers
from hub.engine.write import Outcome, Write, Written, content
from hub.errors import Conflict, NotFound, TopicRefused, Unprocessable
from hub.ports import Codec


@dataclass(frozen=True, slots=True)
class Told:
    """What an event that no change made came to: (Subscription id, its number) of each."""

    streams: int
    numbers: tuple[tuple[str, int], ...]


class Topics:
    """Accepts, changes and removes topics; each call returns when it is durable."""

    def __init__(
        self,
        *,
        intake: Intake,
        subscribers: Subscribers,
        registry: Registry,
        codecs: Mapping[FhirRelease, Codec],
        parameters: Mapping[FhirRelease, SearchParameters],
        from_files: frozenset[str],
    ) -> None:
        """Take the parts; ``from_files`` are canonicals of topics that every start brings back."""
        self._intake = intake
        self._subscribers = subscribers
        self._registry = registry
        self._codecs = codecs
        self._parameters = parameters
        self._from_files = from_files

    async def create(
        self, release: FhirRelease, topic: SubscriptionTopic, *, author: Client | None = None
    ) -> Written:
        """Publish a topic under a new id, in every release where it computes.

        Raises:
            TopicRefused: it does not compute here, or is not what it says it derives from; the text
                says which clause and why.
            Conflict: there is a topic with its url and version.
        """
        return await self._intake.register(
            lambda plan: self._put(plan, release, plan.new_id(), topic, None, author=author)
        )

    async def update(
        self,
        release: FhirRelease,
        id: str,
        topic: SubscriptionTopic,
        *,
        if_match: int | None = None,
        author: Client | None = None,
    ) -> Written:
        """Change the status of the topic with this id, or publish a topic under it.

        Raises:
            TopicRefused: it does not compute here, or contradicts a topic that it derives from,
                or one that derives from it.
            Conflict: url and version are there with other content or under another id, the id is
                taken, or the status would go back.
            VersionConflict: If-Match names another version.
        """
        return await self._intake.register(
            lambda plan: self._put(plan, release, id, topic, if_match, author=author)
        )

    async def delete(
        self,
        release: FhirRelease,
        id: str,
        *,
        if_match: int | None = None,
        author: Client | None = None,
    ) -> Written:
        """Remove the topic with this id, in all releases.

        Raises:
            Conflict: Subscriptions are pinned to it, or it comes from a file.
            VersionConflict: If-Match names another version.
        """
        return await self._intake.register(
            lambda plan: self._delete(plan, release, id, if_match, author)
        )

    async def tell(
        self,
        release: FhirRelease,
        id: str,
        codings: Collection[tuple[str, str]],
        focus: ResourceKey,
        context: Sequence[ResourceKey] = (),
    ) -> Told:
        """Number an event of the topic with this id that no change made.

        Args:
            release: of the base.
            id: of the topic.
            codings: (system, code) of the event.
            focus: what it is about.
            context: what is shown beside it.

        Raises:
            NotFound: there is no such topic.
            Unprocessable: the topic has no such event for the type of the focus, or a resource
                that was named is not there.
        """
        return await self._intake.register(
            lambda plan: self._tell(plan, release, id, codings, focus=focus, context=context)
        )

    # --- planned in the writer -------------------------------------------------------------------

    def _put(
        self,
        plan: Plan,
        release: FhirRelease,
        id: str,
        submitted: SubscriptionTopic,
        if_match: int | None,
        *,
        author: Client | None,
    ) -> Written:
        key = _key(release, id)
        plan.guards.check_if_match(key, plan.head(key), if_match)
        source = {"resourceType": "SubscriptionTopic", "id": id} | content(submitted.source)
        topic = replace(submitted, source=source)
        known = self._registry.known(topic.canonical)
        if known is not None:
            topic = self._followed(release, known, topic)
        else:
            together = [*self._registry.every_topic(), topic]
            for each in together:
                check_derived(each, together)
        compiled, refusals = compile_everywhere(topic, self._parameters)
        if release not in compiled:
            raise TopicRefused(
                f"{refusals[release].diagnostics}; it does in {', '.join(compiled)}",
                expression=refusals[release].expression,
            )
        if known is None:
            for other in compiled:
                self._refuse_taken(plan, _key(other, id))
        plan.topics.append(topic)
        plan.compiled.append(compiled)
        written = {other: self._publish(plan, other, topic, author) for other in compiled}
        return written[release]

    def _followed(
        self, release: FhirRelease, known: SubscriptionTopic, topic: SubscriptionTopic
    ) -> SubscriptionTopic:
        """Return the topic that is there with the status that was submitted for it."""
        codec = self._codecs[release]
        if known.source.get("id") != topic.source["id"]:
            raise Conflict(
                f"{topic.canonical} is there already, with the id {known.source.get('id')}",
                expression="SubscriptionTopic.url",
            )
        changed = topic.status != known.status
        before, after = (
            (without_status(known), without_status(topic)) if changed else (known, topic)
        )
        # What was read in one release and sent back is the same, whatever that release can't say.
        if not same(content(codec.encode_topic(before)), content(codec.encode_topic(after))):
            raise Conflict(
                f"{topic.canonical} is there with other content; only its status may change, "
                "anything else needs another version, under another id",
                expression="SubscriptionTopic.version",
            )
        if not may_become(known.status, topic.status):
            raise Conflict(
                f"{topic.canonical} is {known.status} and can't become {topic.status}: "
                "draft becomes active, active becomes retired",
                expression="SubscriptionTopic.status",
            )
        return with_status(known, topic)

    def _refuse_taken(self, plan: Plan, key: ResourceKey) -> None:
        head = plan.head(key)
        if head is not None and not head.deleted:
            raise Conflict(
                f"{key.reference} is there in {key.release} and is another resource or version; "
                "a topic keeps its id, and each of its versions has one of its own",
                expression="SubscriptionTopic.id",
            )

    def _publish(
        self, plan: Plan, release: FhirRelease, topic: SubscriptionTopic, author: Client | None
    ) -> Written:
        resource = self._codecs[release].encode_topic(topic)
        write = Write(
            interaction=Interaction.UPDATE,
            resource_type=resource["resourceType"],
            id=resource["id"],
            document=parse(dumps(resource)),
            unconditional=True,
            author=author,
        )
        return plan.submit(release, [write])[0]

    def _tell(
        self,
        plan: Plan,
        release: FhirRelease,
        id: str,
        codings: Collection[tuple[str, str]],
        *,
        focus: ResourceKey,
        context: Sequence[ResourceKey],
    ) -> Told:
        known = self._registry.topics(release)
        topics = [each for each in known if each.topic.source.get("id") == id]
        if not topics:
            raise NotFound(f"there is no topic with the id {id} at this base")
        topic = max(topics, key=lambda each: version_order(each.topic.version))
        triggers = topic.means(focus.resource_type, codings)
        if not triggers:
            offered = sorted(
                f"{trigger.resource_type} {system}|{code}"
                for trigger in topic.event_triggers
                for system, code in trigger.codings
            )
            raise Unprocessable(
                f"{topic.topic.canonical} has no such event for a {focus.resource_type}; "
                f"its events: {', '.join(offered) or 'none'}"
            )
        found = []
        for key in (focus, *context):
            head = plan.head(key)
            if head is None or head.deleted:
                raise Unprocessable(f"there is no {key.reference} at this base")
            found.append(head)
        numbers = plan.tell(topic, triggers, found[0], found[1:])
        return Told(streams=len(numbers), numbers=tuple(self._numbers(numbers)))

    def _numbers(self, numbers: Mapping[int, int]) -> Iterator[tuple[str, int]]:
        for stream, n in numbers.items():
            for sid in sorted(self._subscribers.on([stream])):
                subscriber = self._subscribers.get(sid)
                if subscriber is not None:
                    yield subscriber.subscription.id, n - subscriber.segments[-1].offset

    def _delete(
        self,
        plan: Plan,
        release: FhirRelease,
        id: str,
        if_match: int | None,
        author: Client | None,
    ) -> Written:
        key = _key(release, id)
        head = plan.head(key)
        plan.guards.check_if_match(key, head, if_match)
        named = {
            each.topic.canonical: each.topic
            for other in FhirRelease
            for each in self._registry.topics(other)
            if each.topic.source.get("id") == id
        }
        if head is None or head.deleted:
            return Written(Outcome.ABSENT, head)
        fixed = sorted(named.keys() & self._from_files)
        if fixed:
            raise Conflict(
                f"{fixed[0]} is a file of the hub and would be back at the next start; retire it, "
                "or take the file away"
            )
        pinned = sum(not each.deleted and each.topic_version in named for each in self._subscribers)
        if pinned:
            raise Conflict(
                f"{pinned} Subscription{'s are' if pinned > 1 else ' is'} pinned to "
                f"{' and '.join(sorted(named))}; retire it, then it takes no new ones"
            )
        left = [each for each in self._registry.every_topic() if each.canonical not in named]
        for each in left:
            check_derived(each, left)
        plan.dropped_topics += named.values()
        for other in FhirRelease:
            if any(each.topic.canonical in named for each in self._registry.topics(other)):
                away = _key(other, id)
                write = Write(
                    interaction=Interaction.DELETE,
                    resource_type=away.resource_type,
                    id=id,
                    unconditional=True,
                    author=author,
                )
                plan.submit(other, [write])
        return Written(Outcome.DELETED, plan.head(key))


def _key(release: FhirRelease, id: str) -> ResourceKey:
    kind = "Basic" if release is FhirRelease.R4 else "SubscriptionTopic"
    return ResourceKey(release, kind, id)
