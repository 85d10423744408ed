"""A process that writes until it is killed, and says after each commit what it has committed.

``python -m tests.stores.crashing_hub DATABASE SEED``; each line is the last seq and the stream's n.
"""

from __future__ import annotations

import sys
from pathlib import Path

from hub.core.search_index import IndexEntry
from hub.core.version import ResourceVersion
from hub.ports import Opened, WriteBatch
from tests.stores.history import History
from tests.stores.samples import (
    a_key,
    a_sqlite_store,
    a_stream,
    a_subscriber,
    an_attempt,
    an_entry,
    an_event,
    luck,
)

TERMS = tuple(f"h{number}" for number in range(12))
KEYS = tuple(a_key(str(number)) for number in range(20))


def entry_of(version: ResourceVersion, /) -> IndexEntry:
    """Return what is indexed of a version: told from its seq alone, so that anyone can check."""
    terms = [TERMS[version.seq * factor % len(TERMS)] for factor in (1, 5, 7)]
    day = version.seq % 10
    return an_entry("k1", *terms, ranges=((1, day, day + 2), (2, version.seq, version.seq + 1)))


def a_batch(history: History, n: int, dice: bytes) -> WriteBatch:
    """Return a few creates, updates and deletes as one transaction, with an event for each."""
    changes = []
    for die in dice[: 1 + dice[-1] % 6]:
        key = KEYS[die % len(KEYS)]
        changes.append((key, None if die > 220 else an_entry()))
    batch = history.batch(changes)
    last = len(history.versions)
    batch.versions = [version._replace(transaction=last) for version in batch.versions]
    batch.index = {v.seq: None if v.deleted else entry_of(v) for v in batch.versions}
    batch.events = [
        an_event(n + place, seq=version.seq) for place, version in enumerate(batch.versions, 1)
    ]
    batch.counters = {1: n + len(batch.events)}
    batch.attempts = [an_attempt(dice[0])]
    batch.deliveries = [a_subscriber()]
    return batch


def write_until_killed(path: Path, seed: int) -> None:
    """Open the database as it was left and go on."""
    store = a_sqlite_store(path)
    opened = store.open()
    if not opened.streams:
        store.commit(WriteBatch(streams=[a_stream()], subscribers=[a_subscriber()]))
    history = remembered(History(store), opened)
    n = opened.streams[0].n if opened.streams else 0
    draw = luck(seed)
    while True:
        batch = a_batch(history, n, draw(7))
        store.commit(batch)
        n += len(batch.events)
        print(len(history.versions), n, flush=True)


def remembered(history: History, opened: Opened) -> History:
    """Fill ``history`` with what the store holds."""
    found = history.store.writer.at(range(1, opened.last_seq + 1))
    history.versions = [found[seq] for seq in range(1, opened.last_seq + 1)]
    for version in history.versions:
        history.current[version.key] = (version, None if version.deleted else entry_of(version))
    return history


if __name__ == "__main__":
    write_until_killed(Path(sys.argv[1]), int(sys.argv[2]))
