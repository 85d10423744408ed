"""One batch of changes, planned in memory before anything is written.

A plan sees what is committed and, over it, what it has planned so far.  Each request is planned on
a child; only a request that succeeds is absorbed, so the failure of one leaves the others as they
are.  Nothing here changes a counter or an index: that happens after the commit.

Source: http://hl7.org/fhir/R5/http.html#transaction (processing order, atomicity).
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from hub.core.change import Change, Interaction
from hub.core.instant import format_instant
from hub.core.json_text import Document, dumps, parse, same, splice
from hub.core.notification_shape import includes
from hub.core.registry import Registry
from hub.core.release import FhirRelease, Json, Resource
from hub.core.search import Query
from hub.core.search_index import IndexEntry, index_entry
from hub.core.search_parameter import SearchParameters
from hub.core.subscriber import Attempt, Subscriber
from hub.core.topic import SubscriptionTopic
from hub.core.version import (
    EventContext,
    ResourceKey,
    ResourceVersion,
    StreamEvent,
    VersionReference,
)
from hub.engine.resolver import Bodies, ReaderResolver
from hub.errors import (
    Conflict,
    Deleted,
    MultipleMatches,
    NotFound,
    UnresolvedReference,
    VersionConflict,
)
from hub.ports import Reader, StoredStream, WriteBatch


class Outcome(StrEnum):
    """What became of one write.

    ``absent``: a DELETE of nothing; ``matched``: If-None-Exist found exactly one.
    """

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    ABSENT = "absent"
    MATCHED = "matched"


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One interaction that changes a resource.

    CREATE has no ``id``; UPDATE creates what is absent.  ``document`` is validated.  ``patch``
    takes the current resource and returns the patched, validated document.  ``full_url`` is what
    other entries of the same transaction call this one.
    """

    interaction: Interaction
    resource_type: str
    id: str | None = None
    document: Document | None = None
    if_match: int | None = None
    if_none_exist: Query | None = None
    patch: Callable[[Resource], Document] | None = None
    full_url: str | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a write, and the version that is current after it (None if none ever was)."""

    outcome: Outcome
    version: ResourceVersion | None


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
        parent: Plan | None = None,
    ) -> None:
        self.now = now
        self.new_id = new_id
        self.registry = registry
        self.parameters = parameters
        self.last_seq = last_seq
        self.subscribers: dict[int, Subscriber] = {}
        self.deliveries: dict[int, Subscriber] = {}
        self.attempts: list[Attempt] = []
        self.streams: list[StoredStream] = []
        self.dropped_streams: list[int] = []
        self.topics: list[SubscriptionTopic] = []
        self.floors: dict[int, int] = {}
        self._reader = reader
        self._bodies = bodies
        self._n = n
        self._parent = parent
        self._versions: list[ResourceVersion] = []
        self._events: list[StreamEvent] = []
        self._own_heads: dict[ResourceKey, ResourceVersion] = {}
        self._heads: ChainMap[ResourceKey, ResourceVersion] = ChainMap(
            self._own_heads, *(parent._heads.maps if parent else ())
        )
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
        self.floors |= child.floors

    def discard(self) -> None:
        """Forget what this plan parsed: its places in the log will be used by others."""
        self._bodies.forget(version.seq for version in self._versions)

    # --- reading -------------------------------------------------------------------------------

    def head(self, key: ResourceKey) -> ResourceVersion | None:
        """Return the newest version as this plan leaves it."""
        return self._heads.get(key) or self._reader.head(key)

    def body(self, version: ResourceVersion) -> Resource | None:
        """Return the parsed resource of a version."""
        return self._bodies.of(version)

    def resolver(self, release: FhirRelease) -> ReaderResolver:
        """Return a resolver on the state as this plan leaves it."""
        return ReaderResolver(
            self._reader, release, self.parameters[release], self._bodies, self._heads
        )

    def n(self, stream: int) -> int:
        """Return a stream's counter as this plan leaves it."""
        plan: Plan | None = self
        while plan is not None:
            if stream in plan._counters:
                return plan._counters[stream]
            plan = plan._parent
        return self._n(stream)

    # --- writing -------------------------------------------------------------------------------

    def submit(self, release: FhirRelease, writes: Sequence[Write]) -> list[Written]:
        """Apply ``writes`` as one unit and number the events that they cause.

        Returns what became of each, in the order given.  They are processed in FHIR's order:
        deletions, creations, then updates and patches.

        Raises:
            VersionConflict, MultipleMatches, NotFound, Deleted, Conflict, UnresolvedReference:
                nothing of the unit may be kept then.
        """
        matched = [self._matched(release, write) for write in writes]
        keys = [
            found.key
            if found
            else ResourceKey(release, write.resource_type, write.id or self.new_id())
            for write, found in zip(writes, matched, strict=True)
        ]
        _refuse_twice([key for key, found in zip(keys, matched, strict=True) if not found])
        names = {
            write.full_url: key.reference
            for write, key in zip(writes, keys, strict=True)
            if write.full_url
        }
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
            self._evaluate(version)
        return [result for result in results if result is not None]

    def write(
        self, key: ResourceKey, interaction: Interaction, document: Document | None
    ) -> ResourceVersion:
        """Append a version of ``key``; without ``document`` a deletion."""
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

    def _apply(self, write: Write, key: ResourceKey, names: Mapping[str, str]) -> Written:
        head = self.head(key)
        check_if_match(key, head, write.if_match)
        if write.interaction is Interaction.DELETE:
            if head is None or head.deleted:
                return Written(Outcome.ABSENT, head)
            return Written(Outcome.DELETED, self.write(key, Interaction.DELETE, None))
        document = self._document(write, key, head)
        if names:
            document = _with_references(document, names)
        if head is None or head.deleted:
            return Written(Outcome.CREATED, self.write(key, Interaction.CREATE, document))
        current = self._bodies.of(head)
        if same(_content(current), _content(document.value)):
            return Written(Outcome.UNCHANGED, head)
        return Written(Outcome.UPDATED, self.write(key, Interaction.UPDATE, document))

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
        for index in range(started, len(self._versions)):
            version = replace(self._versions[index], transaction=self.last_seq)
            self._versions[index] = version
            self._own_heads[version.key] = version

    def _evaluate(self, version: ResourceVersion) -> None:
        """Number the events that one change causes, on the state after the whole unit."""
        release = version.key.release
        change = self._change(version)
        resolver = self.resolver(release)
        shown: dict[str, tuple[VersionReference, ...]] = {}
        for match in self.registry.match(change, resolver):
            topic = match.topic.topic.canonical
            if topic not in shown:
                named = includes(match.topic, change.subject, self.parameters[release], resolver)
                found = [resolver.version(kind, id) for kind, id in named]
                shown[topic] = tuple(
                    VersionReference(v.key.resource_type, v.key.id, v.version) for v in found if v
                )
            stream = match.stream.id
            number = self.n(stream) + 1
            self._counters[stream] = number
            context = EventContext(triggers=match.triggers, includes=shown[topic])
            self._events.append(
                StreamEvent(stream=stream, n=number, seq=version.seq, context=context)
            )

    def _change(self, version: ResourceVersion) -> Change:
        previous: Resource | None = None
        if version.interaction is not Interaction.CREATE and version.previous is not None:
            before = self._before(version)
            previous = self._bodies.of(before) if before else None
        return Change(
            release=version.key.release,
            resource_type=version.key.resource_type,
            id=version.key.id,
            interaction=version.interaction,
            previous=previous,
            current=self._bodies.of(version),
        )

    def _before(self, version: ResourceVersion) -> ResourceVersion | None:
        """Return the version that ``version`` follows, planned or committed."""
        for mapping in self._heads.maps[1:]:
            if version.key in mapping:
                return mapping[version.key]
        return self._reader.head(version.key)


