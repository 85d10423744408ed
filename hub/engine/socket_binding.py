"""What is common to all that a socket can be bound to: one Subscription on one socket.

Source: backport IG, "Channels" (websockets).
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, Protocol, TypeAlias

from hub.core.subscriber import Subscriber
from hub.engine.subscribers import Subscribers

MOST_AT_ONCE: Final = 4
"""How many texts a binding writes, in one piece, before others have their turn."""


class Outlet(Protocol):
    """Where the texts for one socket go, in UTF-8."""

    def put(self, texts: Sequence[bytes]) -> bool:
        """Write texts if nothing has to be awaited; tell whether they were written, all or none.

        What can't be written, for whatever reason, is left to ``send``.
        """

    async def send(self, text: bytes) -> None:
        """Write a text; raises when the socket is gone or too slow."""


Ended: TypeAlias = Callable[[Exception | None], None]
"""Hears that a binding is over: None where its Subscription ended, else what kept it from going on.
"""


class Progress(Protocol):
    """Knows, over all sockets, how far each Subscription was sent its events."""

    subscribers: Subscribers

    def wrote(self, sid: int, number: int) -> None:
        """Note the highest number that a socket was sent."""

    def sent_through(self, subscriber: Subscriber) -> int:
        """Return the highest number that any socket was sent."""

    def wake_soon(self, sid: int) -> None:
        """Wake the bindings of a Subscription again, after others had their turn."""


class SocketBinding(ABC):
    """One Subscription, ``sid``, on one socket.

    What needs no waiting is written where it is woken.  It has a task only while it waits: for the
    store, or for a socket that takes nothing just now.  ``is_over`` is true once nothing will be
    sent any more.
    """

    __slots__ = ("_ended", "_outlet", "_task", "is_over", "sid")

    def __init__(self, sid: int, outlet: Outlet, ended: Ended) -> None:
        self.sid = sid
        self.is_over = False
        self._outlet = outlet
        self._ended = ended
        self._task: asyncio.Task[None] | None = None

    def wake(self, now: datetime) -> None:
        """Say that there may be something to send; ``now`` is an instant not long ago."""
        if self._task is not None or self.is_over:
            return
        try:
            if self._serve_at_once(now):
                return
        except Exception as error:
            self.is_over = True
            self._ended(error)
        else:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Send nothing any more."""
        self.is_over = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        error: Exception | None = None
        try:
            if await self._serve():
                return
        except Exception as caught:
            error = caught
        finally:
            # No wake-up may come between the last look at what there is and this.
            self._task = None
        self.is_over = True
        self._ended(error)

    @abstractmethod
    def _serve_at_once(self, now: datetime) -> bool:
        """Send what can be sent without waiting; tell whether ``_serve`` has nothing to do now."""

    @abstractmethod
    async def _serve(self) -> bool:
        """Send what there is to send now; tell whether more may follow.

        After the last look for something to send, nothing is awaited.
        """
