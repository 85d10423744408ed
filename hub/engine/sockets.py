"""Websockets: each bound socket has its own position, order and heartbeat clock.

Written is delivered; there is no acknowledgement.  The highest number that any socket was sent is
kept, lazily, so that a bind without a number sends what nobody was sent yet.

Source: backport IG, "Channels" (websockets); http://hl7.org/fhir/R5/subscriptions.html.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta

from hub.core.client import Client
from hub.core.number_range import NumberRanges, with_range
from hub.core.release import FhirRelease
from hub.core.subscriber import Subscriber
from hub.core.timing import Settled
from hub.engine.announcement import Announcements
from hub.engine.authorization_hint import AuthorizationHints
from hub.engine.binding import Binding
from hub.engine.binding_token import BindingTokens
from hub.engine.classic_socket import ClassicBinding, classic_named
from hub.engine.intake import Intake
from hub.engine.recent_events import RecentEvents
from hub.engine.settlement import Settlement
from hub.engine.socket_binding import Outlet, SocketBinding
from hub.engine.subscribers import Subscribers
from hub.errors import HubError
from hub.ports import Clock, Codec, Listener

REMEMBER_EVERY = timedelta(seconds=1)

MOST_IN_SLICE = 32
"""How many bindings are served before others have a turn.

