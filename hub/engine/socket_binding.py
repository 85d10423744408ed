"""What is common to all that a socket can be bound to: one Subscription on one socket.

Source: backport IG, "Channels" (websockets).
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

from hub.core.subscriber import Subscriber
from hub.engine.subscribers import Subscribers

Send: TypeAlias = Callable[[str], Awaitable[None]]
"""Sends a text; raises when the socket is gone or too slow."""

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


class SocketBinding(ABC):
    """One Subscription, ``sid``, on one socket.

    It has a task only while there is something to send: many sockets wait most of the time.
    ``is_over`` is true once nothing will be sent any more.
    """

    __slots__ = ("_ended", "_send", "_task", "is_over", "sid")

    def __init__(self, sid: int, send: Send, ended: Ended) -> None:
        self.sid = sid
        self.is_over = False
        self._send = send
        self._ended = ended
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Say that there may be something to send."""
        if self._task is None and not self.is_over:
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
    async def _serve(self) -> bool:
        """Send what there is to send now; tell whether more may follow.

        After the last look for something to send, nothing is awaited.
        """
