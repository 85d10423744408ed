"""Where notifications arrive for an actor: an endpoint that can be ill, or a websocket."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, Self, TypeVar

from websockets.asyncio.client import connect

from hub.cli.arrival import Arrival, ArrivedEvent
from hub.cli.client import HubClient, SocketLost
from hub.cli.endpoint import Endpoint, Reply
from hub.cli.sequence import Sequence
from hub.cli.story_actor import PATIENCE, Missing
from hub.core.release import Resource
from hub.ports import Clock

T = TypeVar("T")


class Telling(Protocol):
    """What an inbox needs of the stage."""

    clock: Clock

    def step(self, who: str, whom: str, what: str, **more: Any) -> None:
        """Tell one step."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One notification as it arrived: when, what, and how it was answered."""

    at: datetime
    arrival: Arrival
    status: str


async def within(waiting: Awaitable[T], what: str) -> T:
    """Return what comes, if it comes in time.

    Raises:
        Missing: it did not.
    """
    try:
        return await asyncio.wait_for(waiting, PATIENCE)
    except TimeoutError:
        raise Missing(f"{what} within {PATIENCE:.0f} s") from None


class Inbox:
    """The notifications of one Subscription, in order, without gap or repeat."""

    def __init__(self, telling: Telling, name: str, hub: str, client: HubClient) -> None:
        self.name = name
        self.id = ""
        self.sequence = Sequence(0)
        self._telling = telling
        self._hub = hub
        self._client = client
        self._mail: asyncio.Queue[Mail] = asyncio.Queue()
        self._events: deque[ArrivedEvent] = deque()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Listen no longer."""

    async def opens(self, id: str) -> None:
        """Return when the Subscription is active: whoever listens has taken the handshake."""
        self.id = id
        await self.until("active")

    async def next(self, what: str = "") -> ArrivedEvent:
        """Return the next event.

        Args:
            what: as the steps tell it; the focus and its state where empty.

        Raises:
            Missing: nothing came in time, or a number was left out.
        """
        while not self._events:
            await self._take(what)
        return self._events.popleft()

    async def mail(self, what: str = "a notification") -> Mail:
        """Return the next notification of events whole, however it was answered."""
        while True:
            mail = await within(self._mail.get(), f"{what} for the {self.name}")
            if mail.arrival.events:
                return mail

    async def _take(self, what: str) -> None:
        mail = await self.mail(what or "an event")
        for event in mail.arrival.events:
            gap = self.sequence.gap(event.number)
            if gap:
                raise Missing(f"#{gap.start} for the {self.name}: #{event.number} came")
            took = mail.at - (event.timestamp or mail.at)
            repeated = not self.sequence.take(event.number)
            self._telling.step(
                self._hub,
                self.name,
                (what or f"{event.focus or '(empty)'} {event.state}".rstrip())
                + (", once more" if repeated else ""),
                number=f"#{event.number}",
                status=mail.status,
                milliseconds=took.total_seconds() * 1000,
            )
            if not repeated:
                self._events.append(event)

    async def counted(self) -> int:
        """Return how many events the hub has counted for the Subscription.

        What was answered is counted, so that "no event" is known without waiting.
        """
        return (await self.status()).total or 0

    async def status(self) -> Arrival:
        """Return what ``$status`` says."""
        found = await self._client.statuses(f"Subscription/{self.id}/$status")
        return found[self.id]

    async def until(self, status: str) -> Arrival:
        """Return the status once it is ``status``."""

        async def look() -> Arrival:
            while (found := await self.status()).status != status:
                pass
            return found

        return await within(look(), f"the status {status} for the {self.name}'s Subscription")

    async def events(self, first: int | None = None, last: int | None = None) -> list[ArrivedEvent]:
        """Return the events that ``$events`` has, and tell the step."""
        answers = await self._client.events(f"Subscription/{self.id}", first, last)
        found = [event for arrival in answers for event in arrival.events]
        wanted = (
            "" if first is None else f" for #{first}" + ("" if last == first else f"..{last or ''}")
        )
        self._telling.step(self.name, self._hub, f"asks $events{wanted}", status="200")
        return found

    async def resource(self) -> Resource:
        """Return the Subscription as it is now."""
        return await self._client.resource(f"Subscription/{self.id}")

    async def put(self, **elements: Any) -> None:
        """Change the Subscription; ``status="requested"`` reactivates it."""
        resource = await self.resource() | elements
        answer = await self._client.expect("PUT", f"Subscription/{self.id}", resource)
        said = " and ".join(elements)
        what = f"changes {said} of its Subscription"
        self._telling.step(self.name, self._hub, what, status=str(answer.status))

    async def filters(self, *filters: str) -> None:
        """Change the filters of the Subscription; its numbers go on."""
        await self.put(_criteria={"extension": [_filter(each) for each in filters]})


def _filter(text: str) -> Resource:
    return {
        "url": "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
        "backport-filter-criteria",
        "valueString": text,
    }


class EndpointInbox(Inbox):
    """A rest-hook endpoint; ``replies`` are the answers to the next notifications of events."""

    def __init__(self, telling: Telling, name: str, hub: str, client: HubClient) -> None:
        super().__init__(telling, name, hub, client)
        self.replies: deque[Reply] = deque()
        self.greeted = asyncio.Event()
        self._endpoint = Endpoint(telling.clock, self._reply)
        self._pump: asyncio.Task[None] | None = None
        self._port = 0

    @property
    def url(self) -> str:
        """Where the hub sends to."""
        return self._endpoint.url

    def _reply(self, ordinal: int, arrival: Arrival) -> Reply:
        del ordinal, arrival
        return self.replies.popleft() if self.replies else Reply.ACCEPT

    async def __aenter__(self) -> Self:
        await self.comes_back()
        return self

    async def comes_back(self) -> None:
        """Listen, at the same place as before."""
        self._endpoint = Endpoint(self._telling.clock, self._reply)
        await self._endpoint.start(self._port)
        self._port = int(self._endpoint.url.rsplit(":", 1)[1].split("/")[0])
        self._pump = asyncio.create_task(self._receive(self._endpoint))

    async def goes_down(self) -> None:
        """Listen no longer: the hub's connections are refused."""
        if self._pump is not None:
            self._pump.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._pump
        await self._endpoint.stop()

    async def close(self) -> None:
        """Listen no longer."""
        await self.goes_down()

    async def opens(self, id: str) -> None:
        """Return when the handshake has been taken and the Subscription is active."""
        self.id = id
        await within(self.greeted.wait(), f"a handshake for the {self.name}")
        await self.until("active")
        self._telling.step(self._hub, self.name, "greets the endpoint: handshake", status="200")

    async def _receive(self, endpoint: Endpoint) -> None:
        while True:
            received = await endpoint.received.get()
            if received.arrival.type == "handshake":
                self.greeted.set()
            if received.reply is not Reply.LOSE:
                status = received.reply.value[:3]
                self._mail.put_nowait(Mail(received.at, received.arrival, status))


