"""``fhir-hub watch``: notifications as they come, over the hub's own websocket.

It makes a Subscription of its own and deletes it at the end, or follows one that exists.  It
watches the numbers: what is missing is fetched with ``$events``, and when the hub was away it binds
again and resumes after the last number seen.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from datetime import timedelta

from hub.cli.arrival import Arrival
from hub.cli.client import HubClient, SocketLost, read_bearer
from hub.cli.event_line import Tape
from hub.cli.exits import CommandError, Exit
from hub.cli.follower import Follower
from hub.cli.request import bare_name, canonical, subscription_resource
from hub.cli.running import run_async
from hub.cli.sequence import Sequence, numbers_text
from hub.cli.terminal import Terminal, milliseconds, printable
from hub.clock import SystemClock
from hub.core.release import FhirRelease
from hub.core.subscription import ChannelType, PayloadContent
from hub.ports import Clock

FIRST_BACKOFF = timedelta(milliseconds=250)
LONGEST_BACKOFF = timedelta(seconds=5)


def run(arguments: argparse.Namespace) -> int:
    """Watch until the count is reached, nothing came in time, or somebody stops it."""
    if arguments.first is not None and arguments.subscription is None:
        raise CommandError(Exit.USAGE, "--from needs --subscription: a new one has no past")
    return run_async(watch(arguments, Terminal.standard(os.environ, plain=arguments.plain)))


async def watch(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Watch and return the exit code; see ``run``."""
    clock = SystemClock()
    release = FhirRelease(arguments.release.upper())
    async with HubClient(arguments.url, release, clock, token=read_bearer(arguments)) as client:
        watching = Watch(client, arguments, terminal, clock)
        try:
            async with asyncio.timeout(None) as silence:
                await watching.follow(silence)
        except TimeoutError:
            waited = milliseconds(arguments.wait.total_seconds() * 1000)
            terminal.talk(f"nothing arrived for {waited}", "yellow")
            return Exit.NOTHING_ARRIVED
        finally:
            await watching.leave()
        return Exit.GAP if watching.lost else Exit.OK


class Watch:
    """One run of the command."""

    def __init__(
        self, client: HubClient, arguments: argparse.Namespace, terminal: Terminal, clock: Clock
    ) -> None:
        self._client = client
        self._arguments = arguments
        self._terminal = terminal
        self._clock = clock
        self._silence: asyncio.Timeout | None = None
        self._id: str | None = arguments.subscription
        self._mine = arguments.subscription is None
        self._resuming = arguments.first is not None
        self._bound = False
        self._tape = Tape(terminal, arguments.format == "json", arguments.count, self._heard)
        before = None if arguments.first is None else arguments.first - 1
        self._follower = Follower(self._tape, self._fetch, Sequence(before))

    @property
    def lost(self) -> int:
        """How many numbers could not be recovered."""
        return self._follower.lost

    async def follow(self, silence: asyncio.Timeout) -> None:
        """Bind and write, again and again, until ``--count`` is reached.

        Args:
            silence: moved on with each event by ``--wait``.

        Raises:
            CommandError: the hub refuses, or could not be reached the first time.
        """
        self._silence = silence
        self._heard()
        ever_bound = False
        backoff = FIRST_BACKOFF
        while not self._tape.full:
            try:
                await self._session()
            except (SocketLost, CommandError) as error:
                ever_bound = ever_bound or self._bound
                if not ever_bound or not self._may_pass(error):
                    raise _as_command_error(error) from None
                if self._bound:
                    self._terminal.talk("◌ the hub is gone; trying again", "yellow")
                    self._bound, self._resuming, backoff = False, True, FIRST_BACKOFF
                await self._clock.sleep_until(self._clock.now() + backoff)
                backoff = min(backoff * 2, LONGEST_BACKOFF)

    async def leave(self) -> None:
        """Delete the Subscription if this run made it."""
        if self._mine and self._id is not None:
            try:
                await self._client.expect("DELETE", f"Subscription/{self._id}")
            except CommandError as error:
                self._terminal.talk(f"Subscription/{self._id} may stay on the hub: {error.text}")

    def _heard(self) -> None:
        if self._silence is not None and self._arguments.wait is not None:
            now = asyncio.get_running_loop().time()
            self._silence.reschedule(now + self._arguments.wait.total_seconds())

    def _may_pass(self, error: SocketLost | CommandError) -> bool:
        """Tell whether trying again may help; a Subscription of our own may be made anew."""
        if isinstance(error, SocketLost) or error.code in (Exit.UNREACHABLE, Exit.SERVER_ERROR):
            return True
        if self._mine and self._id is not None:
            self._terminal.talk(f"! Subscription/{self._id} is gone; making a new one", "red")
            self._id = None
            return True
        return False

    async def _fetch(self, numbers: range) -> list[Arrival]:
        return await self._client.events(
            f"Subscription/{self._id}", numbers.start, numbers.stop - 1
        )

    async def _session(self) -> None:
        if self._id is None:
            self._id = await self._create()
            self._follower.sequence = Sequence(0)
            self._resuming = False
        resume_after = self._follower.sequence.last if self._resuming else None
        async with self._client.listen(self._id, resume_after=resume_after) as arrivals:
            async for arrival in arrivals:
                if arrival.subscription_id == self._id:
                    await self._take(arrival)
                if self._tape.full:
                    return

    async def _create(self) -> str:
        resource = subscription_resource(
            self._client.release,
            reason=f"fhir-hub watch: {bare_name(self._arguments.topic)}",
            topic=self._arguments.topic,
            channel=ChannelType.WEBSOCKET,
            content=PayloadContent(self._arguments.content),
            filters=self._arguments.filter,
        )
        return (await self._client.expect("POST", "Subscription", resource)).created_id

    async def _take(self, arrival: Arrival) -> None:
        for error in arrival.errors:
            self._terminal.talk(f"! the hub says: {printable(error)}", "yellow")
        if arrival.type == "handshake":
            self._greet(arrival)
        await self._follower.take(arrival, self._clock.now())

    def _greet(self, arrival: Arrival) -> None:
        total, last = arrival.total or 0, self._follower.sequence.last
        place = f"Subscription/{self._id} at {self._client.base}"
        if not self._resuming:
            topic = printable(bare_name(arrival.topic or canonical(self._arguments.topic)))
            self._terminal.talk(f"● watching {topic}: {place}  (^C to quit)", "green")
        elif last is not None and total < last:
            self._terminal.talk(f"! the numbers of {place} begin anew", "red")
            self._follower.sequence = Sequence(total)
        elif last is not None and total > last:
            missed = numbers_text(range(last + 1, total + 1))
            self._terminal.talk(f"● bound to {place}: {missed} missed, resumed", "green")
            self._follower.missed_up_to = total
        else:
            self._terminal.talk(f"● bound to {place}: nothing was missed", "green")
        self._bound = True


def _as_command_error(error: SocketLost | CommandError) -> CommandError:
    if isinstance(error, CommandError):
        return error
    return CommandError(Exit.UNREACHABLE, f"the websocket can't be bound: {error}")
