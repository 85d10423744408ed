"""What of all Subscriptions together is not delivered yet, and since when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from hub.core.numbering import stretches
from hub.core.subscriber import Subscriber
from hub.core.subscription import ChannelType, counts
from hub.engine.subscribers import Subscribers
from hub.ports import ReadableStore, Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Events that were not delivered yet and are kept, of how many Subscriptions, since when.

    ``failing`` is how many Subscriptions fail now.
    """

    events: int
    subscriptions: int
    failing: int
    oldest: datetime | None


async def read_backlog(store: ReadableStore, subscribers: Subscribers) -> Backlog:
    """Return the backlog of those that the hub sends to; who has no socket is not waited for."""
    events = failing = 0
    waiting: list[tuple[Subscriber, int]] = []
    for each in subscribers:
        subscription = each.subscription
        if each.deleted or not counts(subscription.status):
            continue
        failing += each.delivery.failures > 0 or each.error is not None
        if subscription.channel_type is ChannelType.WEBSOCKET:
            continue
        next_number = max(each.delivery.cursor + 1, subscribers.lowest(each))
        pending = subscribers.top(each) - next_number + 1
        if pending > 0:
            events += pending
            waiting.append((each, next_number))
    oldest = None
    if waiting:
        oldest = await store.read(lambda reader: _oldest(reader, waiting))
    return Backlog(events=events, subscriptions=len(waiting), failing=failing, oldest=oldest)


def _oldest(reader: Reader, waiting: Iterable[tuple[Subscriber, int]]) -> datetime | None:
    """Return when the first of the events happened that are next to be sent."""
    first: dict[int, int] = {}
    for each, number in waiting:
        for stretch in stretches(each.segments, number, number):
            n = first.get(stretch.stream, stretch.low)
            first[stretch.stream] = min(n, stretch.low)
    seqs = [event.seq for stream, n in first.items() for event in reader.events(stream, n, n)]
    return min((each.timestamp for each in reader.at(seqs).values()), default=None)