def check_if_match(key: ResourceKey, head: ResourceVersion | None, if_match: int | None) -> None:
    """Refuse a write whose If-Match does not name the current version.

    Raises:
        VersionConflict: somebody was faster, or there is nothing.
    """
    if if_match is None:
        return
    if head is None or head.deleted:
        raise VersionConflict(f"If-Match is given, but there is no {key.reference}")
    if head.version != if_match:
        raise VersionConflict(
            f'If-Match names W/"{if_match}", but {key.reference} is at {head.etag}'
        )


_ORDER = {Interaction.DELETE: 0, Interaction.CREATE: 1, Interaction.UPDATE: 2}


def _refuse_twice(keys: Sequence[ResourceKey]) -> None:
    seen: set[ResourceKey] = set()
    for key in keys:
        if key in seen:
            raise Conflict(f"the transaction changes {key.reference} twice")
        seen.add(key)


def _content(resource: Resource | None) -> Resource:
    """Return what counts when two versions are compared: all but what the hub sets in meta."""
    content = {
        name: value for name, value in (resource or {}).items() if name not in ("id", "meta")
    }
    meta = {
        name: value
        for name, value in ((resource or {}).get("meta") or {}).items()
        if name not in ("versionId", "lastUpdated")
    }
    return content | {"meta": meta} if meta else content


def _with_references(document: Document, names: Mapping[str, str]) -> Document:
    """Return the document with references to other entries as references to their resources."""
    changed, value = _renamed(document.value, names)
    return parse(dumps(value)) if changed else document


def _renamed(value: Json, names: Mapping[str, str]) -> tuple[bool, Json]:
    if isinstance(value, list):
        pairs = [_renamed(item, names) for item in value]
        return any(changed for changed, _ in pairs), [item for _, item in pairs]
    if not isinstance(value, dict):
        return False, value
    renamed: Resource = {}
    any_changed = False
    for name, item in value.items():
        if name == "reference" and isinstance(item, str):
            target = names.get(item.partition("#")[0], item)
            if target == item and item.startswith(("urn:uuid:", "urn:oid:")):
                raise UnresolvedReference(
                    f"no entry of the transaction has the fullUrl {item[:64]}",
                )
            changed, renamed[name] = target != item, target
        else:
            changed, renamed[name] = _renamed(item, names)
        any_changed = any_changed or changed
    return any_changed, renamed
