"""The actors of the order story, as far as they listen.

The fulfiller has a gateway, a real HTTP server that can lose or refuse a notification once; the
placer and the developer have websockets; the physician reads mails, where there is a mail server.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from hub.cli.arrival import Arrival, ArrivedEvent, NotANotification, read_arrival
from hub.cli.client import HubClient, SocketLost
from hub.cli.endpoint import Endpoint, Received, Reply
from hub.cli.sequence import Sequence
from hub.ports import Clock
from hub.web.mailbox import CaughtMail

PLACER, FULFILLER, DEVELOPER, HUB = "placer", "fulfiller", "developer", "hub"
SECOND_DESK, PHYSICIAN = "second desk", "physician"

PATIENCE = 15.0
"""Seconds to wait for something that should arrive; more than any retry of the demo."""


class Missing(Exception):
    """What should have arrived did not; the text says what."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An event as an actor heard it, ``milliseconds`` after it was committed."""

    event: ArrivedEvent
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail as the physician got it, ``milliseconds`` after its event was committed."""

    subject: str
    event: ArrivedEvent
    milliseconds: float


class Gateway:
    """The fulfiller's endpoint: answers as told for the next notifications, then always well.

    ``heard`` is called with each request, before the story knows of it.
    """

    def __init__(self, clock: Clock, heard: Callable[[Received], None]) -> None:
        self.next_replies: deque[Reply] = deque()
        self.sequence = Sequence(0)
        self.endpoint = Endpoint(clock, self._reply, heard=self._hear)
        self._heard = heard

    def _hear(self, received: Received) -> None:
        self._heard(received)
        self.endpoint.received.put_nowait(received)

    def _reply(self, ordinal: int, arrival: Arrival) -> Reply:
        del ordinal, arrival
        return self.next_replies.popleft() if self.next_replies else Reply.ACCEPT

    async def handshake(self) -> Received:
        """Return the handshake."""
        return await self._next("a handshake for the fulfiller")

    async def notification(self) -> Received:
        """Return the next event notification, however it was answered."""
        while True:
            received = await self._next("a notification for the fulfiller")
            if received.arrival.events:
                return received

    async def _next(self, what: str) -> Received:
        try:
            return await asyncio.wait_for(self.endpoint.received.get(), PATIENCE)
        except TimeoutError:
            raise Missing(f"{what} within {PATIENCE:.0f} s") from None


class Inbox:
    """The physician's mails, as a mail server on this machine catches them."""

    address = "physician@ward.example.org"

    def __init__(self) -> None:
        self.sequence = Sequence(0)
        self._mails: asyncio.Queue[CaughtMail] = asyncio.Queue()

    def put(self, mail: CaughtMail) -> None:
        """Take a mail in."""
        self._mails.put_nowait(mail)

    async def mail(self) -> Mail:
        """Return the next mail, with the notification that is attached to it.

        Raises:
            Missing: none came, or not with one notification of one event.
        """
        try:
            caught = await asyncio.wait_for(self._mails.get(), PATIENCE)
        except TimeoutError:
            raise Missing(f"a mail for the {PHYSICIAN} within {PATIENCE:.0f} s") from None
        try:
            ((_, _, attached),) = caught.attachments
            (event,) = read_arrival(json.loads(attached)).events
        except (ValueError, NotANotification):
            raise Missing(f"the one event in the mail {caught.subject!r}") from None
        took = caught.at - (event.timestamp or caught.at)
        return Mail(caught.subject, event, took.total_seconds() * 1000)


class Listener:
    """Somebody with a websocket.

    Args:
        client: of the hub.
        clock: tells when something arrived.
        name: for messages.
    """

    def __init__(self, client: HubClient, clock: Clock, name: str) -> None:
        self.sequence = Sequence(0)
        self._client = client
        self._clock = clock
        self._name = name
        self._heard: asyncio.Queue[Heard | SocketLost] = asyncio.Queue()
        self._bound = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def bind(self, subscription: str) -> None:
        """Return when the hub has greeted the socket."""
        self._task = asyncio.create_task(self._listen(subscription))
        try:
            await asyncio.wait_for(self._bound.wait(), PATIENCE)
        except TimeoutError:
            raise Missing(f"a handshake for the {self._name} within {PATIENCE:.0f} s") from None

    async def close(self) -> None:
        """Leave."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def hear(self) -> Heard:
        """Return the next event, in order and without a gap.

        Raises:
            Missing: nothing came, the socket was lost, or a number is missing.
        """
        try:
            heard = await asyncio.wait_for(self._heard.get(), PATIENCE)
        except TimeoutError:
            raise Missing(f"an event for the {self._name} within {PATIENCE:.0f} s") from None
        if isinstance(heard, SocketLost):
            raise Missing(f"the {self._name}'s websocket: {heard}")
        gap = self.sequence.gap(heard.event.number)
        if gap or not self.sequence.take(heard.event.number):
            raise Missing(f"#{gap.start} for the {self._name}, #{heard.event.number} came")
        return heard

    async def _listen(self, subscription: str) -> None:
        try:
            async with self._client.listen(subscription) as arrivals:
                async for arrival in arrivals:
                    now = self._clock.now()
                    self._bound.set()
                    for event in arrival.events:
                        took = now - (event.timestamp or now)
                        self._heard.put_nowait(Heard(event, took.total_seconds() * 1000))
        except SocketLost as error:
            self._heard.put_nowait(error)