What is committed in such a turn goes to the rest together with what woke them: the fewer, the more
texts go out in one piece.
"""

log = logging.getLogger(__name__)


class Sockets:
    """All bound sockets."""

    def __init__(
        self,
        events: RecentEvents,
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
        self.subscribers = subscribers
        self.codecs = codecs
        self.tokens = tokens
        self.clock = clock
        self.base_url = base_url
        self.hints = hints
        self.announcements = Announcements(events, codecs, base_url)
        self._intake = intake
        self._listener = listener
        self._bindings: dict[int, set[SocketBinding]] = {}
        self._written: dict[int, int] = {}
        self._due: list[tuple[datetime, int]] = []
        self._planned: dict[int, datetime] = {}
        self._wrote = asyncio.Event()
        self._remembering = asyncio.Lock()

    def session(self, outlet: Outlet) -> Session:
        """Return what serves one socket."""
        return Session(self, outlet)

    @property
    def bound(self) -> int:
        """How many bindings there are."""
        return sum(len(bindings) for bindings in self._bindings.values())

    async def run(self) -> None:
        """Wake bindings, and keep what was sent, until cancelled."""
        await asyncio.gather(self._wake_all(), self._remember_all())

    async def _wake_all(self) -> None:
        while True:
            until = self._due[0][0] if self._due else None
            await self._wake(await self._listener.wait(until))
            await self._wake(self._fallen_due(self.clock.now()))

    async def _remember_all(self) -> None:
        """Keep what was sent from time to time; meanwhile others are sent to."""
        before = self.clock.now()
        while True:
            await self._wrote.wait()
            await self.clock.sleep_until(before + REMEMBER_EVERY)
            self._wrote.clear()
            await self.remember()
            before = self.clock.now()
            if self._written:
                self._wrote.set()

    async def _wake(self, sids: Collection[int]) -> None:
        """Wake bindings in slices: one change can wake thousands, and others have their turn."""
        count, now = 0, self.clock.now()
        for sid in sids:
            for binding in tuple(self._bindings.get(sid, ())):
                binding.wake(now)
                count += 1
                if not count % MOST_IN_SLICE:
                    now = self.clock.now()
                    await self.clock.sleep_until(now)

    def wake_soon(self, sid: int) -> None:
        """Wake the bindings of a Subscription again, after others had their turn."""
        asyncio.get_running_loop().call_soon(self._listener.signal, (sid,))

    def wake_at(self, sid: int, at: datetime) -> None:
        """Wake the bindings of a Subscription when ``at`` has come, or before."""
        planned = self._planned.get(sid)
        if planned is not None and planned <= at:
            return
        self._planned[sid] = at
        heapq.heappush(self._due, (at, sid))
        if self._due[0] == (at, sid):
            self._listener.signal(())

    def _fallen_due(self, now: datetime) -> list[int]:
        """Return the Subscriptions whose bindings are to be woken at ``now``."""
        found = []
        while self._due and self._due[0][0] <= now:
            at, sid = heapq.heappop(self._due)
            if self._planned.get(sid) == at:
                del self._planned[sid]
                found.append(sid)
        return found

    def add(self, binding: SocketBinding) -> None:
        """Let a binding be woken."""
        self._bindings.setdefault(binding.sid, set()).add(binding)

    async def remove(self, binding: SocketBinding) -> None:
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
        bindings, now = self._numbered(sid), self.clock.now()
        for binding in bindings:
            binding.again = with_range(binding.again, first, last)
            binding.wake(now)
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
        written = self._written
        if not written:
            self._wrote.set()
        if number >= written.get(sid, 0):
            written[sid] = number

    async def remember(self) -> None:
        """Keep the highest numbers that were sent; they are known here until that is durable."""
        async with self._remembering:
            now = self.clock.now()
            settlements: list[Settlement] = []
            for sid, number in list(self._written.items()):
                subscriber = self.subscribers.get(sid)
                if subscriber is None:
                    del self._written[sid]
                    continue
                settlements.append(
                    Settlement(
                        sid=sid,
                        generation=subscriber.generation,
                        what=Settled.REACHED,
                        at=now,
                        cursor=number,
                    )
                )
            kept = await asyncio.gather(
                *map(self._intake.settle_soon, settlements), return_exceptions=True
            )
            for settlement, outcome in zip(settlements, kept, strict=True):
                self._settled(settlement, outcome)

    def _settled(self, settlement: Settlement, outcome: bool | BaseException) -> None:
        """Forget what is durable now."""
        if isinstance(outcome, HubError):
            log.warning("what sockets were sent is kept later: %s", outcome.diagnostics)
        elif isinstance(outcome, BaseException):
            raise outcome
        elif self._written[settlement.sid] == settlement.cursor:
            del self._written[settlement.sid]

    def greeted(self, sid: int) -> bool:
        """Tell whether a socket was sent something that is not kept yet."""
        return sid in self._written

    def sent_through(self, subscriber: Subscriber) -> int:
        """Return the highest number that any socket was sent."""
        return max(subscriber.delivery.cursor, self._written.get(subscriber.sid, 0))


class Session:
    """One socket, with any number of bindings."""

    def __init__(self, sockets: Sockets, outlet: Outlet) -> None:
        self._sockets = sockets
        self._outlet = outlet
        self._bindings: dict[int, SocketBinding] = {}
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
            await self._start(Binding(self._sockets, self._outlet, self._ended, sid, grant))

    async def bind_by_id(
        self, releases: Sequence[FhirRelease], id: str, *, caller: Client | None = None
    ) -> None:
        """Bind to a classic Subscription of one of these releases: it gets ``bound``, then pings.

        Raises:
            HubError: there is none that can be bound by its id.
        """
        subscriber = classic_named(self._sockets.subscribers, releases, id, caller)
        await self._start(ClassicBinding(self._sockets, self._outlet, self._ended, subscriber))

    async def close(self) -> None:
        """End all bindings."""
        for sid in list(self._bindings):
            await self._unbind(sid)
        if not self.failed.cancel() and not self.failed.cancelled():
            self.failed.exception()  # Who closes has no use for it, and need not have looked.

    async def _start(self, binding: SocketBinding) -> None:
        await self._unbind(binding.sid)
        self._bindings[binding.sid] = binding
        self._sockets.add(binding)
        binding.wake(self._sockets.clock.now())

    async def _unbind(self, sid: int) -> None:
        binding = self._bindings.pop(sid, None)
        if binding is not None:
            await binding.stop()
            await self._sockets.remove(binding)

    def _ended(self, error: Exception | None) -> None:
        if self.failed.done():
            return
        if error is not None:
            self.failed.set_exception(error)
        elif all(binding.is_over for binding in self._bindings.values()):
            self.failed.set_result(None)
