"""Websockets: each bound socket has its own position, order and heartbeat clock.

Written is delivered; there is no acknowledgement.  The highest number that any socket was sent is
kept, lazily, so that a bind without a number sends what nobody was sent yet.

Source: backport IG, "Channels" (websockets); http://hl7.org/fhir/R5/subscriptions.html.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

from hub.core.client import Client
from hub.core.notification import (
    Notification,
    NotificationType,
    StatusError,
    build_notification,
    most_events,
)
from hub.core.number_range import NumberRanges, begin_of, with_range, without_range
from hub.core.release import FhirRelease
from hub.core.subscriber import Subscriber
from hub.core.subscription import ChannelType, counts
from hub.core.timing import Settled
from hub.engine.authorization_hint import AuthorizationHints
from hub.engine.binding_token import BindingTokens, Grant
from hub.engine.classic_socket import ClassicBinding, classic_named
from hub.engine.intake import Intake
from hub.engine.numbered_events import read_events
from hub.engine.settlement import Settlement
from hub.engine.status_error import handshake_total
from hub.engine.subscribers import Subscribers
from hub.errors import HubError
from hub.ports import Clock, Codec, Listener, Store

MOST_MISSED = 1000
"""How many events that nobody was sent yet a bind without a number sends."""

REMEMBER_EVERY = timedelta(seconds=1)

log = logging.getLogger(__name__)

Send = Callable[[str], Awaitable[None]]


class Sockets:
    """All bound sockets."""

    def __init__(
        self,
        store: Store,
        intake: Intake,
        subscribers: Subscribers,
        codecs: Mapping[FhirRelease, Codec],
        tokens: BindingTokens,
        *,
        clock: Clock,
        listener: Listener,
        base_url: Callable[[FhirRelease], str],
        hints: AuthorizationHints,
    ) -> None:
        self.store = store
        self.subscribers = subscribers
        self.codecs = codecs
        self.tokens = tokens
        self.clock = clock
        self.base_url = base_url
        self.hints = hints
        self._intake = intake
        self._listener = listener
        self._bindings: dict[int, set[Binding | ClassicBinding]] = {}
        self._written: dict[int, int] = {}
        self._remembering = asyncio.Lock()

    def session(self, send: Send) -> Session:
        """Return what serves one socket; ``send`` raises when the socket is gone or too slow."""
        return Session(self, send)

    @property
    def bound(self) -> int:
        """How many bindings there are."""
        return sum(len(bindings) for bindings in self._bindings.values())

    async def run(self) -> None:
        """Wake bindings, and keep what was sent, until cancelled."""
        remember = self.clock.now() + REMEMBER_EVERY
        while True:
            until = remember if self._written else None
            for sid in await self._listener.wait(until):
                for binding in self._bindings.get(sid, ()):
                    binding.wake()
            now = self.clock.now()
            if self._written and now >= remember:
                await self.remember()
                remember = now + REMEMBER_EVERY

    def add(self, binding: Binding | ClassicBinding) -> None:
        """Let a binding be woken."""
        self._bindings.setdefault(binding.sid, set()).add(binding)

    async def remove(self, binding: Binding | ClassicBinding) -> None:
        """Forget a binding, and keep what it was sent."""
        self._bindings.get(binding.sid, set()).discard(binding)
        if not self._bindings.get(binding.sid):
            self._bindings.pop(binding.sid, None)
            await self.remember()

    def bound_to(self, sid: int) -> int:
        """Return how many sockets are bound to a Subscription."""
        return len(self._numbered(sid))

    def attached_to(self, sid: int) -> int:
        """Return how many sockets are bound to a Subscription, also those by its id."""
        return len(self._bindings.get(sid, ()))

    def _numbered(self, sid: int) -> list[Binding]:
        """Return the bindings that are sent numbers, as those by id are not."""
        return [each for each in self._bindings.get(sid, ()) if isinstance(each, Binding)]

    def resend(self, sid: int, first: int, last: int) -> int:
        """Let every bound socket be sent events once more; return how many sockets there are."""
        bindings = self._numbered(sid)
        for binding in bindings:
            binding.again = with_range(binding.again, first, last)
            binding.wake()
        return len(bindings)

    def to_resend(self, sid: int) -> NumberRanges:
        """Return what any bound socket is still to be sent once more."""
        found: NumberRanges = ()
        for binding in self._numbered(sid):
            for first, last in binding.again:
                found = with_range(found, first, last)
        return found

    def wrote(self, sid: int, number: int) -> None:
        """Note the highest number that a socket was sent."""
        if not self._written:
            self._listener.signal(())
        self._written[sid] = max(number, self._written.get(sid, 0))

    async def remember(self) -> None:
        """Keep the highest numbers that were sent; they are known here until that is durable."""
        async with self._remembering:
            written = dict(self._written)
            await asyncio.gather(*(self._keep(sid, number) for sid, number in written.items()))

    async def _keep(self, sid: int, number: int) -> None:
        subscriber = self.subscribers.get(sid)
        if subscriber is None:
            del self._written[sid]
            return
        settlement = Settlement(
            sid=sid,
            generation=subscriber.generation,
            what=Settled.REACHED,
            at=self.clock.now(),
            cursor=number,
        )
        try:
            await self._intake.settle(settlement)
        except HubError as error:
            log.warning("what sockets were sent is kept later: %s", error.diagnostics)
            return
        if self._written[sid] == number:
            del self._written[sid]

    def greeted(self, sid: int) -> bool:
        """Tell whether a socket was sent something that is not kept yet."""
        return sid in self._written

    def sent_through(self, subscriber: Subscriber) -> int:
        """Return the highest number that any socket was sent."""
        return max(subscriber.delivery.cursor, self._written.get(subscriber.sid, 0))


class Session:
    """One socket, with any number of bindings."""

    def __init__(self, sockets: Sockets, send: Send) -> None:
        self._sockets = sockets
        self._send = send
        self._bindings: dict[int, tuple[Binding | ClassicBinding, asyncio.Task[None]]] = {}
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done, with an exception, when a binding could not write or read any more."""

    async def bind(self, token: str) -> None:
        """Bind to all Subscriptions of a token: each gets its handshake, then its events.

        Binding again starts anew, with a new handshake.

        Raises:
            NotFound: the token is unknown or has expired.
        """
        grant = self._sockets.tokens.redeem(token)
        for sid in grant.sids:
            await self._start(Binding(self._sockets, self._send, sid, grant))

    async def bind_by_id(
        self, releases: Sequence[FhirRelease], id: str, *, caller: Client | None = None
    ) -> None:
        """Bind to a classic Subscription of one of these releases: it gets ``bound``, then pings.

        Raises:
            HubError: there is none that can be bound by its id.
        """
        subscriber = classic_named(self._sockets.subscribers, releases, id, caller)
        await self._start(ClassicBinding(self._sockets, self._send, subscriber))

    async def close(self) -> None:
        """End all bindings."""
        for sid in list(self._bindings):
            await self._unbind(sid)
        self.failed.cancel()

    async def _start(self, binding: Binding | ClassicBinding) -> None:
        await self._unbind(binding.sid)
        task = asyncio.create_task(binding.run())
        self._bindings[binding.sid] = binding, task
        self._sockets.add(binding)
        task.add_done_callback(self._ended)

    async def _unbind(self, sid: int) -> None:
        bound = self._bindings.pop(sid, None)
        if bound is None:
            return
        binding, task = bound
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await self._sockets.remove(binding)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled() or self.failed.done():
            return
        error = task.exception()
        if error is not None:
            self.failed.set_exception(error)
        elif all(task.done() for _, task in self._bindings.values()):
            self.failed.set_result(None)


