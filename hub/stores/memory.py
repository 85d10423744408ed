"""The store without a disk: for tests and trials.  What it holds is gone with the object."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from hub.core.release import FhirRelease
from hub.core.search_index import Expression, IndexEntry, selects
from hub.core.subscriber import Attempt, StoredSubscriber, Subscriber
from hub.core.topic import SubscriptionTopic
from hub.core.version import ResourceKey, ResourceVersion, StreamEvent
from hub.errors import Unavailable
from hub.ports import Opened, Reader, StoredStream, StoreFacts, WriteBatch
from hub.stores.encoding import micros
from hub.stores.postings import ANY_TYPE
from hub.stores.subscriber_kept import without_secrets

T = TypeVar("T")


class MemoryReader:
    """A view of what is committed; see ``hub.ports.Reader``."""

    def __init__(self, attempts_kept: int) -> None:
        self.log: dict[int, ResourceVersion] = {}
        self.order: list[int] = []
        self.newest: dict[ResourceKey, int] = {}
        self.index: dict[int, IndexEntry] = {}
        self.stored_events: defaultdict[int, dict[int, StreamEvent]] = defaultdict(dict)
        self.ring: deque[Attempt] = deque(maxlen=attempts_kept)

    def head(self, key: ResourceKey) -> ResourceVersion | None:
        """Return the newest version, which may be a deletion; None if there never was one."""
        seq = self.newest.get(key)
        return None if seq is None else self.log[seq]

    def heads(self, keys: Iterable[ResourceKey]) -> Mapping[ResourceKey, ResourceVersion]:
        """Return the newest versions of these resources, of those that have any, at once."""
        return {key: self.log[self.newest[key]] for key in keys if key in self.newest}

    def version(self, key: ResourceKey, version: int) -> ResourceVersion | None:
        """Return one version, None if it does not exist."""
        return next((found for found in self._chain(key) if found.version == version), None)

    def at(self, seqs: Iterable[int]) -> Mapping[int, ResourceVersion]:
        """Return the versions at these places of the log."""
        return {seq: self.log[seq] for seq in seqs if seq in self.log}

    def history(
        self,
        release: FhirRelease,
        resource_type: str,
        id: str | None,
        *,
        count: int,
        before: int | None = None,
        since: datetime | None = None,
    ) -> list[ResourceVersion]:
        """Return at most ``count`` versions of a resource, or of a type, newest first."""
        above = 0 if since is None else self.seq_at(since)
        versions = (
            (found for found in self._newest_first() if _is_of(found, release, resource_type))
            if id is None
            else self._chain(ResourceKey(release, resource_type, id))
        )
        wanted = [v for v in versions if v.seq > above and (before is None or v.seq < before)]
        return wanted[:count]

    def search(
        self,
        release: FhirRelease,
        resource_type: str,
        expression: Expression,
        *,
        count: int,
        before: int | None = None,
    ) -> list[ResourceVersion]:
        """Return at most ``count`` current versions that are selected, highest seq first.

        ``Resource`` as type selects among all types of the release.
        """
        hits = self._hits(release, resource_type, expression)
        return [found for found in hits if before is None or found.seq < before][:count]

    def count(self, release: FhirRelease, resource_type: str, expression: Expression) -> int:
        """Return how many current versions are selected."""
        return len(self._hits(release, resource_type, expression))

    def events(self, stream: int, low: int, high: int) -> list[StreamEvent]:
        """Return the events of a stream with n from ``low`` to ``high``, in order."""
        stored = self.stored_events[stream]
        return [stored[n] for n in sorted(stored) if low <= n <= high]

    def attempts(self, sid: int, count: int) -> list[Attempt]:
        """Return the newest attempts of a Subscription, newest first."""
        return [attempt for attempt in reversed(self.ring) if attempt.sid == sid][:count]

    def seq_at(self, instant: datetime) -> int:
        """Return the highest seq committed before ``instant``, 0 if none."""
        place = bisect_left(self.order, instant, key=lambda seq: self.log[seq].timestamp)
        return self.order[place - 1] if place else 0

    def _chain(self, key: ResourceKey) -> Iterable[ResourceVersion]:
        seq = self.newest.get(key)
        while seq is not None:
            yield self.log[seq]
            seq = self.log[seq].previous

    def _newest_first(self) -> Iterable[ResourceVersion]:
        return (self.log[seq] for seq in reversed(self.order))

    def _hits(
        self, release: FhirRelease, resource_type: str, expression: Expression
    ) -> list[ResourceVersion]:
        return [
            self.log[seq]
            for seq in sorted(self.index, reverse=True)
            if _is_of(self.log[seq], release, resource_type)
            and selects(expression, self.index[seq], micros(self.log[seq].timestamp))
        ]


class MemoryStore:
    """A ``hub.ports.Store`` in memory; ``close`` keeps what it holds for the next ``open``.

    Args:
        attempts_kept: how many attempts are kept, of all Subscriptions together.
    """

    def __init__(self, *, attempts_kept: int = 200_000) -> None:
        self._reader = MemoryReader(attempts_kept)
        self._streams: dict[int, StoredStream] = {}
        self._subscribers: dict[int, Subscriber] = {}
        self._topics: dict[str, SubscriptionTopic] = {}
        self._indexed: dict[FhirRelease, Mapping[str, str]] = {}
        self._last_stream = 0
        self._last_sid = 0
        self._open = False

    def open(self) -> Opened:
        """Take the store and return what it holds.

        Raises:
            Unavailable: it is open.
        """
        if self._open:
            raise Unavailable("the store is open already")
        self._open = True
        everybody = [self._subscribers[sid] for sid in sorted(self._subscribers)]
        return Opened(
            last_seq=max(self._reader.order, default=0),
            last_stream=self._last_stream,
            last_sid=self._last_sid,
            topics=tuple(self._topics.values()),
            streams=tuple(self._streams[id] for id in sorted(self._streams)),
            subscribers=tuple(map(StoredSubscriber.of, everybody)),
            content_types=frozenset(each.subscription.content_type for each in everybody),
            suppress_echo=any(each.subscription.suppress_echo for each in everybody),
            indexed=dict(self._indexed),
        )

    @property
    def writer(self) -> Reader:
        """The view of the one thread that writes: sees each commit at once."""
        return self._reader

    def facts(self) -> StoreFacts:
        """Return what it says of itself; its size is that of all bodies."""
        size = sum(len(each.body or b"") for each in self._reader.log.values())
        return StoreFacts(kind="memory", layout=None, size=size)

    def commit(self, batch: WriteBatch) -> None:
        """Write all of ``batch``, or nothing.

        Raises:
            ValueError: a seq or an event number of the batch is taken.
        """
        self._refuse_repeats(batch)
        self._write_versions(batch)
        self._write_streams(batch)
        for subscriber in batch.subscribers:
            self._last_sid = max(self._last_sid, subscriber.sid)
            self._subscribers[subscriber.sid] = (
                without_secrets(subscriber) if subscriber.deleted else subscriber
            )
        for settled in batch.deliveries:
            kept = self._subscribers[settled.sid]
            self._subscribers[settled.sid] = kept.faring(
                settled.delivery, settled.error, settled.error_code
            )
        self._reader.ring.extend(batch.attempts)
        self._topics.update((topic.canonical, topic) for topic in batch.topics)
        for topic in batch.dropped_topics:
            self._topics.pop(topic.canonical, None)
        self._indexed |= batch.indexed

    async def read(self, query: Callable[[Reader], T]) -> T:
        """Run ``query`` here and now."""
        return query(self._reader)

    def reindex(
        self,
        release: FhirRelease,
        resource_type: str,
        entry_of: Callable[[ResourceVersion], IndexEntry],
        *,
        after: int,
        count: int,
    ) -> int | None:
        """Index the next ``count`` current versions of a type anew.

        Returns the seq to go on after, None when these were the last.
        """
        reader = self._reader
        seqs = sorted(
            seq
            for seq in reader.index
            if seq > after and _is_of(reader.log[seq], release, resource_type)
        )[:count]
        reader.index.update({seq: entry_of(reader.log[seq]) for seq in seqs})
        return seqs[-1] if len(seqs) == count else None

    def close(self) -> None:
        """Give the store back; what was committed stays."""
        self._open = False

    def _refuse_repeats(self, batch: WriteBatch) -> None:
        seqs = [version.seq for version in batch.versions]
        numbers = [(event.stream, event.n) for event in batch.events]
        taken = [seq for seq in seqs if seq in self._reader.log]
        used = [(s, n) for s, n in numbers if n in self._reader.stored_events[s]]
        if taken or used or len({*seqs}) < len(seqs) or len({*numbers}) < len(numbers):
            raise ValueError("a seq or an event number is taken")

    def _write_versions(self, batch: WriteBatch) -> None:
        reader = self._reader
        for version in batch.versions:
            reader.log[version.seq] = version
            reader.order.append(version.seq)
            reader.newest[version.key] = version.seq
        reader.order.sort()
        reader.index.update((seq, entry) for seq, entry in batch.index.items() if entry is not None)
        for seq in batch.unindex:
            reader.index.pop(seq, None)

    def _write_streams(self, batch: WriteBatch) -> None:
        events = self._reader.stored_events
        for stream in batch.streams:
            self._streams[stream.id] = stream
            self._last_stream = max(self._last_stream, stream.id)
        for event in batch.events:
            events[event.stream][event.n] = event
        for id, n in batch.counters.items():
            self._streams[id] = replace(self._streams[id], n=n)
        for id, floor in batch.floors.items():
            self._streams[id] = replace(self._streams[id], floor=floor)
            events[id] = {n: event for n, event in events[id].items() if n > floor}
        for id in batch.dropped_streams:
            self._streams.pop(id, None)
            events.pop(id, None)


def _is_of(version: ResourceVersion, release: FhirRelease, resource_type: str) -> bool:
    key = version.key
    return key.release is release and resource_type in (key.resource_type, ANY_TYPE)
