"""One batch of changes, planned in memory before anything is written.

A plan sees what is committed and, over it, what it has planned so far.  What a request that fails
had planned is taken back, so that the others stay as they are.  Nothing here changes a counter or
an index: that happens after the commit.

Source: http://hl7.org/fhir/R5/http.html#transaction (processing order, atomicity).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from hub.core.author import Author
from hub.core.change import Change, Interaction
from hub.core.compiled_topic import CompiledTopic
from hub.core.instant import format_instant
from hub.core.json_text import Document, splice
from hub.core.registry import Registry
from hub.core.release import FhirRelease, Resource
from hub.core.search_index import IndexEntry, index_entry
from hub.core.search_parameter import SearchParameters
from hub.core.stream import Stream
from hub.core.subscriber import Attempt, Subscriber
from hub.core.topic import SubscriptionTopic
from hub.core.version import (
    EventContext,
    Occurrence,
    ResourceKey,
    ResourceVersion,
    StreamEvent,
)
from hub.engine.event_context import contexts, reference_to
from hub.engine.guards import Guards
from hub.engine.resolver import Bodies, ReaderResolver
from hub.engine.transaction_reference import names_of, refuse_twice, with_references
from hub.engine.write import Outcome, Write, Written, says_the_same
from hub.errors import Deleted, MultipleMatches, NotFound
from hub.ports import Reader, StoredStream, WriteBatch

T = TypeVar("T")


class Plan:
    """What a batch would write, request by request."""

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
        self._rare: tuple[Any, ...] = (
            self.subscribers,
            self.deliveries,
            self.attempts,
            self.streams,
            self.dropped_streams,
            self.topics,
            self.compiled,
            self.dropped_topics,
            self.floors,
        )
        self._reader = reader
        self._bodies = bodies
        self._n = n
        self._at = format_instant(now)
        self._versions: list[ResourceVersion] = []
        self._events: list[StreamEvent] = []
        self._counters: dict[int, int] = {}
        self._heads: dict[ResourceKey, ResourceVersion] = {}
        self._own_heads: dict[ResourceKey, ResourceVersion] = {}
        self._contents: dict[int, IndexEntry] = {}

    def attempt(self, request: Callable[[Plan], T]) -> T:
        """Plan one request; where it fails, nothing of it stays.

        Raises:
            Exception: what ``request`` raises.
        """
        rare = [each.copy() for each in self._rare] if any(self._rare) else ()
        last_seq, versions, events = self.last_seq, len(self._versions), len(self._events)
        try:
            answer = request(self)
        except Exception:
            self.discard(versions)
            self.last_seq = last_seq
            del self._versions[versions:]
            del self._events[events:]
            self._counters = {event.stream: event.n for event in self._events}
            self._own_heads = {}
            for kept in self._rare:
                kept.clear()
            for kept, earlier in zip(self._rare, rare, strict=False):
                kept.update(earlier) if isinstance(kept, dict) else kept.extend(earlier)
            raise
        if self._own_heads:
            self._heads |= self._own_heads
            self._own_heads = {}
        return answer

    def discard(self, first: int = 0) -> None:
        """Forget what was read from the version ``first`` on: others will have their places."""
        self._bodies.forget(version.seq for version in self._versions[first:])
        for version in self._versions[first:]:
            self._contents.pop(version.seq, None)

    def head(self, key: ResourceKey) -> ResourceVersion | None:
        """Return the newest version as this plan leaves it."""
        return self._own_heads.get(key) or self._before(key)

    def body(self, version: ResourceVersion) -> Resource | None:
        """Return the parsed resource of a version."""
        return self._bodies.of(version)

    def resolver(self, release: FhirRelease) -> ReaderResolver:
        """Return a resolver on the state as this plan leaves it."""
        reader, known = self._reader, self.parameters[release]
        written = self._own_heads, self._heads
        return ReaderResolver(reader, release, known, self._bodies, written, now=self.now)

    def n(self, stream: int) -> int:
        """Return a stream's counter as this plan leaves it."""
        planned = self._counters.get(stream)
        return self._n(stream) if planned is None else planned

    def submit(self, release: FhirRelease, writes: Sequence[Write]) -> list[Written]:
        """Apply ``writes`` as one unit and number the events that they cause.

        Returns what became of each, in the order given.  They are processed in FHIR's order:
        deletions, creations, then updates and patches.

        Raises:
            VersionConflict, VersionRequired, MultipleMatches, NotFound, Deleted, InvalidResource,
            UnresolvedReference, TransitionNotAllowed, TaskReserved: nothing of the unit may be kept
            then.
        """
        if len(writes) == 1:
            return [self._submit_one(release, writes[0])]
        matched = [self._matched(release, write) for write in writes]
        keys = [
            found.key if found else self._key(release, write)
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

    def _submit_one(self, release: FhirRelease, write: Write) -> Written:
        found = self._matched(release, write)
        if found is not None:
            return Written(Outcome.MATCHED, found)
        key = self._key(release, write)
        names = None if write.full_url is None else names_of((write,), (key,))
        started = len(self._versions)
        written = self._apply(write, key, names)
        for version in self._versions[started:]:
            self.evaluate(version)
        return written

    def _key(self, release: FhirRelease, write: Write) -> ResourceKey:
        return ResourceKey(release, write.resource_type, write.id or self.new_id())

    def write(
        self,
        key: ResourceKey,
        interaction: Interaction,
        document: Document | None,
        author: str = "",
        content: IndexEntry | None = None,
    ) -> ResourceVersion:
        """Append a version of ``key`` by ``author``; without ``document`` a deletion.

        ``content`` is as in ``Write``.
        """
        head = self.head(key)
        number = head.version + 1 if head else 1
        self.last_seq += 1
        body = None
        if document is not None:
            resource = document.value
            meta = dict(resource.get("meta") or {})
            meta |= {"versionId": str(number), "lastUpdated": self._at}
            body = splice(document, id=key.id, meta=meta)
            self._bodies.keep(self.last_seq, {**resource, "id": key.id, "meta": meta})
            if content is not None:
                self._contents[self.last_seq] = content
        before = head.seq if head else None
        place, now = self.last_seq, self.now
        version = ResourceVersion(
            place, key, number, interaction, now, body, place, previous=before, author=author
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
        for key, version in self._heads.items():
            before = self._reader.head(key)
            if before is not None and not before.deleted:
                batch.unindex.append(before.seq)
            batch.index[version.seq] = self._index(version)
        return batch

    def _index(self, version: ResourceVersion) -> IndexEntry | None:
        body = self._bodies.of(version)
        if body is None:
            return None
        content = self._contents.get(version.seq)
        return index_entry(self.parameters[version.key.release], body, content)

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
        document, content = self._document(write, key, head), write.content
        if names is not None:
            document, content = with_references(document, names), None
        current = self._bodies.of(head) if head else None
        author = Author(write.author, self.parameters[key.release].base_url)
        self.guards.check_change(key, current, document.value, author)
        if current is None:
            how, outcome = Interaction.CREATE, Outcome.CREATED
        elif says_the_same(current, document.value):
            return Written(Outcome.UNCHANGED, head)
        else:
            how, outcome = Interaction.UPDATE, Outcome.UPDATED
        return Written(outcome, self.write(key, how, document, by, content))

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
            version = self._versions[index]._replace(transaction=self.last_seq)
            self._versions[index] = version
            self._own_heads[version.key] = version

    def evaluate(self, version: ResourceVersion) -> None:
        """Number the events that one change causes, on the state after the whole unit."""
        change = self._change(version)
        resolver = self.resolver(change.release)
        matches = self.registry.match(change, resolver)
        if matches:
            for match, shown in contexts(
                matches, change, self.parameters[change.release], resolver
            ):
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
        occurrence = Occurrence(triggers=triggers, focus=reference_to(focus), at=self.now)
        more = tuple(map(reference_to, context))
        matches = self.registry.match_event(topic, triggers, change, resolver)
        numbers: dict[int, int] = {}
        for match, shown in contexts(matches, change, self.parameters[change.release], resolver):
            includes = tuple(dict.fromkeys((*shown.includes, *more)))
            told = shown._replace(triggers=(), includes=includes, occurrence=occurrence)
            numbers[match.stream.id] = self._number(match.stream, self.last_seq, told)
        return numbers

    def _number(self, stream: Stream, seq: int, context: EventContext) -> int:
        planned = self._counters.get(stream.id)
        number = (stream.n if planned is None else planned) + 1
        self._counters[stream.id] = number
        self._events.append(StreamEvent(stream.id, number, seq, context))
        return number

    def _change(self, version: ResourceVersion) -> Change:
        key = version.key
        previous: Resource | None = None
        if version.interaction is not Interaction.CREATE and version.previous is not None:
            before = self._before(key)
            previous = self._bodies.of(before) if before else None
        return Change(
            release=key.release,
            resource_type=key.resource_type,
            id=key.id,
            interaction=version.interaction,
            previous=previous,
            current=self._bodies.of(version),
            author=version.author,
        )

    def _before(self, key: ResourceKey) -> ResourceVersion | None:
        """Return the newest version as this request found it, planned or committed."""
        return self._heads.get(key) or self._reader.head(key)


_ORDER = {Interaction.DELETE: 0, Interaction.CREATE: 1, Interaction.UPDATE: 2}
