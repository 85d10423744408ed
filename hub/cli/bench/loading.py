"""Fills a database through the store's port, before a hub opens it.

Whole batches go to ``Store.commit``, as the hub's own do: resources with their search terms,
Subscriptions that are active, events under their numbers.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import orjson

from hub.cli.bench.deadline import Deadline
from hub.cli.bench.hub_process import PUBLIC_URL
from hub.cli.bench.sample import TOPIC
from hub.clock import SystemClock
from hub.codecs.definitions import read_definitions
from hub.codecs.releases import codecs_of_releases
from hub.core.change import Interaction
from hub.core.filters import accept_filters
from hub.core.instant import format_instant
from hub.core.message import DEFAULT_MESSAGE_EVENT
from hub.core.numbering import Segment, join
from hub.core.registry import Registry
from hub.core.release import FhirRelease
from hub.core.search_index import index_entry
from hub.core.stream import stream_key
from hub.core.subscriber import Subscriber
from hub.core.subscription import (
    ChannelType,
    FilterBy,
    PayloadContent,
    Subscription,
    SubscriptionStatusCode,
)
from hub.core.timing import DeliveryState
from hub.core.version import EventContext, ResourceKey, ResourceVersion, StreamEvent
from hub.engine.reindexing import Reindexing
from hub.engine.subscribers import GONE
from hub.loading import parameters_of
from hub.ports import StoredStream, WriteBatch
from hub.settings import packaged_topics
from hub.stores.secrets import HeaderCipher, load_key
from hub.stores.sqlite import SqliteStore

T = TypeVar("T")

_RELEASE = FhirRelease.R4
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A Subscription to have: ``owners`` of the Tasks that it asks for, several are alternatives.

    ``endpoint`` None is a websocket.  It has had ``before`` events already, under other filters;
    all were delivered, and none is kept.
    """

    id: str
    owners: tuple[str, ...]
    endpoint: str | None
    content: PayloadContent = PayloadContent.FULL_RESOURCE
    max_count: int | None = None
    before: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A Task to have, as text, and the ids of the Subscriptions that it is an event for."""

    id: str
    text: bytes
    events_for: tuple[str, ...] = ()


class Loading:
    """An open store that nobody else has."""

    def __init__(self, store: SqliteStore, deadline: Deadline) -> None:
        self._store = store
        self._deadline = deadline
        self._opened = store.open()
        definitions = read_definitions([packaged_topics()])
        self._parameters = parameters_of(definitions, PUBLIC_URL)
        registry = Registry()
        for loaded in definitions.topics:
            registry.add_topic(loaded.topic, self._parameters)
        self._topic = registry.topic(_RELEASE, TOPIC)
        self._codec = codecs_of_releases(DEFAULT_MESSAGE_EVENT, has_xml=False)[_RELEASE]
        self._now = SystemClock().now()
        self._seq = self._opened.last_seq
        self._sid = self._opened.last_sid
        self._streams: dict[str, StoredStream] = {}
        self._stream_of: dict[str, int] = {}
        self._n: dict[int, int] = {}

    async def begin(self) -> None:
        """Say under which search parameters everything will be indexed."""
        with ThreadPoolExecutor(max_workers=1) as executor:
            await Reindexing(
                self._store,
                self._parameters,
                self._opened,
                clock=SystemClock(),
                executor=executor,
            ).run()

    def subscribe(self, wanted: Iterable[Wanted]) -> None:
        """Keep Subscriptions, active, before all that is loaded later."""
        self._commit_all(wanted, self._add_subscription)

    def tasks(self, tasks: Iterable[Loaded]) -> None:
        """Keep Tasks that were just created, with their events."""
        self._commit_all(tasks, self._add_task)

    def _commit_all(self, items: Iterable[T], add: Callable[[WriteBatch, T], None]) -> None:
        for some in _in_batches(items):
            self._deadline.check()
            batch = WriteBatch()
            for each in some:
                add(batch, each)
            self._store.commit(batch)

    def _add_subscription(self, batch: WriteBatch, wanted: Wanted) -> None:
        subscription = _subscription(wanted)
        filters = accept_filters(self._topic, subscription.filter_by, self._parameters[_RELEASE])
        topic = self._topic.topic.canonical
        key = stream_key(_RELEASE, topic, filters.canonical, "")
        stream = self._streams.get(key)
        if stream is None:
            stream = StoredStream(
                id=self._opened.last_stream + len(self._streams) + 1,
                release=_RELEASE,
                topic=topic,
                key=key,
                filters=subscription.filter_by,
                visibility="",
                n=0,
            )
            self._streams[key] = stream
            batch.streams.append(stream)
        self._stream_of[wanted.id] = stream.id
        self._sid += 1
        before = wanted.before
        past = (Segment(first=1, stream=GONE, offset=0, last=before),) if before else ()
        batch.subscribers.append(
            Subscriber(
                sid=self._sid,
                subscription=subscription,
                topic_version=topic,
                segments=join(past, stream.id, 0, before),
                delivery=DeliveryState(cursor=before),
                created=self._now,
            )
        )
        body = self._codec.encode_subscription(subscription)
        self._add_version(batch, "Subscription", wanted.id, body)

    def _add_task(self, batch: WriteBatch, task: Loaded) -> None:
        version = self._add_version(batch, "Task", task.id, orjson.loads(task.text))
        for stream in dict.fromkeys(self._stream_of[id] for id in task.events_for):
            n = self._n[stream] = self._n.get(stream, 0) + 1
            batch.counters[stream] = n
            context = EventContext(triggers=(0,))
            batch.events.append(StreamEvent(stream=stream, n=n, seq=version.seq, context=context))

    def _add_version(
        self, batch: WriteBatch, resource_type: str, id: str, body: dict[str, object]
    ) -> ResourceVersion:
        self._seq += 1
        meta = {"versionId": "1", "lastUpdated": format_instant(self._now)}
        body = {**body, "id": id, "meta": meta}
        version = _version(self._seq, resource_type, id, self._now, orjson.dumps(body))
        batch.versions.append(version)
        batch.index[version.seq] = index_entry(self._parameters[_RELEASE], body)
        return version


@contextmanager
def _store_in(folder: Path) -> Iterator[SqliteStore]:
    db = folder / "hub.db"
    cipher = HeaderCipher(load_key(Path(f"{db}.key"), os.urandom), os.urandom)
    store = SqliteStore(db, cipher, identity=str(uuid.uuid4()))
    try:
        yield store
    finally:
        store.close()


async def load(folder: Path, deadline: Deadline, fill: Callable[[Loading], None]) -> None:
    """Let ``fill`` fill the database in ``folder``.

    It may be there already, but not open; nothing is then an event for Subscriptions of before.

    Raises:
        Wrong: it took longer than the bench may.
    """
    with _store_in(folder) as store:
        loading = Loading(store, deadline)
        await loading.begin()
        fill(loading)


def _subscription(wanted: Wanted) -> Subscription:
    return Subscription(
        release=_RELEASE,
        id=wanted.id,
        status=SubscriptionStatusCode.ACTIVE,
        topic=TOPIC,
        channel_type=ChannelType.REST_HOOK if wanted.endpoint else ChannelType.WEBSOCKET,
        content=wanted.content,
        endpoint=wanted.endpoint,
        max_count=wanted.max_count,
        filter_by=(
            FilterBy(resource_type="Task", filter_parameter="owner", value=",".join(wanted.owners)),
        ),
    )


def _version(seq: int, resource_type: str, id: str, now: datetime, body: bytes) -> ResourceVersion:
    return ResourceVersion(
        seq=seq,
        key=ResourceKey(_RELEASE, resource_type, id),
        version=1,
        interaction=Interaction.CREATE,
        timestamp=now,
        body=body,
        transaction=seq,
    )


def _in_batches(items: Iterable[T]) -> Iterator[list[T]]:
    some: list[T] = []
    for each in items:
        some.append(each)
        if len(some) == _AT_ONCE:
            yield some
            some = []
    if some:
        yield some
