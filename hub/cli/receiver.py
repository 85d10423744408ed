"""``fhir-hub receiver``: a local endpoint that prints what arrives, sees gaps, and can fail."""

from __future__ import annotations

import argparse
import os

from hub.cli.arrival import CLASSIC, Arrival
from hub.cli.client import HubClient, read_bearer
from hub.cli.endpoint import Endpoint, Faults, Received, Reply
from hub.cli.event_line import Tape
from hub.cli.exits import CommandError, Exit
from hub.cli.follower import Follower
from hub.cli.running import run_async
from hub.cli.sequence import Sequence
from hub.cli.terminal import Terminal, clock_time, printable
from hub.clock import SystemClock
from hub.core.release import FhirRelease


def run(arguments: argparse.Namespace) -> int:
    """Listen until ``--count`` events were printed, or somebody stops it."""
    return run_async(receive(arguments, Terminal.standard(os.environ, plain=arguments.plain)))


async def receive(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Listen and return the exit code; see ``run``."""
    clock = SystemClock()
    faults = Faults(
        fail=arguments.fail or 0.0,
        fail_first=arguments.fail_first or 0,
        lose=arguments.lose,
        hang=arguments.hang,
    )
    release = FhirRelease(arguments.release.upper())
    async with (
        HubClient(arguments.url, release, clock, token=read_bearer(arguments)) as client,
        Endpoint(clock, faults.reply, arguments.delay) as endpoint,
    ):
        try:
            await endpoint.start(arguments.port)
        except OSError as error:
            place = f"127.0.0.1:{arguments.port}"
            raise CommandError(Exit.FAILED, f"can't listen on {place}: {error.strerror}") from None
        terminal.talk(f"● listening: {endpoint.url}  (^C to quit)", "green")
        tape = Tape(terminal, arguments.format == "json", arguments.count)
        receiver = Receiver(tape, client if arguments.recover else None)
        while not tape.full:
            await receiver.take(await endpoint.received.get())
        return Exit.GAP if receiver.lost else Exit.OK


class Receiver:
    """Writes what arrives, for any number of Subscriptions.

    Args:
        tape: where events go.
        client: to fetch what is missing with; None to leave gaps open.
    """

    def __init__(self, tape: Tape, client: HubClient | None) -> None:
        self._tape = tape
        self._client = client
        self._followers: dict[str, Follower] = {}
        self._totals: dict[str, int] = {}

    @property
    def lost(self) -> int:
        """How many numbers stay missing."""
        return sum(follower.lost for follower in self._followers.values())

    async def take(self, received: Received) -> None:
        """Write one notification."""
        arrival, terminal = received.arrival, self._tape.terminal
        name, what = printable(arrival.subscription_name), arrival.numbers
        if arrival.type == CLASSIC:
            name, what = "a classic Subscription", "a call"
        at = clock_time(received.at)
        for error in arrival.errors:
            terminal.talk(f"! the hub says: {printable(error)}", "yellow")
        if received.reply is not Reply.ACCEPT:
            terminal.talk(f"{at}  ✗ {what} of {name} answered {received.reply}", "red")
            return
        if arrival.type == CLASSIC:
            for event in arrival.events:
                self._tape.write(arrival, event, received.at, recovered=False)
            return
        if not arrival.events:
            total = "" if arrival.total is None else f", {arrival.total} events so far"
            terminal.talk(f"{at}  ● {arrival.type} of {name}, {arrival.status}{total}", "dim")
        follower = self._follower(arrival)
        try:
            await follower.take(arrival, received.at)
        except CommandError as error:
            terminal.talk(f"✗ {error.text}", "red")

    def _follower(self, arrival: Arrival) -> Follower:
        reference = arrival.subscription
        if reference not in self._followers:
            client = self._client

            async def fetch(numbers: range) -> list[Arrival]:
                # What a notification names is only a hint: ask nobody but the hub of --url.
                if client is None or not reference.startswith(f"{client.url}/"):
                    raise CommandError(
                        Exit.REFUSED, f"{printable(reference)} is not on the hub of --url"
                    )
                return await client.events(reference, numbers.start, numbers.stop - 1)

            start = None if arrival.events else arrival.total
            if start is not None:
                self._totals[reference] = start
            self._followers[reference] = Follower(
                self._tape, fetch if client is not None else None, Sequence(start)
            )
        follower = self._followers[reference]
        if arrival.events:
            total, first = self._totals.pop(reference, 0), arrival.events[0].number
            if first <= total:  # the total counted a backlog, and here it comes
                follower.sequence = Sequence(first - 1)
        return follower
