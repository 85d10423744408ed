"""Following the numbers of one Subscription: events in order, gaps seen, closed and said."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from hub.cli.arrival import Arrival
from hub.cli.event_line import Tape
from hub.cli.exits import CommandError, Exit
from hub.cli.sequence import Sequence, numbers_text

Fetch = Callable[[range], Awaitable[list[Arrival]]]
"""Asks ``$events`` for numbers."""


class Follower:
    """Writes one Subscription's events to a tape.

    Args:
        tape: where events go.
        fetch: gets what is missing; None to leave gaps open.
        sequence: which numbers were seen.

    ``lost`` counts the numbers that stay missing; ``missed_up_to`` is the number up to which what
    arrives was missed when it happened.
    """

    def __init__(self, tape: Tape, fetch: Fetch | None, sequence: Sequence) -> None:
        self.sequence = sequence
        self.lost = 0
        self.missed_up_to = 0
        self._tape = tape
        self._talk = tape.terminal.talk
        self._fetch = fetch

    async def take(self, arrival: Arrival, at: datetime) -> None:
        """Write the events of a notification that arrived ``at``, after what is missing before.

        Raises:
            CommandError: what is missing can't be asked for now; nothing was taken, so the same
                gap is seen again.
        """
        for event in arrival.events:
            await self._close(self.sequence.gap(event.number), event.number, at)
            if self.sequence.take(event.number):
                late = event.number <= self.missed_up_to
                self._tape.write(arrival, event, at, recovered=late)
            else:
                self._talk(f"≡ #{event.number} once more, ignored", "dim")
        if not arrival.events and arrival.type == "heartbeat" and arrival.total is not None:
            await self._close(self.sequence.gap(arrival.total + 1), None, at)

    async def _close(self, gap: range, arrived: int | None, at: datetime) -> None:
        if not gap:
            return
        missing = numbers_text(gap)
        seen = "" if arrived is None else f"#{arrived} arrived, "
        asking = "" if self._fetch is None else "; asking $events"
        self._talk(f"✗ gap: {seen}{missing} missing{asking}", "red")
        if self._fetch is not None:
            await self._recover(self._fetch, gap, at)
        left = self.sequence.gap(gap.stop)
        if left:
            self.lost += len(left)
            self.sequence.take(left.stop - 1)
            if self._fetch is not None:
                self._talk(f"✗ {numbers_text(left)} could not be recovered", "red")
        else:
            self._talk(f"↺ {missing} recovered", "green")

    async def _recover(self, fetch: Fetch, gap: range, at: datetime) -> None:
        try:
            answers = await fetch(gap)
        except CommandError as error:
            if error.code is not Exit.REFUSED:
                raise
            self._talk(f"✗ {error.text}", "red")
            return
        for answer in answers:
            for event in answer.events:
                before = self.sequence.gap(event.number)
                if event.number in gap and self.sequence.take(event.number):
                    self.lost += len(before)
                    self._tape.write(answer, event, at, recovered=True)
