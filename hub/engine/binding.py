"""A topic-based Subscription on a socket: handshake, events in order, heartbeats.

Each has its own position, order and heartbeat clock.
Source: backport IG, "Channels" (websockets); http://hl7.org/fhir/R5/subscriptions.html.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Protocol

from hub.core.notification import NotificationType, StatusError, build_notification, most_events
from hub.core.number_range import NumberRanges, begin_of, without_range
from hub.core.release import FhirRelease
from hub.core.subscriber import Subscriber
from hub.core.subscription import ChannelType, counts
from hub.engine.announcement import Announcements, Audience
from hub.engine.authorization_hint import AuthorizationHints
from hub.engine.binding_token import Grant
from hub.engine.socket_binding import MOST_AT_ONCE, Ended, Outlet, Progress, SocketBinding
from hub.engine.status_error import handshake_total
from hub.ports import Clock, Codec

MOST_MISSED = 1000
"""How many events that nobody was sent yet a bind without a number sends."""


_LARGE: Final = 64 * 1024
"""From so many bytes on texts are not put together: a slow socket would have them wait in memory.
"""


class Surroundings(Progress, Protocol):
    """What a binding takes from those who keep all of them."""

    announcements: Announcements
    codecs: Mapping[FhirRelease, Codec]
    base_url: Callable[[FhirRelease], str]
    hints: AuthorizationHints
    clock: Clock

    def greeted(self, sid: int) -> bool:
        """Tell whether a socket was sent something that is not kept yet."""

    def wake_at(self, sid: int, at: datetime) -> None:
        """Wake the bindings of a Subscription when ``at`` has come."""


class Binding(SocketBinding):
    """One Subscription on one socket, by a token; ``again`` are the numbers to send once more.

    These come before any that was never sent.
    """

    __slots__ = (
        "_audience",
        "_caller",
        "_live",
        "_position",
        "_resume_after",
        "_seen",
        "_sent_at",
        "_sockets",
        "again",
    )

    def __init__(
        self, sockets: Surroundings, outlet: Outlet, ended: Ended, sid: int, grant: Grant
    ) -> None:
        super().__init__(sid, outlet, ended)
        self.again: NumberRanges = ()
        self._sockets = sockets
        self._caller = grant.caller
        self._resume_after = grant.resume_after
        self._position: int | None = None
        self._sent_at: datetime | None = None
        self._seen: Subscriber | None = None
        self._live: Subscriber | None = None
        self._audience: Audience | None = None

    def _serve_at_once(self, now: datetime) -> bool:
        """Send what happened just now, unless there is something else to say."""
        sockets, position = self._sockets, self._position
        if position is None or self.again:
            return False
        found = sockets.subscribers.get(self.sid)
        if found is None or not (found is self._live or self._is_live(found)):
            return False
        total = sockets.subscribers.top(found)
        if position < total:
            audience = self._told(found)
            texts: list[bytes] = []
            size = 0
            while position < total and len(texts) < MOST_AT_ONCE and size < _LARGE:
                last = min(total, position + audience.most)
                text = sockets.announcements.at_once(audience, found, position + 1, last)
                if text is None:
                    return False
                texts.append(text)
                size += len(text)
                position = last
            if not self._outlet.put(texts):
                return False
            self._reached(position)
            self._sent_at = now
            if position < total:
                sockets.wake_soon(self.sid)
                return True
        return not self._is_silent_too_long(found, now)

    def _is_live(self, found: Subscriber) -> bool:
        """Tell whether the Subscription is one that goes on; it need not be asked twice."""
        if self._subscriber() is not found or not counts(found.subscription.status):
            return False
        self._live = found
        return True

    async def _serve(self) -> bool:
        """Send the handshake, what was missed, then what happens, until the Subscription ends."""
        if self._position is None and not await self._greet():
            return False
        while (subscriber := self._subscriber()) is not None:
            if await self._send_next(subscriber):
                self._sent_at = self._sockets.clock.now()
                continue
            if not counts(subscriber.subscription.status):
                await self._say(subscriber, NotificationType.HEARTBEAT, ())
                return False
            if not self._is_silent_too_long(subscriber, self._sockets.clock.now()):
                return True
            await self._say(subscriber, NotificationType.HEARTBEAT, ())
            self._sent_at = self._sockets.clock.now()
        if (deleted := self._shown()) is not None:
            await self._say(deleted, NotificationType.HEARTBEAT, ())
        return False

    async def _greet(self) -> bool:
        """Send the handshake; tell whether there is a Subscription to do it for."""
        subscriber = self._subscriber()
        if subscriber is None:
            return False
        position, errors = self._start(subscriber)
        await self._say(subscriber, NotificationType.HANDSHAKE, errors)
        self._sockets.wrote(self.sid, self._sockets.sent_through(subscriber))
        self._position, self._sent_at = position, self._sockets.clock.now()
        return True

    async def _send_next(self, subscriber: Subscriber) -> bool:
        """Send the next events; tell whether there were any."""
        assert self._position is not None
        if self.again:
            first, last = begin_of(self.again, most_events(subscriber.subscription))
            self.again = without_range(self.again, first, last)
            await self._send_events(subscriber, first, last)
            return True
        total = self._sockets.subscribers.top(subscriber)
        if self._position >= total:
            return False
        last = min(total, self._position + self._told(subscriber).most)
        await self._send_events(subscriber, self._position + 1, last)
        self._reached(last)
        return True

    def _reached(self, number: int) -> None:
        self._sockets.wrote(self.sid, number)
        self._position = number

    def _is_silent_too_long(self, subscriber: Subscriber, now: datetime) -> bool:
        """Tell whether a heartbeat is due; if not yet, it will be looked for in time."""
        period = subscriber.subscription.heartbeat_period
        if period is None or self._sent_at is None:
            return False
        due = self._sent_at + period
        if now >= due:
            return True
        self._sockets.wake_at(self.sid, due)
        return False

    def _shown(self) -> Subscriber | None:
        """Return the Subscription, None once whoever bound it may not know of it any more."""
        found = self._sockets.subscribers.get(self.sid)
        if found is not None and found is not self._seen:
            if not found.belonging.is_shown_to(self._caller):
                return None
            self._seen = found
        return found

    def _subscriber(self) -> Subscriber | None:
        found = self._shown()
        if found is None or found.deleted:
            return None
        return found if found.subscription.channel_type is ChannelType.WEBSOCKET else None

    def _start(self, subscriber: Subscriber) -> tuple[int, tuple[StatusError, ...]]:
        """Return the number after which to start, and what the handshake has to say of it."""
        total = self._sockets.subscribers.top(subscriber)
        lowest = self._sockets.subscribers.lowest(subscriber)
        if self._resume_after is None:
            missed = max(self._sockets.sent_through(subscriber), total - MOST_MISSED)
            return max(missed, lowest - 1), ()
        if self._resume_after >= lowest - 1:
            return min(self._resume_after, total), ()
        text = f"events {self._resume_after + 1} to {lowest - 1} are no longer kept"
        return lowest - 1, (StatusError(None, f"{text}; the lowest number is {lowest}"),)

    def _told(self, subscriber: Subscriber) -> Audience:
        """Return the Subscription as what is told."""
        subscription = subscriber.subscription
        if self._audience is None or self._audience.subscription is not subscription:
            hint = self._sockets.hints.of_answers()
            self._audience = self._sockets.announcements.audience(subscription, hint)
        return self._audience

    async def _send_events(self, subscriber: Subscriber, first: int, last: int) -> None:
        announcements, audience = self._sockets.announcements, self._told(subscriber)
        text = await announcements.of_events(audience, subscriber, first, last)
        if text is not None:
            await self._outlet.send(text)

    async def _say(
        self, subscriber: Subscriber, kind: NotificationType, errors: tuple[StatusError, ...]
    ) -> None:
        sockets, release = self._sockets, subscriber.subscription.release
        total = sockets.subscribers.top(subscriber)
        # Who names a number was greeted before, even where a kill left no trace of it.
        is_greeted = bool(self._resume_after) or sockets.greeted(self.sid)
        if kind is NotificationType.HANDSHAKE and not is_greeted:
            total = handshake_total(subscriber, total)
        notification = build_notification(
            subscriber.subscription,
            kind,
            total=total,
            timestamp=sockets.clock.now(),
            errors=errors,
        )
        text = sockets.codecs[release].encode_payload(notification, sockets.base_url(release))
        await self._outlet.send(text)
