"""The hub as a delivery in a process of its own knows it, and what it tells the hub.

It has the part of what ``hub.engine.subscribers`` has that lanes need, as it was committed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from hub.core.numbering import lowest, top
from hub.core.subscriber import Attempt, Subscriber
from hub.core.subscription import Signal
from hub.core.timing import DeliveryState
from hub.engine.plain_value import event_of, plain_settlement, state_of, version_of
from hub.engine.process_line import ProcessLine
from hub.engine.process_talk import (
    Answered,
    Committed,
    Drain,
    Durable,
    Settle,
    Signalled,
    Snapshot,
    Told,
    Woken,
)
from hub.engine.recent_events import RecentEvents
from hub.engine.settlement import Settlement
from hub.engine.subscribers import GONE
from hub.engine.wakeups import LocalListener
from hub.errors import Unavailable
from hub.ports import Clock

_NOWHERE = 2**62
_TELLS_WITHIN: Final = timedelta(milliseconds=50)
"""How late the hub may know how many lanes are busy, and of heartbeats.

Only who looks at its health or at a status sees either, and each turn would wake the hub for it."""


class _Numbers(dict[int, int]):
    """Numbers of streams: 0 for each that nothing is said of."""

    def __missing__(self, stream: int) -> int:
        return 0


class RemoteHub:
    """``hub.engine.settlement``'s ``Known``, ``Settling`` and ``Signalling``, over a line.

    Args:
        recent: is told of every event.
        listener: is told whose lanes may have something to do.
        clock: tells when to say what may be said late.
    """

    def __init__(self, recent: RecentEvents, listener: LocalListener, clock: Clock) -> None:
        self.line = ProcessLine(self.take)
        self._loop = asyncio.get_running_loop()
        self.complete: asyncio.Future[None] = self._loop.create_future()
        """Done when all Subscriptions are known."""
        self.draining: asyncio.Future[datetime] = self._loop.create_future()
        """Done, with the deadline, when the hub stops."""
        self._recent = recent
        self._listener = listener
        self._clock = clock
        self._by_sid: dict[int, Subscriber] = {}
        self._counters = _Numbers()
        self._floors = _Numbers({GONE: _NOWHERE})
        self._asked: dict[int, asyncio.Future[bool]] = {}
        self._last = 0
        self._telling: asyncio.Task[None] | None = None
        self._busy = 0
        self._beats: dict[int, datetime | None] = {}

    def sids(self) -> Sequence[int]:
        """Return the numbers of all Subscriptions, also of deleted ones."""
        return list(self._by_sid)

    def get(self, sid: int) -> Subscriber | None:
        """Return a Subscription, also a deleted one; None if there never was one."""
        return self._by_sid.get(sid)

    def top(self, subscriber: Subscriber) -> int:
        """Return how many events a Subscription has had."""
        return top(subscriber.segments, self._counters.__getitem__)

    def lowest(self, subscriber: Subscriber) -> int:
        """Return the lowest number from which on all events are still kept."""
        return lowest(subscriber.segments, self._floors.__getitem__, self.top(subscriber))

    async def settle(self, settlement: Settlement) -> None:
        """Return when it is durable, and known here."""
        number, done = self._ask()
        self.line.gather(Settle, (number, plain_settlement(settlement)))
        await done

    async def signal(
        self,
        sid: int,
        generation: int,
        signal: Signal,
        *,
        error: str | None = None,
        error_code: str | None = None,
        attempt: Attempt | None = None,
        delivery: DeliveryState | None = None,
    ) -> bool:
        """Return, when it is durable and known here, whether the Subscription followed."""
        number, done = self._ask()
        self.line.say(
            Signalled(number, sid, generation, signal, error, error_code, attempt, delivery)
        )
        return await done

    def lanes(self, busy: int) -> None:
        """Tell how many lanes have something to do."""
        self._busy = busy
        self._tell_soon()

    def beat(self, sid: int, at: datetime | None) -> None:
        """Tell of a heartbeat that is kept nowhere else, or that it is outdated (None)."""
        self._beats[sid] = at
        self._tell_soon()

    def take(self, said: Snapshot | Committed | Woken | Durable | Answered | Drain) -> None:
        """Follow what the hub says."""
        match said:
            case Committed():
                self._follow(said)
            case Woken(sids):
                self._listener.signal(sids)
            case Durable(numbers):
                for number in numbers:
                    done = self._asked.pop(number)
                    if not done.cancelled():
                        done.set_result(True)
            case Answered(number, followed, refusal):
                done = self._asked.pop(number)
                if done.cancelled():
                    return
                if refusal is None:
                    done.set_result(followed)
                else:
                    done.set_exception(Unavailable(refusal))
            case Snapshot(subscribers, counters, floors, is_all):
                self._by_sid |= {each.sid: each for each in subscribers}
                self._counters.update(counters)
                self._floors.update(floors)
                self._listener.signal(each.sid for each in subscribers)
                if is_all:
                    self.complete.set_result(None)
            case Drain(deadline):
                self.draining.set_result(deadline)

    def _follow(self, said: Committed) -> None:
        self._counters.update(said.counters)
        self._floors.update(said.floors)
        for each in said.subscribers:
            self._by_sid[each.sid] = each
        for sid, state, error, code in said.states:
            before = self._by_sid.get(sid)
            # One that is not known yet comes as it is then.
            if before is not None:
                self._by_sid[sid] = before.faring(state_of(state), error, code)
        if said.floors:
            self._recent.forget()
        self._recent.keep(
            [version_of(each) for each in said.versions], [event_of(each) for each in said.events]
        )
        self._listener.signal(said.woken)

    def _ask(self) -> tuple[int, asyncio.Future[bool]]:
        self._last += 1
        done: asyncio.Future[bool] = self._loop.create_future()
        self._asked[self._last] = done
        return self._last, done

    def _tell_soon(self) -> None:
        if self._telling is None:
            self._telling = self._loop.create_task(self._tell())

    async def _tell(self) -> None:
        await self._clock.sleep_until(self._clock.now() + _TELLS_WITHIN)
        self._telling = None
        beats, self._beats = self._beats, {}
        self.line.say(Told(self._busy, tuple(beats.items())))
