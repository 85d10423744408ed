"""The newest events, kept in memory as they were committed.

What a lane or a socket sends next nearly always was committed a moment ago, so it need not be read
from the store.  What is no longer, or not whole, in memory is read there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence

from hub.core.notification import NumberedEvent
from hub.core.subscriber import Subscriber
from hub.core.version import ResourceKey, ResourceVersion, StreamEvent
from hub.engine.numbered_events import read_events
from hub.ports import ReadableStore, WriteBatch

MOST_EVENTS = 16_384
MOST_BYTES = 16 * 2**20


class _NotKeptError(LookupError):
    """Something is not in memory."""


class RecentEvents:
    """Reads events of Subscriptions, the newest ones from memory.

    Args:
        store: has all of them.
        most_events: how many are kept at most, beside those of the last commit.
        most_bytes: how much the texts of their versions may take, likewise.
    """

    def __init__(
        self,
        store: ReadableStore,
        *,
        most_events: int = MOST_EVENTS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._store = store
        self._most_events = most_events
        self._most_bytes = most_bytes
        self._commits: deque[tuple[Sequence[ResourceVersion], Sequence[StreamEvent]]] = deque()
        self._events: dict[tuple[int, int], StreamEvent] = {}
        self._versions: dict[int, ResourceVersion] = {}
        self._by_key: dict[tuple[ResourceKey, int], ResourceVersion] = {}
        self._without_key: deque[Sequence[ResourceVersion]] = deque()
        """Those of the newest commits, not in ``_by_key`` until somebody asks there."""
        self._bytes = 0

    def committed(self, written: WriteBatch, woken: Collection[int]) -> None:
        """Keep what one commit wrote; after retention removed something begin anew."""
        if written.floors or written.dropped_streams:
            self.forget()
        self.keep(written.versions, written.events)

    def keep(self, versions: Sequence[ResourceVersion], events: Sequence[StreamEvent]) -> None:
        """Keep what one commit wrote, if there are events, in place of the oldest."""
        if not events:
            return
        self._commits.append((versions, events))
        for event in events:
            self._events[event.stream, event.n] = event
        for version in versions:
            self._versions[version.seq] = version
            if version.body is not None:
                self._bytes += len(version.body)
        self._without_key.append(versions)
        while len(self._commits) > 1 and (
            len(self._events) > self._most_events or self._bytes > self._most_bytes
        ):
            self._drop(*self._commits.popleft())

    def forget(self) -> None:
        """Keep nothing of what was committed so far: retention has removed some of it."""
        self._commits.clear()
        self._events.clear()
        self._versions.clear()
        self._by_key.clear()
        self._without_key.clear()
        self._bytes = 0

    async def read(self, subscriber: Subscriber, low: int, high: int) -> list[NumberedEvent]:
        """Return the events numbered ``low``..``high`` (inclusive), in order, with their content.

        What retention removed is left out.
        """
        events = self.remembered(subscriber, low, high)
        if events is None:
            return await self._store.read(lambda reader: read_events(reader, subscriber, low, high))
        return events

    def remembered(self, subscriber: Subscriber, low: int, high: int) -> list[NumberedEvent] | None:
        """Return the same as ``read``, None where not all of it is in memory."""
        if low == high and (found := self._lone(subscriber, low)) is not None:
            return [found]
        try:
            return read_events(self, subscriber, low, high)
        except _NotKeptError:
            return None

    def _lone(self, subscriber: Subscriber, number: int) -> NumberedEvent | None:
        """Return what most ask for: a new event, of a change, that includes nothing else."""
        if not subscriber.segments:
            return None
        segment = subscriber.segments[-1]
        event = self._events.get((segment.stream, number + segment.offset))
        if event is None or number < segment.first or not segment.is_open:
            return None
        context = event.context
        if context.includes or context.occurrence is not None:
            return None
        focus = self._versions[event.seq]
        return NumberedEvent(
            number=number,
            timestamp=focus.timestamp,
            focus=focus,
            queries=context.queries,
            lost=context.lost,
        )

    def events(self, stream: int, low: int, high: int) -> list[StreamEvent]:
        """Return the events of a stream with n from ``low`` to ``high``, in order."""
        try:
            if low == high:
                return [self._events[stream, low]]
            return [self._events[stream, n] for n in range(low, high + 1)]
        except KeyError:
            raise _NotKeptError from None

    def at(self, seqs: Iterable[int]) -> Mapping[int, ResourceVersion]:
        """Return the versions at these places of the log."""
        return {seq: found for seq in seqs if (found := self._versions.get(seq)) is not None}

    def version(self, key: ResourceKey, version: int) -> ResourceVersion:
        """Return one version."""
        while self._without_key:
            for each in self._without_key.popleft():
                self._by_key[each.key, each.version] = each
        try:
            return self._by_key[key, version]
        except KeyError:
            raise _NotKeptError from None

    def _drop(self, versions: Sequence[ResourceVersion], events: Sequence[StreamEvent]) -> None:
        for event in events:
            del self._events[event.stream, event.n]
        for version in versions:
            del self._versions[version.seq]
            if version.body is not None:
                self._bytes -= len(version.body)
        if len(self._without_key) > len(self._commits):
            self._without_key.popleft()
        else:
            for version in versions:
                del self._by_key[version.key, version.version]
