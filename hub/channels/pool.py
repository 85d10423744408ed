"""The connections that are kept, and how many may be in use.

A place is the right to use one connection: there are so many in total, and so many per origin.
Whoever finds none waits.  A place that becomes free goes to whoever waits longest for its origin;
where the total was the bound, the origins take turns.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from hub.channels.connection import Connection, DroppedError
from hub.channels.limits import EgressLimits
from hub.channels.request import Origin


@dataclass(slots=True)
class _Places:
    """What one origin has: places in use, connections kept, who waits in order of coming.

    Whoever waits does so until an instant on the loop's clock.
    """

    used: int = 0
    kept: list[Connection] = field(default_factory=list)
    waiting: dict[asyncio.Future[Connection | None], float] = field(default_factory=dict)


class Pool:
    """The connections of one client.

    Args:
        limits: how many connections, and for how long they are kept unused.
        keep: keep connections at all.
    """

    def __init__(self, limits: EgressLimits, *, keep: bool) -> None:
        self._limits = limits
        self._keep = keep
        self._loop = asyncio.get_running_loop()
        self._used = 0
        self._origins: dict[Origin, _Places] = {}
        self._turns: dict[Origin, None] = {}
        self._open: dict[Connection, asyncio.Future[None]] = {}
        self._sweeper: asyncio.TimerHandle | None = None
        self._bell: asyncio.TimerHandle | None = None
        self._rings = 0.0
        """When the bell rings: not later than the first who waits has to go."""
        self.closed = False

    def take(self, origin: Origin) -> Connection | None:
        """Return a kept connection together with a place, or None where there is not both."""
        places = self._origins.get(origin)
        if places is None or not places.kept or not self._room(places):
            return None
        connection = self._pop(places)
        if connection is not None:
            places.used += 1
            self._used += 1
        return connection

    async def claim(self, origin: Origin, deadline: float) -> Connection | None:
        """Wait for a place; return a kept connection with it, or None where one is to be dialled.

        Args:
            deadline: until when to wait, on the loop's clock.

        Raises:
            DroppedError: the pool is closed.
            TimeoutError: no place became free in time.
        """
        if self.closed:
            raise DroppedError
        places = self._origins.setdefault(origin, _Places())
        if self._room(places):
            self._occupy(places)
            return self._pop(places)
        turn: asyncio.Future[Connection | None] = self._loop.create_future()
        places.waiting[turn] = deadline
        self._turns[origin] = None
        self._ring_by(deadline)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.give(origin, turn.result())
            else:
                places.waiting.pop(turn, None)
                self._tidy(origin, places)
            raise

    def give(self, origin: Origin, connection: Connection | None) -> None:
        """Give a place back, and the connection, if any; it is kept where it can be used again."""
        places = self._origins[origin]
        was_full = self._used >= self._limits.connections
        places.used -= 1
        self._used -= 1
        if connection is not None:
            if self._keep and not self.closed and connection.usable:
                connection.kept_since = self._loop.time()
                places.kept.append(connection)
                if self._sweeper is None:
                    self._sweep_later()
            else:
                connection.close()
        if was_full:
            self._serve_others()
        elif places.waiting:
            self._serve(origin, places)
        if self._turns or not places.kept:
            self._tidy(origin, places)

    def opened(self, connection: Connection) -> None:
        """Note a connection that was made, to close it in the end."""
        if connection.usable:
            self._open[connection] = self._loop.create_future()

    def ended(self, connection: Connection) -> None:
        """Note that a connection is closed."""
        end = self._open.pop(connection, None)
        if end is not None and not end.done():
            end.set_result(None)

    async def close(self) -> None:
        """Close every connection; whoever waits for a place or an answer gets none."""
        self.closed = True
        for timer in (self._sweeper, self._bell):
            if timer is not None:
                timer.cancel()
        for places in self._origins.values():
            for turn in places.waiting:
                if not turn.done():
                    turn.set_exception(DroppedError())
            places.waiting.clear()
            places.kept.clear()
        ends = list(self._open.values())
        for connection in list(self._open):
            connection.abort()
        if ends:
            await asyncio.wait(ends, timeout=self._limits.drain)

    def _room(self, places: _Places) -> bool:
        limits = self._limits
        return self._used < limits.connections and places.used < limits.connections_per_origin

    def _occupy(self, places: _Places) -> None:
        places.used += 1
        self._used += 1

    def _pop(self, places: _Places) -> Connection | None:
        """Return the connection that was kept last, as it is the least likely to be closed."""
        oldest = self._loop.time() - self._limits.idle
        while places.kept:
            connection = places.kept.pop()
            if connection.usable:
                if connection.kept_since >= oldest:
                    return connection
                connection.close()
        return None

    def _serve(self, origin: Origin, places: _Places) -> bool:
        """Give a place of this origin to whoever waits longest for it, if there is room."""
        while places.waiting and self._room(places):
            turn = next(iter(places.waiting))
            del places.waiting[turn]
            if not turn.done():
                self._occupy(places)
                turn.set_result(self._pop(places))
                return True
        return False

    def _serve_others(self) -> None:
        for origin in list(self._turns):
            places = self._origins[origin]
            if self._serve(origin, places):
                del self._turns[origin]
                if places.waiting:
                    self._turns[origin] = None
                return

    def _ring_by(self, deadline: float) -> None:
        """Look not later than ``deadline`` who has waited for too long."""
        if self._bell is not None:
            if self._rings <= deadline:
                return
            self._bell.cancel()
        self._rings = deadline
        self._bell = self._loop.call_at(deadline, self._ring)

    def _ring(self) -> None:
        """Send away whoever has waited for too long."""
        self._bell, late = None, self._rings
        for origin, places in list(self._origins.items()):
            for turn, deadline in list(places.waiting.items()):
                if deadline > late:
                    self._ring_by(deadline)
                else:
                    del places.waiting[turn]
                    if not turn.done():
                        turn.set_exception(TimeoutError())
            self._tidy(origin, places)

    def _tidy(self, origin: Origin, places: _Places) -> None:
        if not places.waiting:
            self._turns.pop(origin, None)
            if not places.used and not places.kept:
                self._origins.pop(origin, None)

    def _sweep_later(self) -> None:
        self._sweeper = self._loop.call_later(self._limits.idle, self._sweep)

    def _sweep(self) -> None:
        """Close what was kept for too long."""
        self._sweeper = None
        oldest = self._loop.time() - self._limits.idle
        for origin, places in list(self._origins.items()):
            for connection in places.kept:
                if connection.kept_since < oldest:
                    connection.close()
            places.kept = [each for each in places.kept if each.usable]
            if places.kept and self._sweeper is None:
                self._sweep_later()
            self._tidy(origin, places)
