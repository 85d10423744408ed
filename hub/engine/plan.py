"""One batch of changes, planned in memory before anything is written.

A plan sees what is committed and, over it, what it has planned so far.  Each request is planned on
a child; only a request that succeeds is absorbed, so the failure of one leaves the others as they
are.  Nothing here changes a counter or an index: that happens after the commit.

Source: http://hl7.org/fhir/R5/http.html#transaction (processing order, atomicity).
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from hub.core.author import Author
from hub.core.change import Change, Interaction
from hub.core.compiled_topic import CompiledTopic
from hub.core.instant import format_instant
from hub.core.json_text import Document, same, splice
from hub.core.notification_shape import includes as included
from hub.core.notification_shape import related_queries
from hub.core.registry import Match, Registry, Stream
from hub.core.release import FhirRelease, Resource
from hub.core.search_index import IndexEntry, index_entry
from hub.core.search_parameter import SearchParameters
from hub.core.subscriber import Attempt, Subscriber
from hub.core.topic import SubscriptionTopic
from hub.core.version import (
    EventContext,
    Occurrence,
    ResourceKey,
    ResourceVersion,
    StreamEvent,
    VersionReference,
)
from hub.engine.guards import Guards
from hub.engine.resolver import Bodies, ReaderResolver
from hub.engine.transaction_reference import names_of, refuse_twice, with_references
from hub.engine.write import Outcome, Write, Written, content
from hub.errors import (
    Deleted,
    MultipleMatches,
    NotFound,
)
from hub.ports import Reader, StoredStream, WriteBatch


class Plan:
    """What a batch, or one request of it, would write."""

    def __init__(
        self,
        reader: Reader,
        registry: Registry,
        parameters: Mapping[FhirRelease, SearchParameters],
        *,
        now: datetime,
        last_seq: int,
        bodies: Bodies,
        new_id: Callable[[], str],
        n: Callable[[int], int],
        guards: Guards,
        parent: Plan | None = None,
    ) -> None:
        self.now = now
        self.new_id = new_id
        self.registry = registry
        self.parameters = parameters
        self.last_seq = last_seq
        self.guards = guards
        self.subscribers: dict[int, Subscriber] = {}
        self.deliveries: dict[int, Subscriber] = {}
        self.attempts: list[Attempt] = []
        self.streams: list[StoredStream] = []
        self.dropped_streams: list[int] = []
        self.topics: list[SubscriptionTopic] = []
        self.compiled: list[Mapping[FhirRelease, CompiledTopic]] = []
        self.dropped_topics: list[SubscriptionTopic] = []
        self.floors: dict[int, int] = {}
        self._reader = reader
        self._bodies = bodies
        self._n = n
        self._lineage: tuple[Plan, ...] = (self, *parent._lineage) if parent else (self,)
        self._versions: list[ResourceVersion] = []
        self._events: list[StreamEvent] = []
        self._own_heads: dict[ResourceKey, ResourceVersion] = {}
        self._counters: dict[int, int] = {}

    def child(self) -> Plan:
        """Return a plan for one request, to be absorbed if it succeeds."""
        return Plan(
            self._reader,
            self.registry,
            self.parameters,
            now=self.now,
            last_seq=self.last_seq,
            bodies=self._bodies,
            new_id=self.new_id,
            n=self._n,
            guards=self.guards,
            parent=self,
        )

    def absorb(self, child: Plan) -> None:
        """Take over all that ``child`` planned."""
        self.last_seq = child.last_seq
        self._versions += child._versions
        self._events += child._events
        self._own_heads |= child._own_heads
        self._counters |= child._counters
        self.subscribers |= child.subscribers
        self.deliveries |= child.deliveries
        self.attempts += child.attempts
        self.streams += child.streams
        self.dropped_streams += child.dropped_streams
        self.topics += child.topics
        self.compiled += child.compiled
        self.dropped_topics += child.dropped_topics
        self.floors |= child.floors

    def discard(self) -> None:
        """Forget what this plan parsed: its places in the log will be used by others."""
        self._bodies.forget(version.seq for version in self._versions)

    def head(self, key: ResourceKey) -> ResourceVersion | None:
        """Return the newest version as this plan leaves it."""
        return self._own_heads.get(key) or self._before(key)

    def body(self, version: ResourceVersion) -> Resource | None:
        """Return the parsed resource of a version."""
        return self._bodies.of(version)

    def resolver(self, release: FhirRelease) -> ReaderResolver:
        """Return a resolver on the state as this plan leaves it."""
        reader, known = self._reader, self.parameters[release]
        written = ChainMap(*(plan._own_heads for plan in self._lineage))
        return ReaderResolver(reader, release, known, self._bodies, written, now=self.now)

    def n(self, stream: int) -> int:
        """Return a stream's counter as this plan leaves it."""
        planned = self._planned_n(stream)
        return self._n(stream) if planned is None else planned

    def _planned_n(self, stream: int) -> int | None:
        for plan in self._lineage:
            if stream in plan._counters:
                return plan._counters[stream]
        return None

    def submit(self, release: FhirRelease, writes: Sequence[Write]) -> list[Written]:
        """Apply ``writes`` as one unit and number the events that they cause.

        Returns what became of each, in the order given.  They are processed in FHIR's order:
        deletions, creations, then updates and patches.

        Raises:
            VersionConflict, VersionRequired, MultipleMatches, NotFound, Deleted, InvalidResource,
            UnresolvedReference, TransitionNotAllowed, TaskReserved: nothing of the unit may be kept
            then.
        """
        matched = [self._matched(release, write) for write in writes]
        keys = [
            found.key
            if found
            else ResourceKey(release, write.resource_type, write.id or self.new_id())
            for write, found in zip(writes, matched, strict=True)
        ]
        refuse_twice([key for key, found in zip(keys, matched, strict=True) if not found])
        names = names_of(writes, keys)
        results: list[Written | None] = [None] * len(writes)
        started = len(self._versions)
        for index in sorted(range(len(writes)), key=lambda i: _ORDER[writes[i].interaction]):
            found = matched[index]
            if found is not None:
                results[index] = Written(Outcome.MATCHED, found)
            else:
                results[index] = self._apply(writes[index], keys[index], names)
        self._close_transaction(started)
        for version in self._versions[started:]:
            self.evaluate(version)
        return [result for result in results if result is not None]

    def write(
        self,
        key: ResourceKey,
        interaction: Interaction,
        document: Document | None,
        author: str = "",
    ) -> ResourceVersion:
        """Append a version of ``key`` by ``author``; without ``document`` a deletion."""
        head = self.head(key)
        number = head.version + 1 if head else 1
        self.last_seq += 1
        body = None
        if document is not None:
            meta = dict(document.value.get("meta") or {})
            meta |= {"versionId": str(number), "lastUpdated": format_instant(self.now)}
            body = splice(document, id=key.id, meta=meta)
            self._bodies.keep(self.last_seq, {**document.value, "id": key.id, "meta": meta})
        version = ResourceVersion(
            seq=self.last_seq,
            key=key,
            version=number,
            interaction=interaction,
            timestamp=self.now,
            body=body,
            transaction=self.last_seq,
            previous=head.seq if head else None,
            author=author,
        )
        self._versions.append(version)
        self._own_heads[key] = version
        return version

    def batch(self) -> WriteBatch:
        """Return all that this plan would write."""
        batch = WriteBatch(
            versions=self._versions,
            events=self._events,
            counters=dict(self._counters),
            streams=self.streams,
            dropped_streams=self.dropped_streams,
            floors=self.floors,
            subscribers=list(self.subscribers.values()),
            deliveries=[
                subscriber
                for sid, subscriber in self.deliveries.items()
                if sid not in self.subscribers
            ],
            attempts=self.attempts,
            topics=self.topics,
            dropped_topics=self.dropped_topics,
        )
        for key, version in self._own_heads.items():
            before = self._reader.head(key)
            if before is not None and not before.deleted:
                batch.unindex.append(before.seq)
            batch.index[version.seq] = self._index(version)
        return batch

    def _index(self, version: ResourceVersion) -> IndexEntry | None:
        body = self._bodies.of(version)
        if body is None:
            return None
        return index_entry(self.parameters[version.key.release], body)

    def _matched(self, release: FhirRelease, write: Write) -> ResourceVersion | None:
        """Return what If-None-Exist finds, None if nothing or not asked."""
        query = write.if_none_exist
        if query is None:
            return None
        found = self.resolver(release).matching(query, 2)
        if len(found) > 1:
            raise MultipleMatches(f"If-None-Exist matches more than one {query.resource_type}")
        return found[0][0] if found else None

    def _apply(self, write: Write, key: ResourceKey, names: Mapping[str, str] | None) -> Written:
        head = self.head(key)
        self.guards.check_if_match(key, head, write.if_match, demand=not write.unconditional)
        by = write.author.name if write.author else ""
        if write.interaction is Interaction.DELETE:
            if head is None or head.deleted:
                return Written(Outcome.ABSENT, head)
            return Written(Outcome.DELETED, self.write(key, Interaction.DELETE, None, by))
        document = self._document(write, key, head)
        if names is not None:
            document = with_references(document, names)
        current = self._bodies.of(head) if head else None
        author = Author(write.author, self.parameters[key.release].base_url)
        self.guards.check_change(key, current, document.value, author)
        if current is None:
            return Written(Outcome.CREATED, self.write(key, Interaction.CREATE, document, by))
        if same(content(current), content(document.value)):
            return Written(Outcome.UNCHANGED, head)
        return Written(Outcome.UPDATED, self.write(key, Interaction.UPDATE, document, by))

    def _document(self, write: Write, key: ResourceKey, head: ResourceVersion | None) -> Document:
        if write.patch is None:
            if write.document is None:
                raise ValueError("a create or update without a document")
            return write.document
        if head is None:
            raise NotFound(f"there is no {key.reference} to patch")
        current = self._bodies.of(head)
        if current is None:
            raise Deleted(f"{key.reference} was deleted")
        return write.patch(current)

    def _close_transaction(self, started: int) -> None:
        """Let all versions since ``started`` name the last of them as their transaction."""
        if len(self._versions) - started < 2:
            return
        for index in range(started, len(self._versions)):
            version = replace(self._versions[index], transaction=self.last_seq)
            self._versions[index] = version
            self._own_heads[version.key] = version

    def evaluate(self, version: ResourceVersion) -> None:
        """Number the events that one change causes, on the state after the whole unit."""
        change = self._change(version)
        resolver = self.resolver(version.key.release)
        for match, shown in self._shown(self.registry.match(change, resolver), change, resolver):
            self._number(match.stream, version.seq, shown)

    def tell(
        self,
        topic: CompiledTopic,
        triggers: tuple[int, ...],
        focus: ResourceVersion,
        context: Sequence[ResourceVersion],
    ) -> dict[int, int]:
        """Number an event that no change made; return the n of each stream that it belongs to.

        Args:
            topic: whose event it is.
            triggers: the indexes of its event triggers that mean it.
            focus: what it is about, at its current version.
            context: what is to be shown beside what the topic's shape names.
        """
        state = self.body(focus)
        change = Change(
            release=focus.key.release,
            resource_type=focus.key.resource_type,
            id=focus.key.id,
            interaction=Interaction.UPDATE,
            previous=state,
            current=state,
        )
        resolver = self.resolver(focus.key.release)
        # A place in the log of its own, so that along a stream places never go back.
        self.last_seq += 1
        occurrence = Occurrence(triggers=triggers, focus=_reference(focus), at=self.now)
        more = tuple(map(_reference, context))
        matches = self.registry.match_event(topic, triggers, change, resolver)
        numbers: dict[int, int] = {}
        for match, shown in self._shown(matches, change, resolver):
            includes = tuple(dict.fromkeys((*shown.includes, *more)))
            told = replace(shown, triggers=(), includes=includes, occurrence=occurrence)
            numbers[match.stream.id] = self._number(match.stream, self.last_seq, told)
        return numbers

    def _shown(
        self, matches: Sequence[Match], change: Change, resolver: ReaderResolver
    ) -> Iterator[tuple[Match, EventContext]]:
        """Yield each match with its triggers and what its topic's shape names for the focus."""
        known: dict[tuple[int, bool], EventContext] = {}
        parameters = self.parameters[change.release]
        for match in matches:
            like = id(match.topic), match.lost
            context = known.get(like)
            if context is None and match.lost:
                context = known[like] = EventContext(triggers=match.triggers, lost=True)
            elif context is None:
                named = included(match.topic, change.subject, parameters, resolver)
                found = [resolver.version(kind, id) for kind, id in named]
                context = known[like] = EventContext(
                    triggers=match.triggers,
                    includes=tuple(_reference(version) for version in found if version),
                    queries=related_queries(match.topic, change.subject, parameters),
                )
            yield match, context

    def _number(self, stream: Stream, seq: int, context: EventContext) -> int:
        planned = self._planned_n(stream.id)
        number = (stream.n if planned is None else planned) + 1
        self._counters[stream.id] = number
        self._events.append(StreamEvent(stream=stream.id, n=number, seq=seq, context=context))
        return number

    def _change(self, version: ResourceVersion) -> Change:
        previous: Resource | None = None
        if version.interaction is not Interaction.CREATE and version.previous is not None:
            before = self._before(version.key)
            previous = self._bodies.of(before) if before else None
        return Change(
            release=version.key.release,
            resource_type=version.key.resource_type,
            id=version.key.id,
            interaction=version.interaction,
            previous=previous,
            current=self._bodies.of(version),
            author=version.author,
        )

    def _before(self, key: ResourceKey) -> ResourceVersion | None:
        """Return the newest version as this plan found it, planned or committed."""
        for plan in self._lineage[1:]:
            if key in plan._own_heads:
                return plan._own_heads[key]
        return self._reader.head(key)


def _reference(version: ResourceVersion) -> VersionReference:
    return VersionReference(version.key.resource_type, version.key.id, version.version)


_ORDER = {Interaction.DELETE: 0, Interaction.CREATE: 1, Interaction.UPDATE: 2}