class Binding:
    """One Subscription on one socket."""

    def __init__(self, sockets: Sockets, send: Send, sid: int, grant: Grant) -> None:
        self.sid = sid
        self._sockets = sockets
        self._send = send
        self._caller = grant.caller
        self._resume_after = grant.resume_after
        self._woken = asyncio.Event()
        self.again: NumberRanges = ()
        """The numbers to send once more, before any that was never sent."""

    def wake(self) -> None:
        """Say that there may be something to send."""
        self._woken.set()

    async def run(self) -> None:
        """Send the handshake, what was missed, then what happens, until the Subscription ends."""
        subscriber = self._subscriber()
        if subscriber is None:
            return
        position, errors = self._start(subscriber)
        await self._say(subscriber, NotificationType.HANDSHAKE, errors)
        self._sockets.wrote(self.sid, self._sockets.sent_through(subscriber))
        sent = self._sockets.clock.now()
        while (subscriber := self._subscriber()) is not None:
            self._woken.clear()
            total = self._sockets.subscribers.top(subscriber)
            if self.again:
                first, last = begin_of(self.again, most_events(subscriber.subscription))
                self.again = without_range(self.again, first, last)
                await self._send_events(subscriber, first, last, total)
                sent = self._sockets.clock.now()
                continue
            if position < total:
                last = min(total, position + most_events(subscriber.subscription))
                await self._send_events(subscriber, position + 1, last, total)
                self._sockets.wrote(self.sid, last)
                position = last
                sent = self._sockets.clock.now()
                continue
            if not counts(subscriber.subscription.status):
                await self._say(subscriber, NotificationType.HEARTBEAT, ())
                return
            period = subscriber.subscription.heartbeat_period
            if period is not None and self._sockets.clock.now() >= sent + period:
                await self._say(subscriber, NotificationType.HEARTBEAT, ())
                sent = self._sockets.clock.now()
                continue
            await self._wait(sent + period if period else None)
        if (deleted := self._shown()) is not None:
            await self._say(deleted, NotificationType.HEARTBEAT, ())

    def _shown(self) -> Subscriber | None:
        """Return the Subscription, None once whoever bound it may not know of it any more."""
        found = self._sockets.subscribers.get(self.sid)
        return None if found is None or not found.belonging.is_shown_to(self._caller) else found

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

    async def _send_events(self, subscriber: Subscriber, first: int, last: int, total: int) -> None:
        events = await self._sockets.store.read(
            lambda reader: read_events(reader, subscriber, first, last)
        )
        if events:
            notification = build_notification(
                subscriber.subscription,
                NotificationType.EVENT_NOTIFICATION,
                total=total,
                timestamp=events[-1].timestamp,
                events=events,
                hint=self._sockets.hints.of_answers(),
            )
            await self._write(notification)

    async def _say(
        self, subscriber: Subscriber, kind: NotificationType, errors: tuple[StatusError, ...]
    ) -> None:
        total = self._sockets.subscribers.top(subscriber)
        # Who names a number was greeted before, even where a kill left no trace of it.
        is_greeted = bool(self._resume_after) or self._sockets.greeted(self.sid)
        if kind is NotificationType.HANDSHAKE and not is_greeted:
            total = handshake_total(subscriber, total)
        await self._write(
            build_notification(
                subscriber.subscription,
                kind,
                total=total,
                timestamp=self._sockets.clock.now(),
                errors=errors,
            )
        )

    async def _write(self, notification: Notification) -> None:
        release = notification.release
        base_url = self._sockets.base_url(release)
        text = self._sockets.codecs[release].encode_payload(notification, base_url)
        await self._send(text.decode())

    async def _wait(self, until: datetime | None) -> None:
        """Return when woken, or when ``until`` has come."""
        if until is None:
            await self._woken.wait()
            return
        timer = asyncio.ensure_future(self._sockets.clock.sleep_until(until))
        woken = asyncio.ensure_future(self._woken.wait())
        try:
            await asyncio.wait({timer, woken}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (timer, woken):
                task.cancel()
            # Awaiting each alone could swallow a cancellation of this very binding.
            await asyncio.gather(timer, woken, return_exceptions=True)
