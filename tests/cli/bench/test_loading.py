"""What is loaded is what a hub would have written: nothing is left to do when it opens it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.cli.bench.backlog import TOGETHER, fill_backlog
from hub.cli.bench.deadline import Deadline
from hub.cli.bench.failure import Wrong
from hub.cli.bench.loading import Loaded, Loading, Wanted, load
from hub.cli.bench.sample import resource
from hub.core.numbering import top
from hub.core.release import FhirRelease
from hub.core.subscription import ChannelType, SubscriptionStatusCode
from hub.core.version import ResourceKey
from hub.ports import Opened
from hub.stores.secrets import HeaderCipher, load_key
from hub.stores.sqlite import SqliteStore


def _with_store(folder: Path, look: Callable[[SqliteStore, Opened], None]) -> None:
    cipher = HeaderCipher(load_key(folder / "hub.db.key", os.urandom), os.urandom)
    store = SqliteStore(folder / "hub.db", cipher, identity="x")
    try:
        look(store, store.open())
    finally:
        store.close()


def _load(folder: Path, fill: Callable[[Loading], None], seconds: float = 60) -> None:
    asyncio.run(load(folder, Deadline(seconds), fill))


def test_a_backlog_has_all_its_events_under_their_numbers(tmp_path: Path) -> None:
    _load(tmp_path, lambda loading: fill_backlog(loading, 15, 3, lambda n: f"http://h/{n}"))

    def look(store: SqliteStore, opened: Opened) -> None:
        assert len(opened.subscribers) == len(opened.streams) == 15
        assert all(stream.n == 3 for stream in opened.streams)
        first = opened.subscribers[0].whole()
        assert first.subscription.status is SubscriptionStatusCode.ACTIVE
        assert first.subscription.endpoint == "http://h/0"
        events = store.writer.events(first.segments[0].stream, 1, 9)
        assert [event.n for event in events] == [1, 2, 3]
        focus = store.writer.at([events[0].seq])[events[0].seq]
        assert focus.key == ResourceKey(FhirRelease.R4, "Task", "t0-0")
        last = store.writer.events(opened.subscribers[TOGETHER].segments[0].stream, 1, 1)
        assert store.writer.at([last[0].seq])[last[0].seq].key.id == "t1-0"
        assert store.writer.head(ResourceKey(FhirRelease.R4, "Subscription", "s14")) is not None

    _with_store(tmp_path, look)


def test_equal_filters_share_a_stream_and_its_events(tmp_path: Path) -> None:
    def fill(loading: Loading) -> None:
        loading.subscribe(
            Wanted(id=f"e{number}", owners=("Organization/o",), endpoint=None)
            for number in range(3)
        )
        text = resource("Task", "t", 300, owner="Organization/o")
        loading.tasks([Loaded(id="t", text=text, events_for=("e0", "e1", "e2"))])

    _load(tmp_path, fill)

    def look(store: SqliteStore, opened: Opened) -> None:
        assert [stream.n for stream in opened.streams] == [1]
        kinds = {each.whole().subscription.channel_type for each in opened.subscribers}
        assert kinds == {ChannelType.WEBSOCKET}

    _with_store(tmp_path, look)


def test_what_a_subscription_has_had_before_is_delivered_and_numbers_go_on(tmp_path: Path) -> None:
    def fill(loading: Loading) -> None:
        loading.subscribe(
            Wanted(id=f"e{number}", owners=("Organization/o",), endpoint=None, before=number)
            for number in range(3)
        )

    _load(tmp_path, fill)

    def look(store: SqliteStore, opened: Opened) -> None:
        assert [stream.n for stream in opened.streams] == [0]
        tops = [top(each.segments, lambda _: 0) for each in opened.subscribers]
        assert tops == [each.whole().delivery.cursor for each in opened.subscribers] == [0, 1, 2]

    _with_store(tmp_path, look)


def test_more_can_be_loaded_later(tmp_path: Path) -> None:
    _load(tmp_path, lambda loading: loading.tasks([_task("a")]))
    _load(tmp_path, lambda loading: loading.tasks([_task("b")]))

    def look(store: SqliteStore, opened: Opened) -> None:
        assert opened.last_seq == 2
        assert store.writer.head(ResourceKey(FhirRelease.R4, "Task", "b")) is not None

    _with_store(tmp_path, look)


def test_loading_ends_in_time(tmp_path: Path) -> None:
    with pytest.raises(Wrong, match="in time"):
        _load(tmp_path, lambda loading: loading.tasks([_task("a")]), seconds=0)


def _task(id: str) -> Loaded:
    return Loaded(id=id, text=resource("Task", id, 300))
