"""What a hub and its delivery process say to each other.

What is frequent has tuples inside (``hub.engine.plain_value``).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from hub.core.subscriber import Attempt, Subscriber
from hub.core.subscription import Signal
from hub.core.timing import DeliveryState
from hub.engine.plain_value import Plain, plain_event, plain_state, plain_version
from hub.ports import WriteBatch


class Snapshot(NamedTuple):
    """To delivery: Subscriptions as they are; ``counters`` and ``floors`` of streams."""

    subscribers: tuple[Subscriber, ...]
    counters: dict[int, int]
    floors: dict[int, int]
    is_all: bool


class Committed(NamedTuple):
    """To delivery: what one commit changed.  ``states`` are (sid, state, error, error code)."""

    versions: tuple[Plain, ...]
    events: tuple[Plain, ...]
    counters: dict[int, int]
    floors: dict[int, int]
    subscribers: tuple[Subscriber, ...]
    states: tuple[tuple[int, Plain, str | None, str | None], ...]
    woken: tuple[int, ...]


class Woken(NamedTuple):
    """To delivery: these Subscriptions may have something to do."""

    sids: tuple[int, ...]


class Durable(NamedTuple):
    """To delivery: these settlements are written, by their numbers."""

    numbers: list[int]


class Answered(NamedTuple):
    """To delivery: what it asked for is durable, or was refused in these words."""

    number: int
    followed: bool
    refusal: str | None


class Drain(NamedTuple):
    """To delivery: let attempts in flight end until then, begin no more, and end."""

    deadline: datetime


class Settle(NamedTuple):
    """From delivery: write these settlements, each with the number under which to answer."""

    settlements: list[tuple[int, Plain]]


class Signalled(NamedTuple):
    """From delivery: the arguments of ``hub.engine.settlement.Signalling.signal``."""

    number: int
    sid: int
    generation: int
    signal: Signal
    error: str | None
    error_code: str | None
    attempt: Attempt | None
    delivery: DeliveryState | None


class Told(NamedTuple):
    """From delivery: how many lanes are busy, and heartbeats that were sent, or are outdated."""

    busy: int
    beats: tuple[tuple[int, datetime | None], ...]


def told_of(
    written: WriteBatch, woken: Collection[int], *, with_events: bool = True
) -> Committed | None:
    """Return what delivery is told of one commit, None if it need not know of it.

    Args:
        written: what was committed.
        woken: who may have something to do because of it.
        with_events: whether events go along; otherwise delivery reads them from the store.
    """
    if not (written.events or written.subscribers or written.deliveries or written.floors):
        return None
    tells = bool(written.events) and with_events
    return Committed(
        versions=tuple(map(plain_version, written.versions)) if tells else (),
        events=tuple(map(plain_event, written.events)) if tells else (),
        counters=written.counters | {each.id: each.n for each in written.streams},
        floors=written.floors,
        subscribers=tuple(written.subscribers),
        states=tuple(
            (each.sid, plain_state(each.delivery), each.error, each.error_code)
            for each in written.deliveries
        ),
        woken=tuple(woken),
    )
