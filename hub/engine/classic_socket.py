"""The websocket of classic Subscriptions: ``bound`` and the id, then ``ping`` and the id per match.

A ping says only that it is worth looking, so all that happened while nothing was bound is one ping.
Source: http://hl7.org/fhir/R4/subscription.html (channel websocket).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from hub.core.client import Client
from hub.core.release import FhirRelease
from hub.core.subscriber import Subscriber
from hub.core.subscription import ChannelType, counts
from hub.engine.socket_binding import MOST_AT_ONCE, Ended, Outlet, Progress, SocketBinding
from hub.engine.subscribers import Subscribers
from hub.errors import Conflict, NotFound, Unprocessable


def classic_named(
    subscribers: Subscribers, releases: Iterable[FhirRelease], id: str, caller: Client | None
) -> Subscriber:
    """Return the classic websocket Subscription that a socket may bind by its id.

    Raises:
        NotFound: there is none of this id that the caller knows of.
        Conflict: there is one in several of ``releases``.
        Unprocessable: it is topic-based, has another channel or is off.
    """
    known = [subscribers.find(release, id) for release in releases]
    found = [
        each
        for each in known
        if each is not None and not each.deleted and each.belonging.is_shown_to(caller)
    ]
    if not found:
        raise NotFound("there is no such Subscription")
    if len(found) > 1:
        names = " and ".join(each.subscription.release for each in found)
        raise Conflict(f"the id is of {names}; connect to the URL in the metadata of its base")
    subscription = found[0].subscription
    if not subscription.is_classic:
        raise Unprocessable("it is topic-based; bind with a token of $get-ws-binding-token")
    if subscription.channel_type is not ChannelType.WEBSOCKET:
        raise Unprocessable(f"its channel is {subscription.channel_type}, not websocket")
    if not counts(subscription.status):
        raise Unprocessable(f"it is {subscription.status}; reactivate it first")
    return found[0]


class ClassicBinding(SocketBinding):
    """One classic Subscription on one socket."""

    __slots__ = ("_bound", "_position", "_progress")

    def __init__(
        self, progress: Progress, outlet: Outlet, ended: Ended, subscriber: Subscriber
    ) -> None:
        super().__init__(subscriber.sid, outlet, ended)
        self._bound = subscriber
        self._progress = progress
        self._position: int | None = None

    def _serve_at_once(self, now: datetime) -> bool:
        """Ping, unless there is something else to say."""
        subscriber = self._present()
        if self._position is None or _ended(subscriber) is not None:
            return False
        top = self._top(subscriber)
        count = min(top - self._position, MOST_AT_ONCE)
        if count:
            if not self._outlet.put([_ping(subscriber.subscription.id)] * count):
                return False
            self._pinged(self._position + count)
        if self._position < top:
            self._progress.wake_soon(self.sid)
        return True

    async def _serve(self) -> bool:
        """Say that it is bound, then ping, until the Subscription ends."""
        id = self._present().subscription.id
        if self._position is None:
            await self._outlet.send(f"bound {id}".encode())
            subscriber = self._present()
            self._position, missed = self._progress.sent_through(subscriber), self._top(subscriber)
            if self._position < missed:
                await self._outlet.send(_ping(id))
                self._pinged(missed)
        while (ended := _ended(subscriber := self._present())) is None:
            if self._position >= self._top(subscriber):
                return True
            await self._outlet.send(_ping(id))
            self._pinged(self._position + 1)
        await self._outlet.send(f"error {id} {ended}".encode())
        return False

    def _present(self) -> Subscriber:
        return self._progress.subscribers.get(self.sid) or self._bound

    def _top(self, subscriber: Subscriber) -> int:
        return self._progress.subscribers.top(subscriber)

    def _pinged(self, number: int) -> None:
        self._progress.wrote(self.sid, number)
        self._position = number


def _ping(id: str) -> bytes:
    return f"ping {id}".encode()


def _ended(subscriber: Subscriber) -> str | None:
    """Return why a binding ends, None while it goes on."""
    subscription = subscriber.subscription
    if subscriber.deleted:
        return "it was deleted"
    if subscription.channel_type is not ChannelType.WEBSOCKET or not subscription.is_classic:
        return "it is no classic websocket Subscription any more"
    return None if counts(subscription.status) else f"it is {subscription.status}"
