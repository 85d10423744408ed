"""Reading what the hub keeps in memory, when the SQLite store is opened."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from sys import intern
from typing import Any

from hub.core.json_text import parse
from hub.core.numbering import Segment
from hub.core.release import FhirRelease
from hub.core.subscriber import StoredSubscriber, Subscriber
from hub.core.timing import DeliveryState
from hub.core.topic import parse_topic
from hub.ports import Opened, StoredStream
from hub.stores.database_facts import read_indexed
from hub.stores.encoding import (
    NO_FILTERS,
    StreamFilters,
    decode_filters,
    decode_ranges,
    decode_resend,
    decode_subscription,
    optional_from_micros,
    whole_subscription,
)
from hub.stores.secrets import HeaderCipher
from hub.stores.sqlite_writer import secret_name

_RELEASES = {release.value: release for release in FhirRelease}
_LAST_ID = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = ?"
_STREAMS = (
    "SELECT s.id, s.release, s.topic, s.key, s.filters, s.visibility, s.muted, "
    "max(c.n, c.floor, coalesce((SELECT max(e.n) FROM stream_event AS e WHERE e.stream = s.id), 0)"
    "), c.floor "
    "FROM stream AS s JOIN stream_n AS c ON c.stream = s.id ORDER BY s.id"
)
_SUBSCRIBERS = (
    "SELECT s.sid, s.release, s.id, s.fields, s.secrets, "
    "s.topic_version, s.owner, s.visibility, s.generation, s.error, s.error_code, s.created, "
    "s.deleted, "
    "d.cursor, d.failures, d.failing_since, d.due, d.retry_to, d.last_sent, d.resend, "
    "d.asking_since, d.lost "
    "FROM subscription AS s JOIN delivery AS d ON d.sid = s.sid ORDER BY s.sid"
)
_ERROR, _ERROR_CODE, _RESEND, _LOST = 4, 5, 14, 16
"""Where these stand after what is read of every Subscription: the first five columns."""

_READ_ONCE = "PRAGMA cache_size = -1024"
"""Of what is read once, in order, no page is looked at again: keeping it takes memory and time."""

_SEGMENTS = "SELECT sid, first, stream, offset, last FROM segment ORDER BY sid, first"


def read_everything(db: sqlite3.Connection, cipher: HeaderCipher) -> tuple[Opened, Sequence[int]]:
    """Return what the database holds, as far as the hub keeps it in memory.

    Returns:
        That, and the sids of the Subscriptions that have an error.

    Raises:
        Unavailable: header values can't be decrypted.
        LookupError, ValueError: a Subscription is not as the hub wrote it.
    """
    cached = _number(db, "PRAGMA cache_size")
    db.execute(_READ_ONCE)
    segments: dict[int, tuple[Segment, ...]] = {}
    for sid, first, stream, offset, last in db.execute(_SEGMENTS):
        segment = Segment(first, stream, offset, last)
        segments[sid] = (*segments[sid], segment) if sid in segments else (segment,)
    filters: dict[int, StreamFilters] = {}
    streams = tuple([_stream(row, filters) for row in db.execute(_STREAMS)])
    asked = _Asked()
    with closing(db.execute(_SUBSCRIBERS)) as rows:
        subscribers = tuple(
            [_subscriber(row, segments.get(row[0], ()), filters, cipher, asked) for row in rows]
        )
    opened = Opened(
        last_seq=_number(db, "SELECT coalesce(max(seq), 0) FROM change_log"),
        last_stream=_number(db, _LAST_ID, "stream"),
        last_sid=_number(db, _LAST_ID, "subscription"),
        topics=tuple(
            parse_topic(parse(source).value)
            for (source,) in db.execute("SELECT source FROM topic ORDER BY id").fetchall()
        ),
        streams=streams,
        subscribers=subscribers,
        content_types=frozenset(asked.content_types),
        suppress_echo=asked.suppress_echo,
        indexed=read_indexed(db),
    )
    db.execute(f"PRAGMA cache_size = {cached}")
    return opened, asked.failing


def _number(db: sqlite3.Connection, sql: str, *arguments: str) -> int:
    (found,) = db.execute(sql, arguments).fetchone()
    return int(found)


def _stream(row: tuple[Any, ...], filters: dict[int, StreamFilters]) -> StoredStream:
    """Return a stream, and put its filters to the others."""
    id, release, topic, key, text, visibility, muted, n, floor = row
    own = filters[id] = StreamFilters(text, decode_filters(text))
    return StoredStream(
        id=id,
        release=_RELEASES[release],
        topic=intern(topic),
        key=key,
        filters=own.filters,
        visibility=intern(visibility),
        muted=intern(muted),
        n=n,
        floor=floor,
    )


@dataclass(slots=True)
class _Asked:
    """What was seen among the Subscriptions; ``failing`` are the sids of those with an error."""

    content_types: set[str] = field(default_factory=set)
    suppress_echo: bool = False
    failing: list[int] = field(default_factory=list)


def _subscriber(
    row: tuple[Any, ...],
    segments: tuple[Segment, ...],
    filters: Mapping[int, StreamFilters],
    cipher: HeaderCipher,
    asked: _Asked,
) -> StoredSubscriber:
    """Read what has a form that could be wrong, and leave the rest of a Subscription for later."""
    sid, release_name, id, fields, secrets, *rest = row
    release = _RELEASES[release_name]
    values = () if secrets is None else cipher.decrypt(secret_name(release, id), secrets)
    of_stream = filters.get(segments[-1].stream, NO_FILTERS) if segments else NO_FILTERS
    parts = decode_subscription(fields, values, of_stream)
    common = parts.common
    asked.content_types.add(common.content_type)
    if common.suppress_echo:
        asked.suppress_echo = True
    rest[0] = intern(rest[0])
    rest.append(parts)
    stored = StoredSubscriber(sid, release, id, segments, rest, _whole)
    if rest[_ERROR] is not None or rest[_ERROR_CODE] is not None:
        asked.failing.append(sid)
    if rest[_RESEND] is not None or rest[_LOST] is not None:
        return StoredSubscriber.of(_whole(stored))
    return stored


def _whole(stored: StoredSubscriber) -> Subscriber:
    *columns, parts = stored.rest
    topic_version, owner, visibility, generation = columns[:4]
    error, error_code, created, deleted, *delivery = columns[4:]
    return Subscriber(
        sid=stored.sid,
        subscription=whole_subscription(stored.release, stored.id, parts),
        owner=intern(owner),
        visibility=intern(visibility),
        generation=generation,
        topic_version=topic_version,
        error=error,
        error_code=error_code,
        segments=stored.segments,
        delivery=_delivery(delivery),
        created=optional_from_micros(created),
        deleted=bool(deleted),
    )


def _delivery(row: Sequence[Any]) -> DeliveryState:
    cursor, failures, failing_since, due, retry_to, last_sent, resend, asking_since, lost = row
    ranges, asked = decode_resend(resend)
    return DeliveryState(
        cursor=cursor,
        failures=failures,
        failing_since=optional_from_micros(failing_since),
        due=optional_from_micros(due),
        retry_to=retry_to,
        last_sent=optional_from_micros(last_sent),
        resend=ranges,
        asked=asked,
        asking_since=optional_from_micros(asking_since),
        lost=decode_ranges(lost),
    )
