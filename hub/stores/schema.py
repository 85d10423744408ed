"""The tables of the SQLite store.

Instants are microseconds since 1970 UTC.  A *kind* is one resource type of one release.  The
table of search terms is not here: it depends on what SQLite offers (``hub.stores.postings``).
Every change of the tables raises ``hub.stores.database_facts.SCHEMA_VERSION``, and
``scripts/make-schema`` writes it into ``schema.sql``: that is what a hub reads, which so starts
without the library that defines tables, in two thirds of the time.
"""

from __future__ import annotations

from sqlalchemy import MetaData
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlmodel import Field, Index, SQLModel, UniqueConstraint

_NARROW = {"sqlite_with_rowid": False}
_NEVER_REUSED = {"sqlite_autoincrement": True}


class Table(SQLModel):
    """What all tables share: one list of tables that is the hub's own."""

    metadata = MetaData()


class Hub(Table, table=True):
    """Facts about the database; ``hub.stores.database_facts`` has them all."""

    __table_args__ = _NARROW
    key: str = Field(primary_key=True)
    value: str


class Kind(Table, table=True):
    """A resource type of a release."""

    __table_args__ = (UniqueConstraint("release", "type"),)
    id: int = Field(primary_key=True)
    release: str
    type: str


class ChangeLog(Table, table=True):
    """Every version of every resource, and the only place of its body.

    ``tx`` is the last seq of its transaction, ``op`` 0 create, 1 update, 2 delete, ``prev`` the
    seq of the version before, ``author`` who wrote it, NULL where nobody knows.  ``terms`` and
    ``ranges`` are what the search index was given for it: exactly that must be taken out again.
    """

    __tablename__ = "change_log"
    __table_args__ = (Index("change_log_kind", "kind", "seq"),)
    seq: int = Field(primary_key=True)
    tx: int
    kind: int
    id: str
    version: int
    op: int
    at: int
    prev: int | None = None
    author: str | None = None
    terms: str | None = None
    ranges: bytes | None = None
    body: bytes | None = None


class ResourcePointer(Table, table=True):
    """Where the newest version of a resource stands in the log."""

    __tablename__ = "resource"
    __table_args__ = _NARROW
    kind: int = Field(primary_key=True)
    id: str = Field(primary_key=True)
    seq: int
    deleted: bool


class SearchRange(Table, table=True):
    """Dates, numbers and quantities of current versions: ``lo`` <= value < ``hi``."""

    __tablename__ = "search_range"
    __table_args__ = _NARROW
    p: int = Field(primary_key=True)
    lo: int = Field(primary_key=True)
    hi: int = Field(primary_key=True)
    seq: int = Field(primary_key=True)


class Topic(Table, table=True):
    """A SubscriptionTopic as R5 JSON; ``version`` is empty where it has none."""

    __table_args__ = (UniqueConstraint("url", "version"),)
    id: int = Field(primary_key=True)
    url: str
    version: str
    source: bytes


class Stream(Table, table=True):
    """A stream; what changes with every event is in ``stream_n``.

    ``muted`` is whose own changes are no events of it, empty where everybody's are.
    """

    __table_args__ = _NEVER_REUSED
    id: int = Field(primary_key=True)
    release: str
    topic: str
    key: str = Field(unique=True)
    filters: bytes
    visibility: str
    muted: str


class StreamN(Table, table=True):
    """The counter of a stream: the highest of ``n``, ``floor`` and the n of its events.

    ``n`` is written only where no event says it, so that an event is one row.
    """

    __tablename__ = "stream_n"
    stream: int = Field(primary_key=True)
    n: int
    floor: int


class StreamEventRow(Table, table=True):
    """One event of a stream; ``context`` is NULL where there is none.

    It is a number where it is triggers alone (``hub.stores.encoding``): most rows are so, and half
    as long as with JSON.
    """

    __tablename__ = "stream_event"
    __table_args__ = _NARROW
    stream: int = Field(primary_key=True)
    n: int = Field(primary_key=True)
    seq: int
    context: bytes | None = None


class SubscriptionRow(Table, table=True):
    """A Subscription; a deleted one stays, for its numbers.

    ``fields`` is JSON without header values; those are in ``secrets``, encrypted.
    """

    __tablename__ = "subscription"
    __table_args__ = (UniqueConstraint("release", "id"), _NEVER_REUSED)
    sid: int = Field(primary_key=True)
    release: str
    id: str
    owner: str
    visibility: str
    generation: int
    topic_version: str
    error: str | None = None
    error_code: str | None = None
    created: int | None = None
    deleted: bool
    fields: bytes
    secrets: bytes | None = None


class SegmentRow(Table, table=True):
    """A stretch of a Subscription's numbers on one stream."""

    __tablename__ = "segment"
    __table_args__ = _NARROW
    sid: int = Field(primary_key=True)
    first: int = Field(primary_key=True)
    stream: int
    offset: int
    last: int | None = None


class Delivery(Table, table=True):
    """Where the delivery of a Subscription stands: narrow, as it is rewritten all the time.

    ``resend`` is JSON: how often the client asked, and the ranges of numbers that are to be sent
    once more; ``lost`` the ranges that were passed over; NULL where there are none.
    """

    sid: int = Field(primary_key=True)
    cursor: int
    failures: int
    failing_since: int | None = None
    due: int | None = None
    retry_to: int | None = None
    last_sent: int | None = None
    resend: bytes | None = None
    asking_since: int | None = None
    lost: bytes | None = None


class AttemptRow(Table, table=True):
    """A ring of the newest attempts: the highest ``id`` is the newest.

    It has no index by Subscription: it is written with every delivery and read by people only.
    ``dns`` to ``total`` are milliseconds.
    """

    __tablename__ = "attempt"
    id: int = Field(primary_key=True)
    sid: int
    at: int
    kind: str
    first: int
    last: int
    outcome: str
    status: int | None = None
    address: str | None = None
    dns: float | None = None
    connect: float | None = None
    tls: float | None = None
    wait: float | None = None
    total: float
    reason: str


def script() -> str:
    """Return the SQL that creates every table and index, each ended by ``;`` and a line."""
    dialect = sqlite.dialect()
    found: list[str] = []
    for table in Table.metadata.sorted_tables:
        found.append(str(CreateTable(table).compile(dialect=dialect)))
        found += [str(CreateIndex(index).compile(dialect=dialect)) for index in table.indexes]
    return "".join(f"{statement.strip()};\n" for statement in found)