class SocketInbox(Inbox):
    """A websocket; a lost one is a step that fails."""

    def __init__(self, telling: Telling, name: str, hub: str, client: HubClient) -> None:
        super().__init__(telling, name, hub, client)
        self._bound = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def opens(self, id: str) -> None:
        """Bind, and return when the hub has greeted the socket."""
        self.id = id
        self._task = asyncio.create_task(self._listen(id))
        await within(self._bound.wait(), f"a handshake for the {self.name}")
        self._telling.step(self._hub, self.name, "greets the websocket: handshake", status="ws")

    async def close(self) -> None:
        """Leave."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def refused(self, text: str) -> int:
        """Send a text on a new socket and return the code with which the hub closes it."""
        url = self._client.url.replace("http", "ws", 1) + "/ws"
        async with connect(url, proxy=None) as socket:
            await socket.send(text)
            await within(socket.wait_closed(), "the end of a socket")
        code = socket.close_code or 0
        self._telling.step(self.name, self._hub, "binds with a wrong token", status=str(code))
        return code

    async def _listen(self, id: str) -> None:
        with contextlib.suppress(SocketLost):
            async with self._client.listen(id, resume_after=self.sequence.last or None) as arrivals:
                async for arrival in arrivals:
                    self._bound.set()
                    self._mail.put_nowait(Mail(self._telling.clock.now(), arrival, "ws"))
