from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hub.core.release import FhirRelease
from hub.core.search_comparator import Comparator
from hub.core.search_index import And, Everything, Expression, IndexEntry, Not, Overlap, Term
from hub.core.version import ResourceVersion
from hub.ports import Reader
from hub.stores.sqlite import SqliteStore
from tests.stores.crashing_hub import TERMS, entry_of, remembered
from tests.stores.history import History, reindex_all
from tests.stores.samples import a_sqlite_store, an_entry, luck

ROOT = Path(__file__).parents[2]
QUESTIONS: tuple[Expression, ...] = (
    Everything(),
    *(Term(term) for term in ("k1", *TERMS)),
    *(And((Term("k1"), Not(Term(term)))) for term in TERMS),
    *(Overlap(1, day, day + 3, how) for day in range(9) for how in Comparator),
)


def killed_run(path: Path, seed: int, after: int) -> tuple[int, int]:
    """Let a process write, kill it when ``after`` commits were seen, return what it reported."""
    command = [sys.executable, "-m", "tests.stores.crashing_hub", str(path), str(seed)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(after)]
        process.kill()
        lines += process.stdout.readlines()
    whole = [line for line in lines if line.endswith("\n")]
    seq, n = whole[-1].split()
    return int(seq), int(n)


def answers(reader: Reader) -> list[list[int]]:
    """Return what every question finds."""
    return [
        [hit.seq for hit in reader.search(FhirRelease.R5, "Task", question, count=99)]
        for question in QUESTIONS
    ]


def other_entry_of(version: ResourceVersion, /) -> IndexEntry:
    return an_entry("k1", "h99")


def check(store: SqliteStore, seq: int, n: int) -> None:
    """Check that all that was reported is there, whole, and that everything agrees."""
    opened = store.open()
    try:
        assert opened.last_seq >= seq
        assert opened.streams[0].n >= n
        assert store.check() == []
        history = remembered(History(store), opened)
        assert history.versions[-1].transaction == opened.last_seq
        events = store.writer.events(1, 1, 10**9)
        assert [event.n for event in events] == list(range(1, opened.streams[0].n + 1))
        assert [event.seq for event in events] == list(range(1, opened.last_seq + 1))
        for key, (version, _) in history.current.items():
            assert store.writer.head(key) == version
        found = answers(store.writer)
        assert found == [
            [hit.seq for hit in history.found(FhirRelease.R5, "Task", question)]
            for question in QUESTIONS
        ]
        reindex_all(store, other_entry_of)
        reindex_all(store, entry_of)
        assert answers(store.writer) == found
    finally:
        store.close()


def kill_and_check(path: Path, seed: int, rounds: int) -> None:
    draw = luck(seed)
    for turn in range(rounds):
        reported = killed_run(path, seed + turn, 1 + draw(1)[0])
        check(a_sqlite_store(path), *reported)


def test_what_was_reported_as_committed_survives_kills(tmp_path: Path) -> None:
    kill_and_check(tmp_path / "hub.db", 1, 3)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 110))
def test_what_was_reported_as_committed_survives_many_kills(tmp_path: Path, seed: int) -> None:
    kill_and_check(tmp_path / "hub.db", seed, 10)
