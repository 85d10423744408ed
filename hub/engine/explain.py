"""Why a change is, or would be, told to whom: topic, trigger, filters, Subscription, delivery.

Everything is decided by the compiled topics and filters that the intake matches with; here they
are asked for their clauses too.  Nothing is written, numbered or sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from hub.core.change import Change, Interaction
from hub.core.clause import Clause
from hub.core.client import Client
from hub.core.compiled_topic import CompiledTopic, Verdict
from hub.core.excluded import is_excluded
from hub.core.json_text import parse
from hub.core.registry import Registry
from hub.core.release import FhirRelease, Resource
from hub.core.search import Resolver
from hub.core.search_parameter import SearchParameters
from hub.core.stream import Stream
from hub.core.subscriber import Subscriber
from hub.core.subscription import counts
from hub.core.version import ResourceKey, ResourceVersion
from hub.engine.recording_resolver import RecordingResolver
from hub.engine.resolver import ReaderResolver
from hub.engine.standing import EventStanding, standing_of
from hub.engine.subscribers import Subscribers
from hub.errors import NotFound, Unprocessable
from hub.ports import Clock, Reader, Store

_LONGEST_NAME = 100
MOST_NEAR_MISSES = 20
"""How many streams that a change just misses are told per topic, those closest to it first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedSubscription:
    """A Subscription of a stream: its event's number where the change was counted for it.

    A classic one has no number that anybody knows.  ``name`` is what its subscriber calls it.
    """

    subscriber: Subscriber
    name: str
    number: int | None = None
    standing: EventStanding | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedStream:
    """What Subscriptions with equal filters say of a change.

    ``counted`` tells whether the change is an event of the stream: None where it was only asked
    what would be.  ``accepts`` is what the filters say; it also holds where the change takes the
    resource from their party: ``lost``.  An ``echo`` is no event whatever they say: its author owns
    the Subscriptions, which ask not to be told of that.
    """

    accepts: bool
    lost: bool
    echo: bool
    counted: bool | None
    clauses: tuple[Clause, ...]
    subscriptions: tuple[ExplainedSubscription, ...]

    @property
    def is_event(self) -> bool:
        """Whether the change is, or would be, an event of the stream."""
        return self.accepts and not self.echo if self.counted is None else self.counted

    @property
    def failing(self) -> int:
        """How many conditions fail."""
        return sum(not clause.holds for clause in self.clauses)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedTopic:
    """What one topic says of a change; ``left_out`` is how many near misses are not listed.

    ``why_not`` tells why the topic was not even asked, ``others`` are the resources besides the
    changed one that decided.
    """

    topic: CompiledTopic
    fires: bool
    verdicts: tuple[Verdict, ...]
    streams: tuple[ExplainedStream, ...]
    left_out: int = 0
    why_not: str | None = None
    others: tuple[Resource, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What came, or would come, of a change.  ``version`` is the stored one, if it is stored."""

    change: Change = field(repr=False)
    version: ResourceVersion | None
    topics: tuple[ExplainedTopic, ...]

    @property
    def told(self) -> int:
        """How many Subscriptions the change is, or would be, an event for."""
        return sum(
            len(stream.subscriptions)
            for topic in self.topics
            for stream in topic.streams
            if topic.fires and stream.is_event
        )


@dataclass(frozen=True, slots=True)
class _Asked:
    """One topic and the streams on it that are asked about, with who is on each."""

    topic: CompiledTopic
    streams: Sequence[tuple[Stream, tuple[Subscriber, ...]]]


@dataclass(frozen=True, slots=True)
class _Moment:
    """A change, the version that it made if it is stored, and what else is there."""

    change: Change
    version: ResourceVersion | None
    reader: Reader
    resolver: Resolver


class Explain:
    """Explains changes, stored ones and made-up ones."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        subscribers: Subscribers,
        parameters: Mapping[FhirRelease, SearchParameters],
        *,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._store = store
        self._registry = registry
        self._subscribers = subscribers
        self._parameters = parameters

    async def version(
        self,
        key: ResourceKey,
        version: int | None = None,
        *,
        subscription: str | None = None,
        topic: str | None = None,
        caller: Client | None = None,
    ) -> Explanation:
        """Explain a stored version of a resource, the newest where ``version`` is None.

        Args:
            key: of the resource.
            version: its number.
            subscription: the id of the only Subscription to ask about.
            topic: the canonical of the only topic to ask about.
            caller: only what is told to Subscriptions that this caller knows of.

        Raises:
            NotFound, Deleted: there is no such version, Subscription or topic.
        """
        asked = self._asked(key.release, subscription, topic, caller)

        def read(reader: Reader) -> Explanation:
            found = reader.head(key) if version is None else reader.version(key, version)
            if found is None:
                which = "such version of " if version is not None else ""
                raise NotFound(f"there is no {which}{key.reference} at this base")
            return self._explained(change_of(reader, found), found, asked, reader)

        return await self._store.read(read)

    async def change(
        self,
        release: FhirRelease,
        before: Resource | None,
        after: Resource | None,
        *,
        author: str = "",
        subscription: str | None = None,
        topic: str | None = None,
        caller: Client | None = None,
    ) -> Explanation:
        """Explain what would come of a change from ``before`` to ``after``.

        Args:
            release: at whose base.
            before, after: the states; one of them is None where it is created or deleted.
            author: the name of the client that would write it, empty: of none that subscribes.
            subscription, topic, caller: see ``version``.

        Raises:
            Unprocessable: there is neither, or the two are different resources.
            NotFound, Deleted: there is no such Subscription or topic.
        """
        state = after or before
        if state is None:
            raise Unprocessable("there is neither a state before nor one after the change")
        if before and after and before["resourceType"] != after["resourceType"]:
            raise Unprocessable("the states before and after are of different types")
        interaction = Interaction.UPDATE
        if before is None or after is None:
            interaction = Interaction.CREATE if before is None else Interaction.DELETE
        change = Change(
            release=release,
            resource_type=str(state["resourceType"]),
            id=str(state.get("id", "")),
            interaction=interaction,
            previous=before,
            current=after,
            author=author,
        )
        asked = self._asked(release, subscription, topic, caller)
        return await self._store.read(lambda reader: self._explained(change, None, asked, reader))

    def _asked(
        self,
        release: FhirRelease,
        subscription: str | None,
        topic: str | None,
        caller: Client | None,
    ) -> list[_Asked]:
        """Return what to ask about; copied here, since the store is read on another thread."""
        only: Subscriber | None = None
        if subscription is not None:
            only = self._subscribers.named(release, subscription, caller=caller)
            if not counts(only.subscription.status):
                raise Unprocessable(
                    f"Subscription/{subscription} is {only.subscription.status}: no change counts "
                    "for it until it is reactivated"
                )
            topic = only.topic_version
        criteria = {each.topic.canonical: each for each in self._registry.criteria_topics(release)}
        if topic is None:
            chosen = [each for each in self._registry.topics(release) if not each.event_only]
            chosen += criteria.values()
        else:
            named = criteria.get(topic)
            chosen = [named or self._registry.topic(release, topic, for_new=False)]
        found = []
        for each in chosen:
            streams = []
            for stream in self._registry.streams_of(release, each.topic.canonical):
                sids = sorted(self._subscribers.on([stream.id]))
                there = tuple(
                    who
                    for sid in sids
                    if (who := self._subscribers.get(sid)) is not None
                    and (only is None or who is only)
                    and who.belonging.is_shown_to(caller)
                )
                if there:
                    streams.append((stream, there))
            found.append(_Asked(each, streams))
        return found

    def _explained(
        self,
        change: Change,
        version: ResourceVersion | None,
        asked: Sequence[_Asked],
        reader: Reader,
    ) -> Explanation:
        now = self._clock.now() if version is None else version.timestamp
        resolver = ReaderResolver(reader, change.release, self._parameters[change.release], now=now)
        moment = _Moment(change, version, reader, resolver)
        topics = (_topic(moment, each) for each in asked)
        return Explanation(
            change=change,
            version=version,
            topics=tuple(each for each in topics if each is not None),
        )


def _topic(moment: _Moment, asked: _Asked) -> ExplainedTopic | None:
    """Return what a topic says, None for one that nobody asks and that is about other changes."""
    topic, change = asked.topic, moment.change
    if is_excluded(change.subject) and not topic.names(change.subject):
        words = "resources about the hub itself are events only of topics that name their type"
        return ExplainedTopic(topic=topic, fires=False, verdicts=(), streams=(), why_not=words)
    resolver = RecordingResolver(moment.resolver)
    moment = replace(moment, resolver=resolver)
    verdicts = topic.explain(change, resolver)
    fires = any(verdict.fires for verdict in verdicts)
    if not asked.streams and not any(verdict.concerns for verdict in verdicts):
        return None
    streams = [_stream(moment, *each) for each in (asked.streams if fires else ())]
    hits = [each for each in streams if each.counted or each.accepts]
    misses = [each for each in streams if not (each.counted or each.accepts)]
    misses.sort(key=lambda each: each.failing)
    return ExplainedTopic(
        topic=topic,
        fires=fires,
        verdicts=verdicts,
        streams=(*hits, *misses[:MOST_NEAR_MISSES]),
        left_out=max(0, len(misses) - MOST_NEAR_MISSES),
        others=resolver.found,
    )


def _stream(moment: _Moment, stream: Stream, there: tuple[Subscriber, ...]) -> ExplainedStream:
    seq = None if moment.version is None else moment.version.seq
    n = None if seq is None else event_of(moment.reader, stream.id, stream.n, seq)
    lost = stream.filters.loses(moment.change, moment.resolver)
    return ExplainedStream(
        accepts=lost or stream.filters.accepts(moment.change, moment.resolver),
        lost=lost,
        echo=stream.echoes(moment.change),
        counted=None if seq is None else n is not None,
        clauses=stream.filters.clauses(moment.change, moment.resolver),
        subscriptions=tuple(_subscription(moment.reader, each, n) for each in there),
    )


def event_of(reader: Reader, stream: int, last: int, seq: int) -> int | None:
    """Return the n of the event that the change ``seq`` made on a stream, None if it made none.

    Along a stream places in the log never go back, so that halving finds it.
    """
    low, high = 1, last
    while low <= high:
        middle = (low + high) // 2
        found = reader.events(stream, middle, middle)
        there = found[0].seq if found else 0  # what retention removed lies before all others
        if there == seq:
            return middle
        if there < seq:
            low = middle + 1
        else:
            high = middle - 1
    return None


def name_of(reader: Reader, subscriber: Subscriber) -> str:
    """Return what a subscriber calls a Subscription: its name, or in R4 and R4B its reason."""
    subscription = subscriber.subscription
    head = reader.head(ResourceKey(subscription.release, "Subscription", subscription.id))
    written = {} if head is None or head.body is None else parse(head.body).value
    return str(written.get("name") or written.get("reason") or "").strip()[:_LONGEST_NAME]


def _subscription(reader: Reader, subscriber: Subscriber, n: int | None) -> ExplainedSubscription:
    segment, name = subscriber.segments[-1], name_of(reader, subscriber)
    number = None if n is None else n - segment.offset
    if number is None or number < segment.first:
        return ExplainedSubscription(subscriber=subscriber, name=name)
    return ExplainedSubscription(
        subscriber=subscriber,
        name=name,
        number=None if subscriber.subscription.is_classic else number,
        standing=standing_of(subscriber, number),
    )


def change_of(reader: Reader, version: ResourceVersion) -> Change:
    """Return the change that made a stored version, as it was evaluated."""
    before = None
    if version.interaction is not Interaction.CREATE and version.previous is not None:
        before = reader.at([version.previous]).get(version.previous)
    return Change(
        release=version.key.release,
        resource_type=version.key.resource_type,
        id=version.key.id,
        interaction=version.interaction,
        previous=_body(before),
        current=_body(version),
        author=version.author,
    )


def _body(version: ResourceVersion | None) -> Resource | None:
    return None if version is None or version.body is None else parse(version.body).value
