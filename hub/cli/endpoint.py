"""A rest-hook endpoint on this machine that can misbehave on demand.

Faults are for event notifications; handshakes and heartbeats are always answered well, so that a
Subscription can become active.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Self

from aiohttp import web

from hub.cli.arrival import Arrival, NotANotification, classic_arrival, read_arrival
from hub.cli.payload import read_payload
from hub.ports import Clock

_LARGEST_BODY = 64 * 1024**2


class Reply(StrEnum):
    """What the endpoint does with a notification."""

    ACCEPT = "200"
    FAIL = "503"
    LOSE = "200, then lost"
    HANG = "no answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What goes wrong, decided by counting only.

    ``fail`` is the part of requests that get 503, spread evenly; ``fail_first`` the first so many;
    ``lose`` are event numbers that are answered with 200 and then forgotten; ``delay`` comes
    before each answer.
    """

    fail: float = 0.0
    fail_first: int = 0
    lose: frozenset[int] = frozenset()
    hang: bool = False
    delay: timedelta = timedelta(0)

    def reply(self, ordinal: int, arrival: Arrival) -> Reply:
        """Return what to do with the ``ordinal``-th event notification (from 1)."""
        if self.hang:
            return Reply.HANG
        if ordinal <= self.fail_first or int(ordinal * self.fail) > int((ordinal - 1) * self.fail):
            return Reply.FAIL
        if any(event.number in self.lose for event in arrival.events):
            return Reply.LOSE
        return Reply.ACCEPT


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request as it came: when, what, and how it was answered."""

    at: datetime
    arrival: Arrival
    body: bytes = field(repr=False)
    reply: Reply


class Endpoint:
    """An HTTP server on 127.0.0.1 that takes notifications.

    Args:
        clock: tells when something arrived, and waits for ``delay``.
        decide: what to do with the n-th event notification.
        delay: before each answer to an event notification.
        heard: called with each request, in place of keeping it in ``received``.
    """

    def __init__(
        self,
        clock: Clock,
        decide: Callable[[int, Arrival], Reply],
        delay: timedelta = timedelta(0),
        heard: Callable[[Received], None] | None = None,
    ) -> None:
        self.received: asyncio.Queue[Received] = asyncio.Queue()
        self.url = ""
        self._heard = heard or self.received.put_nowait
        self._clock = clock
        self._decide = decide
        self._delay = delay
        self._ordinal = 0
        self._closing = asyncio.Event()
        application = web.Application(client_max_size=_LARGEST_BODY)
        application.router.add_post("/{path:.*}", self._handle)
        application.router.add_put("/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)

    async def start(self, port: int = 0) -> None:
        """Listen on ``port``, any free one for 0, and set ``url``.

        Raises:
            OSError: the port is taken.
        """
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        bound = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{bound}/notify"

    async def stop(self) -> None:
        """Stop listening; requests that hang are dropped."""
        self._closing.set()
        await self._runner.cleanup()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        now = self._clock.now()
        try:
            arrival = _read(request, body)
        except (ValueError, NotANotification) as error:
            return web.Response(status=400, text=f"no notification: {error}\n")
        reply = Reply.ACCEPT
        if arrival.events:
            self._ordinal += 1
            reply = self._decide(self._ordinal, arrival)
            await self._clock.sleep_until(now + self._delay)
        self._heard(Received(at=now, arrival=arrival, body=body, reply=reply))
        if reply is Reply.HANG:
            await self._closing.wait()
        return web.Response(status=503 if reply in (Reply.FAIL, Reply.HANG) else 200)


def _read(request: web.Request, body: bytes) -> Arrival:
    """Read a notification, or what a classic Subscription sends: a resource by PUT, or nothing."""
    if request.method == "PUT":
        return classic_arrival(request.path, read_payload(body))
    return read_arrival(read_payload(body)) if body else classic_arrival(request.path, None)
