"""The hub's end of a delivery that runs in a process of its own.

It tells that process what is committed, writes what it says of deliveries, and answers when that
is durable.  All that the other needs to know comes over the line, in the order of commits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from hub.engine.delivery import Delivery
from hub.engine.hub import Hub
from hub.engine.intake import MOST_WOKEN_AT_ONCE
from hub.engine.plain_value import settlement_of
from hub.engine.process_line import ProcessLine
from hub.engine.process_talk import (
    Answered,
    Drain,
    Durable,
    Settle,
    Signalled,
    Snapshot,
    Told,
    Woken,
    told_of,
)
from hub.errors import HubError
from hub.ports import WriteBatch

_AT_ONCE = 500
"""Subscriptions told at once at the start, between which others have their turn."""

_ANSWERED: Final = timedelta(milliseconds=5)
"""How long after a commit many are woken: first whoever waits for its answer has it, since then the
other process takes a whole core."""


class DeliveryDesk:
    """Serves one delivery process, from ``serve`` until its line is lost.

    Args:
        hub: whose delivery it is.
        delivery: the one in this process, which tells what both do.
    """

    def __init__(self, hub: Hub, delivery: Delivery) -> None:
        self._hub = hub
        self._delivery = delivery
        self.line = ProcessLine(self._take)
        self._signalling: set[asyncio.Future[bool]] = set()
        self._waking: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Tell what is known, then what is committed, until the line is lost."""
        subscribers, intake = self._hub.subscribers, self._hub.intake
        streams = subscribers.streams()
        counters = {each.id: each.n for each in streams}
        floors = {each.id: each.floor for each in streams if each.floor}
        intake.follow(self)
        try:
            everybody = subscribers.sids()
            for start in range(0, len(everybody), _AT_ONCE):
                found = map(subscribers.get, everybody[start : start + _AT_ONCE])
                some = tuple(each for each in found if each is not None)
                self.line.say(Snapshot(some, counters, floors, is_all=False))
                counters, floors = {}, {}
                await self._hub.clock.sleep_until(self._hub.clock.now())
            self.line.say(Snapshot((), counters, floors, is_all=True))
            await self.line.lost
        finally:
            intake.unfollow(self)
            self._delivery.busy_elsewhere = 0

    def drain(self, deadline: datetime) -> None:
        """Let attempts in flight end until ``deadline``, and the process then."""
        self.line.say(Drain(deadline))

    def committed(self, written: WriteBatch, woken: Collection[int]) -> None:
        """Tell what one commit changed, if delivery needs to know."""
        are_many = len(woken) > MOST_WOKEN_AT_ONCE
        told = told_of(written, () if are_many else woken, with_events=not self.line.is_behind)
        if told is not None:
            self.line.say(told)
        if are_many:
            waking = asyncio.ensure_future(self._wake(tuple(woken)))
            self._waking.add(waking)
            waking.add_done_callback(self._waking.discard)

    async def _wake(self, sids: tuple[int, ...]) -> None:
        clock = self._hub.clock
        await clock.sleep_until(clock.now() + _ANSWERED)
        self.line.say(Woken(sids))

    def _take(self, said: Settle | Signalled | Told) -> None:
        match said:
            case Settle(settlements):
                for number, settlement in settlements:
                    self._hub.intake.settle_then(
                        settlement_of(settlement), partial(self._answer_settled, number)
                    )
            case Signalled(number, sid, generation, signal):
                signalling = asyncio.ensure_future(
                    self._hub.subscriptions.signal(
                        sid,
                        generation,
                        signal,
                        error=said.error,
                        error_code=said.error_code,
                        attempt=said.attempt,
                        delivery=said.delivery,
                    )
                )
                self._signalling.add(signalling)
                signalling.add_done_callback(self._signalling.discard)
                signalling.add_done_callback(partial(self._answer, number))
            case Told(busy, beats):
                self._delivery.busy_elsewhere = busy
                for sid, at in beats:
                    self._delivery.note_beat(sid, at)

    def _answer_settled(self, number: int, failure: Exception | None) -> None:
        if failure is None:
            self.line.gather(Durable, number)
        else:
            self._refuse(number, failure)

    def _answer(self, number: int, done: asyncio.Future[bool]) -> None:
        error = None if done.cancelled() else done.exception()
        if done.cancelled() or error is not None:
            self._refuse(number, error)
        else:
            self.line.say(Answered(number, followed=done.result(), refusal=None))

    def _refuse(self, number: int, error: BaseException | None) -> None:
        words = error.diagnostics if isinstance(error, HubError) else "it was not written"
        self.line.say(Answered(number, followed=False, refusal=words))
