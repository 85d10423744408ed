"""Writing one batch into the SQLite store: rows only; the transaction is the caller's."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence

from hub.core.json_text import dumps
from hub.core.release import FhirRelease
from hub.core.search_index import IndexEntry
from hub.core.subscriber import Subscriber
from hub.core.version import ResourceKey, ResourceVersion
from hub.ports import StoredStream, WriteBatch
from hub.stores.database_facts import write_indexed
from hub.stores.encoding import (
    encode_context,
    encode_filters,
    encode_subscription,
    micros,
    optional_micros,
)
from hub.stores.kinds import Kinds, read_kinds
from hub.stores.placeholders import in_parts, insert_rows
from hub.stores.postings import (
    IS_CURRENT,
    Layout,
    add_ranges,
    pack_ranges,
    remove_ranges,
    terms_text,
)
from hub.stores.secrets import HeaderCipher
from hub.stores.sqlite_deliveries import DeliveryWriter
from hub.stores.sqlite_reader import LOG_COLUMNS, OPERATIONS, version_of
from hub.stores.subscriber_kept import without_secrets

_OPERATION = {interaction: op for op, interaction in enumerate(OPERATIONS)}

_VERSIONS = "change_log(seq, tx, kind, id, version, op, at, prev, author, terms, ranges, body)"
_POINTER = (
    "INSERT INTO resource(kind, id, seq, deleted) VALUES (?, ?, ?, ?) "
    "ON CONFLICT DO UPDATE SET seq = excluded.seq, deleted = excluded.deleted"
)
_STREAM = (
    "INSERT INTO stream(id, release, topic, key, filters, visibility, muted) "
    "VALUES (?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT(id) DO UPDATE SET release = excluded.release, topic = excluded.topic, "
    "key = excluded.key, filters = excluded.filters, visibility = excluded.visibility, "
    "muted = excluded.muted"
)
_STREAM_N = "INSERT OR REPLACE INTO stream_n(stream, n, floor) VALUES (?, ?, ?)"
_EVENTS = "stream_event(stream, n, seq, context)"
_SUBSCRIPTION = (
    "INSERT INTO subscription(sid, release, id, owner, visibility, generation, topic_version, "
    "error, error_code, created, deleted, fields, secrets) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT(sid) DO UPDATE SET owner = excluded.owner, visibility = excluded.visibility, "
    "generation = excluded.generation, topic_version = excluded.topic_version, "
    "error = excluded.error, error_code = excluded.error_code, created = excluded.created, "
    "deleted = excluded.deleted, fields = excluded.fields, secrets = excluded.secrets"
)
_SEGMENT = "INSERT INTO segment(sid, first, stream, offset, last) VALUES (?, ?, ?, ?, ?)"
_TOPIC = (
    "INSERT INTO topic(url, version, source) VALUES (?, ?, ?) "
    "ON CONFLICT(url, version) DO UPDATE SET source = excluded.source"
)
_NO_TOPIC = "DELETE FROM topic WHERE url = ? AND version = ?"
_CURRENT_AFTER = (
    f"SELECT {LOG_COLUMNS}, c.terms, c.ranges FROM change_log AS c INDEXED BY change_log_kind "  # noqa: S608 constants
    f"WHERE c.kind = ? AND c.seq > ? AND {IS_CURRENT} ORDER BY c.seq LIMIT ?"
)
_INDEXED = "SELECT seq, terms, ranges FROM change_log WHERE seq IN"


class SqliteWriter:
    """Writes batches through the one connection that writes.

    Args:
        attempts_kept: how many attempts the ring holds.
        erring: the Subscriptions that may be stored with an error.
    """

    def __init__(
        self,
        db: sqlite3.Connection,
        layout: Layout,
        cipher: HeaderCipher,
        attempts_kept: int,
        erring: Iterable[int],
    ) -> None:
        self._db = db
        self._layout = layout
        self._cipher = cipher
        self._deliveries = DeliveryWriter(db, attempts_kept, erring)

    def write(self, batch: WriteBatch, kinds: Kinds) -> Kinds:
        """Write all rows of ``batch`` and return the kinds as they are if it is committed."""
        if batch.versions or batch.unindex:
            kinds = self._with_new_kinds(batch.versions, kinds)
            self._write_versions(batch, kinds)
        self._write_streams(batch)
        self._write_subscribers(batch.subscribers)
        self._deliveries.write(batch.deliveries)
        self._deliveries.write_errors(batch.deliveries)
        self._deliveries.write_attempts(batch.attempts)
        self._write_topics(batch)
        write_indexed(self._db, batch.indexed)
        return kinds

    def reindex(
        self,
        name: tuple[FhirRelease, str],
        kind: int,
        entry_of: Callable[[ResourceVersion], IndexEntry],
        *,
        after: int,
        count: int,
    ) -> int | None:
        """Index the next ``count`` current versions of a kind anew; what is the same stays."""
        rows = self._db.execute(_CURRENT_AFTER, (kind, after, count)).fetchall()
        last = None
        changed = []
        for *row, terms, ranges in rows:
            version = version_of(ResourceKey(*name, row[1]), row)
            last = version.seq
            entry = entry_of(version)
            now = terms_text(version.key.release, entry), pack_ranges(entry)
            if now != (terms, ranges):
                changed.append((version.seq, now))
        self._unindex(seq for seq, _ in changed)
        self._db.executemany(
            "UPDATE change_log SET terms = ?, ranges = ? WHERE seq = ?",
            ((*now, seq) for seq, now in changed),
        )
        self._layout.add(self._db, [(seq, terms) for seq, (terms, _) in changed])
        add_ranges(self._db, [(seq, packed) for seq, (_, packed) in changed if packed])
        return last if len(rows) == count else None

    def refill(self) -> None:
        """Drop the search index and fill it from what the log keeps of the current versions."""
        self._layout.drop(self._db)
        self._db.execute(self._layout.table)
        self._db.execute("DELETE FROM search_range")
        current = "FROM resource AS r JOIN change_log AS c ON c.seq = r.seq WHERE NOT r.deleted"
        self._layout.add(
            self._db,
            self._db.execute(
                f"SELECT c.seq, c.terms {current} AND c.terms IS NOT NULL ORDER BY c.seq"
            ),
        )
        add_ranges(
            self._db,
            self._db.execute(f"SELECT c.seq, c.ranges {current} AND c.ranges IS NOT NULL"),
        )

    def _with_new_kinds(self, versions: Iterable[ResourceVersion], kinds: Kinds) -> Kinds:
        found = {(version.key.release, version.key.resource_type) for version in versions}
        unknown = sorted(found - kinds.keys())
        if not unknown:
            return kinds
        self._db.executemany("INSERT INTO kind(release, type) VALUES (?, ?)", unknown)
        return read_kinds(self._db)

    def _write_versions(self, batch: WriteBatch, kinds: Kinds) -> None:
        replaced = set(batch.unindex)
        rows = []
        pointers = []
        texts: list[tuple[int, str]] = []
        ranges: list[tuple[int, bytes]] = []
        for version in batch.versions:
            key, seq = version.key, version.seq
            kind = kinds[key.release, key.resource_type]
            entry = None if seq in replaced else batch.index.get(seq)
            terms = packed = None
            if entry is not None:
                terms = terms_text(key.release, entry)
                texts.append((seq, terms))
                packed = pack_ranges(entry)
                if packed is not None:
                    ranges.append((seq, packed))
            rows.append(
                (
                    seq,
                    version.transaction,
                    kind,
                    key.id,
                    version.version,
                    _OPERATION[version.interaction],
                    micros(version.timestamp),
                    version.previous,
                    version.author or None,
                    terms,
                    packed,
                    version.body,
                )
            )
            pointers.append((kind, key.id, seq, int(version.deleted)))
        self._unindex(replaced)
        insert_rows(self._db, _VERSIONS, rows)
        self._db.executemany(_POINTER, pointers)
        if texts:
            self._layout.add(self._db, sorted(texts))
        add_ranges(self._db, ranges)

    def _unindex(self, seqs: Iterable[int]) -> None:
        texts: list[tuple[int, str]] = []
        ranges: list[tuple[int, bytes]] = []
        for sql, arguments in in_parts(_INDEXED, sorted(seqs)):
            for seq, terms, packed in self._db.execute(sql, arguments):
                if terms is not None:
                    texts.append((seq, terms))
                if packed is not None:
                    ranges.append((seq, packed))
        if texts:
            self._layout.remove(self._db, sorted(texts))
        remove_ranges(self._db, ranges)

    def _write_streams(self, batch: WriteBatch) -> None:
        db = self._db
        if batch.streams:
            db.executemany(_STREAM, map(_stream_row, batch.streams))
            db.executemany(_STREAM_N, [(found.id, found.n, found.floor) for found in batch.streams])
        if batch.events:
            insert_rows(
                db,
                _EVENTS,
                [(e.stream, e.n, e.seq, encode_context(e.context)) for e in batch.events],
            )
        # Nearly always the last event says what the counter is, and then it is not written.
        last = {event.stream: event.n for event in batch.events}
        counters = [(n, id) for id, n in batch.counters.items() if last.get(id) != n]
        if counters:
            db.executemany("UPDATE stream_n SET n = ? WHERE stream = ?", counters)
        if batch.floors:
            floors = [(floor, stream) for stream, floor in batch.floors.items()]
            db.executemany("UPDATE stream_n SET floor = ? WHERE stream = ?", floors)
            db.executemany("DELETE FROM stream_event WHERE n <= ? AND stream = ?", floors)
        if batch.dropped_streams:
            dropped = [(stream,) for stream in batch.dropped_streams]
            db.executemany("DELETE FROM stream_event WHERE stream = ?", dropped)
            db.executemany("DELETE FROM stream_n WHERE stream = ?", dropped)
            db.executemany("DELETE FROM stream WHERE id = ?", dropped)

    def _write_subscribers(self, subscribers: Sequence[Subscriber]) -> None:
        for subscriber in subscribers:
            kept = without_secrets(subscriber) if subscriber.deleted else subscriber
            self._db.execute(_SUBSCRIPTION, self._subscription_row(kept))
            self._db.execute("DELETE FROM segment WHERE sid = ?", (kept.sid,))
            self._db.executemany(
                _SEGMENT,
                ((kept.sid, s.first, s.stream, s.offset, s.last) for s in kept.segments),
            )
        self._deliveries.write(subscribers)
        self._deliveries.note_errors(subscribers)

    def _subscription_row(self, subscriber: Subscriber) -> tuple[object, ...]:
        subscription = subscriber.subscription
        values = [value for _, value in subscription.parameter]
        return (
            subscriber.sid,
            subscription.release,
            subscription.id,
            subscriber.owner,
            subscriber.visibility,
            subscriber.generation,
            subscriber.topic_version,
            subscriber.error,
            subscriber.error_code,
            optional_micros(subscriber.created),
            subscriber.deleted,
            encode_subscription(subscription),
            self._cipher.encrypt(secret_name(subscription.release, subscription.id), values)
            if values
            else None,
        )

    def _write_topics(self, batch: WriteBatch) -> None:
        if batch.topics:
            self._db.executemany(
                _TOPIC,
                [(topic.url, topic.version or "", dumps(topic.source)) for topic in batch.topics],
            )
        if batch.dropped_topics:
            self._db.executemany(
                _NO_TOPIC, [(topic.url, topic.version or "") for topic in batch.dropped_topics]
            )


def secret_name(release: FhirRelease, id: str) -> str:
    """Return the name to which the header values of a Subscription are bound."""
    return f"{release}/Subscription/{id}"


def _stream_row(stream: StoredStream) -> tuple[object, ...]:
    return (
        stream.id,
        stream.release,
        stream.topic,
        stream.key,
        encode_filters(stream.filters),
        stream.visibility,
        stream.muted,
    )
