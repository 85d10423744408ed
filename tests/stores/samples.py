"""Values for the tests of stores; each builder supplies everything that the test is not about."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import shake_256
from itertools import count
from pathlib import Path

from hub.core.change import Interaction
from hub.core.delivery import Timing
from hub.core.numbering import Segment
from hub.core.related_query import Coding, RelatedQuery
from hub.core.release import FhirRelease, Resource
from hub.core.search_index import IndexEntry
from hub.core.subscriber import Attempt, Subscriber
from hub.core.subscription import (
    ChannelType,
    FilterBy,
    Identifier,
    PayloadContent,
    Subscription,
    SubscriptionStatusCode,
)
from hub.core.timing import DeliveryState
from hub.core.topic import SubscriptionTopic, parse_topic
from hub.core.version import (
    EventContext,
    Occurrence,
    ResourceKey,
    ResourceVersion,
    StreamEvent,
)
from hub.core.version import VersionReference as Included
from hub.ports import Opened, StoredStream
from hub.stores.postings import Layout
from hub.stores.secrets import HeaderCipher
from hub.stores.sqlite import SqliteStore

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECRET = "Bearer very-secret-value"


def luck(seed: int = 1) -> Callable[[int], bytes]:
    """Return random bytes that are the same in every run."""
    turns = count()
    return lambda size: shake_256(f"{seed} {next(turns)}".encode()).digest(size)


def a_key(id: str = "1", resource_type: str = "Task", release: str = "R5") -> ResourceKey:
    return ResourceKey(FhirRelease(release), resource_type, id)


def a_version(
    seq: int,
    key: ResourceKey | None = None,
    *,
    version: int = 1,
    previous: int | None = None,
    deleted: bool = False,
    at: datetime | None = None,
) -> ResourceVersion:
    key = key or a_key()
    if deleted:
        interaction = Interaction.DELETE
    else:
        interaction = Interaction.CREATE if previous is None else Interaction.UPDATE
    body = f'{{"resourceType":"{key.resource_type}","id":"{key.id}","seq":{seq}}}'.encode()
    return ResourceVersion(
        seq=seq,
        key=key,
        version=version,
        interaction=interaction,
        timestamp=at or START + timedelta(seconds=seq),
        body=None if deleted else body,
        transaction=seq,
        previous=previous,
        author="client" if seq % 2 else "",
    )


def an_entry(*terms: str, ranges: tuple[tuple[int, int, int], ...] = ()) -> IndexEntry:
    return IndexEntry(" ".join(sorted(set(terms))), tuple(sorted(set(ranges))))


def a_stream(id: int = 1, *, n: int = 0, floor: int = 0) -> StoredStream:
    return StoredStream(
        id=id,
        release=FhirRelease.R4B,
        topic="http://example.org/topic|1",
        key=f"key-{id}",
        filters=(FilterBy(filter_parameter="patient", value="Patient/1", resource_type="Task"),),
        visibility="all",
        muted="client" if id % 2 else "",
        n=n,
        floor=floor,
    )


def an_event(n: int, stream: int = 1, *, seq: int = 1) -> StreamEvent:
    context = EventContext(
        triggers=(0, 2),
        includes=(Included("Patient", "p", 3),),
        queries=(RelatedQuery("Task/t", Coding("http://x", "c", "C")), RelatedQuery("Task")),
    )
    told = Occurrence(triggers=(1,), focus=Included("Task", "t", 2), at=START)
    contexts = (
        EventContext(),
        EventContext(triggers=(1,), lost=True),
        context,
        EventContext(occurrence=told),
        context._replace(occurrence=told),
    )
    return StreamEvent(stream=stream, n=n, seq=seq, context=contexts[n % len(contexts)])


def everybody(opened: Opened) -> tuple[Subscriber, ...]:
    """Return the Subscriptions that a store held, whole."""
    return tuple(stored.whole() for stored in opened.subscribers)


def a_subscriber(
    sid: int = 1,
    *,
    id: str = "s",
    headers: tuple[tuple[str, str], ...] = (("Authorization", SECRET), ("X-Tenant", "t1")),
    delivery: DeliveryState | None = None,
    deleted: bool = False,
) -> Subscriber:
    return Subscriber(
        sid=sid,
        subscription=Subscription(
            release=FhirRelease.R5,
            id=id,
            status=SubscriptionStatusCode.ACTIVE,
            topic="http://example.org/topic",
            channel_type=ChannelType.REST_HOOK,
            content=PayloadContent.ID_ONLY,
            endpoint="https://example.org/hook",
            filter_by=(FilterBy(filter_parameter="owner", value="a,b", modifier="not"),),
            parameter=headers,
            heartbeat_period=timedelta(seconds=60),
            timeout=timedelta(milliseconds=1500),
            max_count=20,
            end=START + timedelta(days=1),
            identifier=(Identifier("http://example.org/ids", "7"), Identifier(None, "8")),
            managing_entity=frozenset({"Organization/lab", "http://example.org/ids|9"}),
            suppress_echo=True,
        ),
        owner="client",
        visibility="all",
        generation=3,
        topic_version="http://example.org/topic|1",
        error="no answer",
        error_code="no-response",
        segments=(Segment(1, 7, 0, 5), Segment(6, 8, -2)),
        delivery=delivery
        or DeliveryState(
            cursor=4,
            failures=2,
            failing_since=START,
            due=START + timedelta(seconds=30),
            retry_to=5,
            last_sent=START - timedelta(microseconds=1),
            resend=((1, 2), (4, 4)),
            asked=3,
            asking_since=START + timedelta(microseconds=1),
            lost=((1, 1), (3, 3)),
        ),
        created=START,
        deleted=deleted,
    )


def an_attempt(number: int, sid: int = 1) -> Attempt:
    return Attempt(
        sid=sid,
        at=START + timedelta(seconds=number),
        kind="events",
        first=number,
        last=number,
        outcome="delivered" if number % 2 else "busy",
        status=200 if number % 2 else 503,
        timing=Timing(address="10.0.0.1", dns=0.25, wait=1.0, total=1.5),
        reason="" if number % 2 else "503",
    )


def a_topic(version: str | None = "1", *, title: str = "Tasks") -> SubscriptionTopic:
    source: Resource = {
        "resourceType": "SubscriptionTopic",
        "url": "http://example.org/topic",
        "status": "active",
        "title": title,
        "resourceTrigger": [{"resource": "Task", "supportedInteraction": ["create"]}],
    }
    if version is not None:
        source["version"] = version
    return parse_topic(source)


def a_sqlite_store(
    path: Path,
    *,
    layout: Layout | None = None,
    key: bytes = b"k" * 32,
    attempts_kept: int = 200_000,
    size_limit: int | None = None,
    busy_timeout: float = 5.0,
) -> SqliteStore:
    return SqliteStore(
        path,
        HeaderCipher(key, luck()),
        "urn:uuid:test",
        layout=layout,
        attempts_kept=attempts_kept,
        size_limit=size_limit,
        busy_timeout=busy_timeout,
    )
