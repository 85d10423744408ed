"""Reading the SQLite store through one connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from threading import Event
from typing import Any, TypeVar

from hub.core.change import Interaction
from hub.core.delivery import Timing
from hub.core.release import FhirRelease
from hub.core.search_index import Expression
from hub.core.subscriber import Attempt
from hub.core.version import ResourceKey, ResourceVersion, StreamEvent
from hub.errors import Unavailable
from hub.stores.encoding import decode_context, from_micros, micros
from hub.stores.kinds import KnownKinds
from hub.stores.placeholders import in_parts
from hub.stores.postings import Layout
from hub.stores.selection import selection
from hub.stores.trouble import IndexDamaged, explain

T = TypeVar("T")

OPERATIONS = (Interaction.CREATE, Interaction.UPDATE, Interaction.DELETE)
"""``change_log.op`` is the place in this list."""

_END_OF_LOG = 2**63 - 1
LOG_COLUMNS = "c.kind, c.id, c.seq, c.version, c.op, c.at, c.body, c.tx, c.prev, c.author"
_LOG = f"SELECT {LOG_COLUMNS} FROM change_log AS c"  # noqa: S608 constants
_HEAD = (
    f"SELECT {LOG_COLUMNS} FROM resource AS r CROSS JOIN change_log AS c ON c.seq = r.seq "  # noqa: S608 constants
    "WHERE r.kind = ? AND r.id = ?"
)
_HEADS = _HEAD.removesuffix("= ?") + "IN"
_AT = f"{_LOG} WHERE c.seq IN"
_BACKWARDS = (
    "SELECT l.prev FROM chain CROSS JOIN change_log AS l ON l.seq = chain.at WHERE l.prev NOT NULL"
)
_CHAIN = (
    "WITH RECURSIVE chain(at) AS (SELECT seq FROM resource WHERE kind = ? AND id = ? "  # noqa: S608 constants
    f"UNION ALL {_BACKWARDS}) "
    f"SELECT {LOG_COLUMNS} FROM chain CROSS JOIN change_log AS c ON c.seq = chain.at"
)
_VERSION = f"{_CHAIN} WHERE c.version = ? LIMIT 1"
_HISTORY = f"{_CHAIN} WHERE c.seq < ? AND c.seq > ? LIMIT ?"
_TYPE_HISTORY = f"{_LOG} WHERE c.kind = ? AND c.seq < ? AND c.seq > ? ORDER BY c.seq DESC LIMIT ?"
_EVENTS = (
    "SELECT stream, n, seq, context FROM stream_event "
    "WHERE stream = ? AND n BETWEEN ? AND ? ORDER BY n"
)
_ATTEMPTS = (
    "SELECT sid, at, kind, first, last, outcome, status, reason, address, dns, connect, tls, wait, "
    "total FROM attempt "
    "WHERE sid = ? ORDER BY id DESC LIMIT ?"
)


class SqliteReader:
    """A view of what is committed; see ``hub.ports.Reader``.

    Each method raises ``StoreBroken`` if the database can't be read.  A damaged search index is
    told through ``damage`` and raises ``Unavailable``.
    """

    def __init__(self, db: sqlite3.Connection, layout: Layout, damage: Event) -> None:
        self.db = db
        self._layout = layout
        self._damage = damage
        self._kinds = KnownKinds(db)

    def in_transaction(self, query: Callable[[SqliteReader], T]) -> T:
        """Run ``query`` on one unchanging view."""
        self._execute("BEGIN")
        try:
            return query(self)
        finally:
            self._execute("COMMIT")

    def head(self, key: ResourceKey) -> ResourceVersion | None:
        """Return the newest version, which may be a deletion; None if there never was one."""
        return self._one(_HEAD, key)

    def heads(self, keys: Iterable[ResourceKey]) -> Mapping[ResourceKey, ResourceVersion]:
        """Return the newest versions of these resources, of those that have any, at once."""
        ids: dict[tuple[FhirRelease, str], list[str]] = {}
        for release, resource_type, id in keys:
            ids.setdefault((release, resource_type), []).append(id)
        found: dict[ResourceKey, ResourceVersion] = {}
        for name, wanted in ids.items():
            kind = self._kind(*name)
            if kind is None:
                continue
            for sql, arguments in in_parts(_HEADS, wanted):
                for row in self._rows(sql, (kind, *arguments)):
                    key = ResourceKey(*name, row[1])
                    found[key] = version_of(key, row)
        return found

    def version(self, key: ResourceKey, version: int) -> ResourceVersion | None:
        """Return one version, None if it does not exist or is no longer kept."""
        newest = self.head(key)
        if newest is None or newest.version == version:
            return newest
        return self._one(_VERSION, key, version)

    def at(self, seqs: Iterable[int]) -> Mapping[int, ResourceVersion]:
        """Return the versions at these places of the log."""
        return {
            found.seq: found
            for sql, arguments in in_parts(_AT, list(seqs))
            for found in self._versions(sql, arguments)
        }

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
        below = _END_OF_LOG if before is None else before
        above = 0 if since is None else self.seq_at(since)
        kind = self._kind(release, resource_type)
        if kind is None:
            return []
        if id is None:
            return self._versions(_TYPE_HISTORY, (kind, below, above, count))
        return self._versions(_HISTORY, (kind, id, below, above, count))

    def search(
        self,
        release: FhirRelease,
        resource_type: str,
        expression: Expression,
        *,
        count: int,
        before: int | None = None,
    ) -> list[ResourceVersion]:
        """Return at most ``count`` current versions that the index selects, highest seq first.

        ``Resource`` as type selects among all types of the release.
        """
        chosen = selection(self._layout, release, resource_type, expression, self._last_before)
        seq = chosen.seq
        below = _END_OF_LOG if before is None else before
        rows = self._rows(
            f"SELECT {seq} {chosen.sql} AND {seq} < ? ORDER BY {seq} DESC LIMIT ?",
            (*chosen.arguments, below, count),
        )
        found = self.at(hit for (hit,) in rows)
        return [found[hit] for (hit,) in rows]

    def count(self, release: FhirRelease, resource_type: str, expression: Expression) -> int:
        """Return how many current versions the index selects."""
        chosen = selection(self._layout, release, resource_type, expression, self._last_before)
        sql, arguments = chosen.sql, chosen.arguments
        if chosen.counted is not None:
            sql, arguments = f"FROM ({chosen.counted.sql})", chosen.counted.arguments
        return int(self._rows(f"SELECT count(*) {sql}", arguments)[0][0])

    def events(self, stream: int, low: int, high: int) -> list[StreamEvent]:
        """Return the events of a stream with n from ``low`` to ``high``, in order."""
        return [
            StreamEvent(stream=of, n=n, seq=seq, context=decode_context(context))
            for of, n, seq, context in self._rows(_EVENTS, (stream, low, high))
        ]

    def attempts(self, sid: int, count: int) -> list[Attempt]:
        """Return the newest attempts of a Subscription, newest first."""
        return [
            Attempt(
                sid=of,
                at=from_micros(at),
                kind=kind,
                first=first,
                last=last,
                outcome=outcome,
                status=status,
                reason=reason,
                timing=Timing(
                    address=address, dns=dns, connect=connect, tls=tls, wait=wait, total=total
                ),
            )
            for of, at, kind, first, last, outcome, status, reason, address, *phases in self._rows(
                _ATTEMPTS, (sid, count)
            )
            for dns, connect, tls, wait, total in [phases]
        ]

    def seq_at(self, instant: datetime) -> int:
        """Return the highest seq committed before ``instant``, 0 if none."""
        return self._last_before(micros(instant))

    def _last_before(self, asked: int) -> int:
        """Return ``seq_at`` an instant in microseconds since 1970 UTC.

        The log is searched by halving: instants never go back along it.
        """
        low, high = 0, self._last_seq()
        while low < high:
            middle = (low + high + 1) // 2
            # A seq that was given out but not committed leaves a hole: the next lower row decides.
            rows = self._rows(
                "SELECT seq, at FROM change_log WHERE seq <= ? ORDER BY seq DESC LIMIT 1",
                (middle,),
            )
            if rows and rows[0][1] >= asked:
                high = rows[0][0] - 1
            else:
                low = middle
        return self._last_seq(low)

    def _last_seq(self, highest: int = _END_OF_LOG) -> int:
        sql = "SELECT coalesce(max(seq), 0) FROM change_log WHERE seq <= ?"
        return int(self._rows(sql, (highest,))[0][0])

    def _one(self, sql: str, key: ResourceKey, *arguments: object) -> ResourceVersion | None:
        kind = self._kind(key.release, key.resource_type)
        if kind is None:
            return None
        rows = self._rows(sql, (kind, key.id, *arguments))
        return version_of(key, rows[0]) if rows else None

    def _versions(self, sql: str, arguments: Sequence[object]) -> list[ResourceVersion]:
        name = self._kinds.name
        return [
            version_of(ResourceKey(*name(row[0]), row[1]), row)
            for row in self._rows(sql, arguments)
        ]

    def _kind(self, release: FhirRelease, resource_type: str) -> int | None:
        try:
            return self._kinds.number(release, resource_type)
        except sqlite3.Error as error:
            explain(error)

    def _execute(self, sql: str) -> None:
        try:
            self.db.execute(sql)
        except sqlite3.Error as error:
            explain(error)

    def _rows(self, sql: str, arguments: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        try:
            return self.db.execute(sql, arguments).fetchall()
        except sqlite3.Error as error:
            try:
                explain(error)
            except IndexDamaged:
                self._damage.set()
                raise Unavailable(
                    "the search index is damaged; the next write repairs it", retry_after=30
                ) from None


def version_of(key: ResourceKey, row: Sequence[Any]) -> ResourceVersion:
    """Return the version of ``key`` in a row of ``LOG_COLUMNS``."""
    _, _, seq, version, op, at, body, tx, prev, author = row
    return ResourceVersion(
        seq=seq,
        key=key,
        version=version,
        interaction=OPERATIONS[op],
        timestamp=from_micros(at),
        body=body,
        transaction=tx,
        previous=prev,
        author=author or "",
    )
