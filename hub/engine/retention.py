"""Retention: events are kept for a time, and as long as a delivery still needs them.

Source: OperationDefinition backport-subscription-events (a server may limit how far back events
are available).
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from hub.core.subscription import ChannelType, SubscriptionStatusCode
from hub.engine.intake import Intake
from hub.engine.plan import Plan
from hub.engine.subscribers import Subscribers
from hub.errors import HubError
from hub.ports import Clock, Reader, Store

FIRST_AFTER = timedelta(minutes=1)
"""When the first sweep comes after a start, which has what waited longest to deliver."""

SWEEP_EVERY = timedelta(hours=1)
MOST_REMOVED = 5000
"""How many events of one stream a sweep removes at most, so that no commit takes long."""

log = logging.getLogger(__name__)

_HOLDING = (SubscriptionStatusCode.REQUESTED, SubscriptionStatusCode.ACTIVE)


class Retention:
    """Removes events that are older than the window and that no delivery waits for.

    ``requested`` and ``active`` Subscriptions that the hub sends to hold what they have not been
    sent; those in ``error`` and websocket Subscriptions hold nothing.
    """

    def __init__(
        self,
        store: Store,
        intake: Intake,
        subscribers: Subscribers,
        *,
        clock: Clock,
        retain: timedelta,
    ) -> None:
        self._store = store
        self._intake = intake
        self._subscribers = subscribers
        self._clock = clock
        self._retain = retain

    async def run(self) -> None:
        """Sweep now and then, until cancelled."""
        await self._clock.sleep_until(self._clock.now() + FIRST_AFTER)
        while True:
            try:
                await self.sweep()
            except HubError as error:
                log.warning("nothing was removed this time: %s", error.diagnostics)
            await self._clock.sleep_until(self._clock.now() + SWEEP_EVERY)

    async def sweep(self) -> None:
        """Remove what need not be kept any more, all streams once."""
        before = self._clock.now() - self._retain
        holds = self._holds()
        kept = self._subscribers.kept()
        removable = {
            id: (floor, top)
            for id, floor, n in kept
            if (top := min(n, holds.get(id, n + 1) - 1, floor + MOST_REMOVED)) > floor
        }
        floors: dict[int, int] = {}
        if removable:
            floors = await self._store.read(lambda reader: _floors(reader, removable, before))
        in_use = self._subscribers.in_use()
        dropped = [id for id, _, _ in kept if id not in in_use]
        floors = {id: floor for id, floor in floors.items() if id in in_use}
        if floors or dropped:
            await self._intake.register(lambda plan: self._plan(plan, floors, dropped))

    def _plan(self, plan: Plan, floors: dict[int, int], dropped: list[int]) -> None:
        """Plan it on what is needed now, which may be more than when the store was read."""
        in_use = self._subscribers.in_use()
        holds = self._holds()
        plan.floors |= {
            id: floor for id, floor in floors.items() if floor < holds.get(id, floor + 1)
        }
        plan.dropped_streams += [id for id in dropped if id not in in_use]

    def _holds(self) -> dict[int, int]:
        """Return for each stream the lowest n that a delivery still needs."""
        holds: dict[int, int] = {}
        for each in self._subscribers:
            subscription = each.subscription
            if (
                subscription.channel_type is ChannelType.WEBSOCKET
                or subscription.status not in _HOLDING
            ):
                continue
            needed = each.delivery.cursor + 1
            for segment in each.segments:
                if segment.last is None or segment.last >= needed:
                    n = max(needed, segment.first) + segment.offset
                    holds[segment.stream] = min(n, holds.get(segment.stream, n))
        return holds


def _floors(
    reader: Reader, removable: dict[int, tuple[int, int]], before: datetime
) -> dict[int, int]:
    """Return the new floor of each stream that has something to remove.

    Args:
        removable: by stream its floor, and the highest n that may be removed.
    """
    old = reader.seq_at(before)
    floors: dict[int, int] = {}
    for stream, (floor, top) in removable.items():
        # Nearly always nothing of a stream is old, and its lowest event tells.
        if _is_through(reader, stream, floor + 1, old):
            floors[stream] = _last_through(reader, stream, floor + 1, top, old)
    return floors


def _last_through(reader: Reader, stream: int, low: int, high: int, seq: int) -> int:
    """Return the highest n up to ``high`` of a change up to ``seq``, as that of ``low`` is."""
    while low < high:
        middle = (low + high + 1) // 2
        if _is_through(reader, stream, middle, seq):
            low = middle
        else:
            high = middle - 1
    return low


def _is_through(reader: Reader, stream: int, n: int, seq: int) -> bool:
    events = reader.events(stream, n, n)
    return bool(events) and events[0].seq <= seq
