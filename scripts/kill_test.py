"""Kills a hub under load again and again, and checks that every promise was kept.

    scripts/kill-test --kills 100 [--seed 1] [--keep]

Clients write Tasks in R4 and R5; Subscriptions deliver them to endpoints that are healthy, slow,
busy now and then, or lose answers; two Subscriptions change their filters.  The hub is killed
(SIGKILL) at random moments and restarted on the same database.  In the end everything must be
there: each acknowledged change stored, with its events; each number 1, 2, 3, ... delivered, in
order, always with the same event.

The last line is ``kills N, changes M, lost 0, gaps 0, reused 0, out of order 0, duplicates D``;
the exit code is 0 only if the four are 0.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random  # noqa: TID251  # drawn from the seed of the command line
import shutil
import signal
import sqlite3
import sys
import tempfile
import traceback
from bisect import bisect_left
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.kill_check import (
    Acknowledged,
    Event,
    Findings,
    Version,
    check_events,
    check_numbers,
    check_store,
    events_of,
)
from tests.support.processes import (
    LOCAL,
    HubProcess,
    Nursery,
    free_port,
    pause,
    session,
    start_hub,
    until,
)
from tests.support.subscribed import Subscribed, dropping, flaky, owner_of, slow
from tests.support.writers import FHIR_JSON, Told, Writer

OWNERS = tuple(f"Organization/lab-{number}" for number in range(1, 6))
RELEASES = ("r4", "r5")
WRITERS = 4
"""Per release."""

KILLED_EARLY = 0.15
"""How often a hub is killed while it starts; such kills are not counted."""

DRAIN_SECONDS = 90.0
MOST_WORDS = 40


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="scripts/kill-test", description="Kill a hub under load and check what is left."
    )
    parser.add_argument("--kills", type=int, default=10, metavar="N", help="how often (10)")
    parser.add_argument("--seed", type=int, metavar="S", help="repeats the draws of a run")
    parser.add_argument("--keep", action="store_true", help="keep the database, and say where")
    parser.add_argument(
        "--fresh", action="store_true", help="start every hub by exec, not by fork: slower"
    )
    parser.add_argument(
        "--processes", choices=("1", "2", "3"), help="of each hub (what serve does by itself)"
    )
    arguments = parser.parse_args(argv)
    if arguments.kills < 0:
        parser.error("--kills must be 0 or more")
    return arguments


class KillRun:
    """One run, from an empty database to the verdict."""

    def __init__(
        self, folder: Path, kills: int, luck: random.Random, options: Sequence[str] = ()
    ) -> None:
        self.folder = folder
        self.options = (*LOCAL, *options)
        self.kills = kills
        self.luck = luck
        self.port = free_port()
        self.told = Told()
        self.findings = Findings()
        self.subscribed = _subscribed(luck)
        self._up = asyncio.Event()
        self._stopping = asyncio.Event()
        self._nursery: Nursery | None = None

    async def run(self, *, fresh: bool) -> None:
        """Load, kill, drain and check; ``findings`` has the verdict."""
        async with AsyncExitStack() as stack:
            for each in self.subscribed:
                await stack.enter_async_context(each.endpoint)
            client = await stack.enter_async_context(session())
            if not fresh and sys.platform == "linux":
                self._nursery = await stack.enter_async_context(Nursery())
            hub = await self._start(by_exec=True)
            try:
                for each in self.subscribed:
                    await self._put(client, each)
                async with self._load(client):
                    for number in range(1, self.kills + 1):
                        hub = await self._kill(hub, client, number)
                await self._drain(client)
                await self._check(client)
                if (code := await hub.terminate()) != 0:
                    self.findings.add("lost", f"the hub ended with {code}: {hub.said()[-2000:]}")
            finally:
                await hub.kill()
        self._check_file()

    @asynccontextmanager
    async def _load(self, client: aiohttp.ClientSession) -> AsyncIterator[None]:
        self._up.set()
        writers = [
            Writer(
                name=f"{release}-{number}",
                release=release,
                base=self._base(release),
                client=client,
                owners=OWNERS,
                luck=random.Random(self.luck.random()),  # noqa: S311  # a load is no secret
                told=self.told,
                up=self._up,
                stopping=self._stopping,
            )
            for release in RELEASES
            for number in range(WRITERS)
        ]
        async with asyncio.TaskGroup() as group:
            for writer in writers:
                group.create_task(writer.run())
            yield
            await pause(self.luck.uniform(0.05, 0.3))
            self._stopping.set()
            self._up.set()

    async def _kill(
        self, hub: HubProcess, client: aiohttp.ClientSession, number: int
    ) -> HubProcess:
        """Kill the hub at a random moment, start it again, and return the new one."""
        await pause(self.luck.uniform(0.02, 0.5))
        moving: asyncio.Task[None] | None = None
        if number % 4 == 0:
            roaming = self.luck.choice([each for each in self.subscribed if "roaming" in each.id])
            roaming.owner = self.luck.choice(OWNERS)
            moving = asyncio.create_task(self._put(client, roaming))
            await pause(self.luck.uniform(0.0, 0.02))
        hub.send(signal.SIGKILL)
        self._up.clear()
        await hub.ended()
        if moving is not None:
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                await moving
        hub = await self._start(by_exec=number == self.kills)
        self._up.set()
        if number % 10 == 0 or number == self.kills:
            done = len(self.told.acknowledged)
            lost = self.told.unknown
            print(f"{number} kills, {done} changes, {lost} answers lost", file=sys.stderr)
        return hub

    async def _start(self, *, by_exec: bool) -> HubProcess:
        """Start the hub; now and then it is killed once more while it starts."""
        while self.luck.random() < KILLED_EARLY:
            early = await self._launch(by_exec=False)
            await pause(self.luck.uniform(0.0, 0.5))
            await early.kill()
        hub = await self._launch(by_exec=by_exec)
        try:
            return await hub.ready()
        except BaseException:
            await hub.kill()
            raise

    async def _launch(self, *, by_exec: bool) -> HubProcess:
        if self._nursery is None or by_exec:
            return await start_hub(self.folder, *self.options, port=self.port)
        return await self._nursery.start(self.folder, *self.options, port=self.port)

    async def _put(self, client: aiohttp.ClientSession, each: Subscribed) -> None:
        url = f"{self._base(each.release)}/Subscription/{each.id}"
        status = "requested" if self.luck.random() < 0.5 else "active"
        body = each.resource(status=status)
        async with client.put(url, json=body, headers=FHIR_JSON) as answer:
            text = await answer.text()
            if answer.status not in (200, 201):
                self.told.unexpected.append(f"PUT {each.name}: {answer.status} {text}"[:500])
                return
            version = int(answer.headers["ETag"].removeprefix('W/"').removesuffix('"'))
            self.told.acknowledged.append(
                Acknowledged(f"{each.name}", version, f"{each.release}/{each.owner}")
            )

    async def _drain(self, client: aiohttp.ClientSession) -> None:
        """Wait until each endpoint has all of its Subscription's numbers."""
        try:
            async with asyncio.timeout(DRAIN_SECONDS):
                for each in self.subscribed:
                    await until(partial(self._active, client, each), every=0.1)
                    await each.complete(await self._top(client, each))
        except TimeoutError:
            for each in self.subscribed:
                if missing := each.missing(await self._top(client, each)):
                    text = f"{each.name}: {missing} events not delivered in {DRAIN_SECONDS} s"
                    self.findings.words.append(text)

    async def _active(self, client: aiohttp.ClientSession, each: Subscribed) -> bool:
        found = await self._get(client, f"{self._base(each.release)}/Subscription/{each.id}")
        return bool(found["status"] == "active")

    async def _top(self, client: aiohttp.ClientSession, each: Subscribed) -> int:
        url = f"{self._base(each.release)}/Subscription/{each.id}/$status"
        status = (await self._get(client, url))["entry"][0]["resource"]
        if "parameter" not in status:
            return int(status["eventsSinceSubscriptionStart"])
        values = {one["name"]: one for one in status["parameter"]}
        return int(values["events-since-subscription-start"]["valueString"])

    async def _check(self, client: aiohttp.ClientSession) -> None:
        """Compare what was told and received with what the hub has."""
        versions: list[Version] = []
        for release in RELEASES:
            tasks = await self._history(client, release, "Task")
            versions += tasks
            for each in self.subscribed:
                if each.release != release:
                    continue
                states = await self._history(client, release, f"Subscription/{each.id}")
                versions += states
                events = await self._events(client, each)
                check_numbers(self.findings, each.name, events, each.received, each.declined)
                check_events(self.findings, each.name, events, _about(tasks, states))
        check_store(
            self.findings, versions, self.told.acknowledged, self.told.units, self.told.refused
        )

    async def _history(
        self, client: aiohttp.ClientSession, release: str, what: str
    ) -> list[Version]:
        """Return all versions, oldest first; a deletion has the owner of what was deleted."""
        entries = await self._pages(client, f"{self._base(release)}/{what}/_history?_count=1000")
        owners: dict[str, str] = {}
        versions = []
        for entry in reversed(entries):
            reference = "/".join(entry["fullUrl"].split("/")[-2:])
            resource = entry.get("resource")
            marker = None
            if resource is not None:
                is_task = resource["resourceType"] == "Task"
                owner = resource["owner"]["reference"] if is_task else owner_of(resource)
                owners[reference] = owner
                marker = f"{release}/{resource['description'] if is_task else owner}"
            version = int(entry["response"]["etag"].removeprefix('W/"').removesuffix('"'))
            timestamp = entry["response"]["lastModified"]
            name = f"{release}/{reference}"
            versions.append(Version(name, version, marker, timestamp, owners[reference]))
        return versions

    async def _events(self, client: aiohttp.ClientSession, each: Subscribed) -> list[Event]:
        url: str | None = (
            f"{self._base(each.release)}/Subscription/{each.id}/$events?eventsSinceNumber=1"
        )
        events: list[Event] = []
        while url is not None:
            page = await self._get(client, url)
            events += events_of(page)
            url = _next(page)
        return events

    async def _pages(self, client: aiohttp.ClientSession, url: str | None) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = []
        while url is not None:
            page = await self._get(client, url)
            entries += page.get("entry", [])
            url = _next(page)
        return entries

    async def _get(self, client: aiohttp.ClientSession, url: str) -> dict[str, Any]:
        async with client.get(url) as answer:
            text = await answer.text()
            assert answer.status == 200, f"GET {url}: {answer.status} {text[:500]}"
            found: dict[str, Any] = await answer.json(content_type=None)
            return found

    def _base(self, release: str) -> str:
        return f"http://127.0.0.1:{self.port}/fhir/{release}"

    def _check_file(self) -> None:
        with contextlib.closing(sqlite3.connect(self.folder / "hub.db")) as db:
            (verdict,) = db.execute("PRAGMA integrity_check").fetchone()
        if verdict != "ok":
            self.findings.add("lost", f"integrity_check: {verdict}")


def _subscribed(luck: random.Random) -> list[Subscribed]:
    """Return the Subscriptions, of each release the same."""
    found = []
    for release in RELEASES:
        found += [
            Subscribed(release, "healthy", OWNERS[0]),
            Subscribed(release, "full", OWNERS[0], content="full-resource"),
            Subscribed(release, "slow", OWNERS[1], slow()),
            Subscribed(release, "flaky", OWNERS[2], flaky(luck.random)),
            Subscribed(release, "dropping", OWNERS[3], dropping(luck.random)),
            Subscribed(release, "roaming", OWNERS[0], dropping(luck.random)),
        ]
    return found


def _about(tasks: Sequence[Version], states: Sequence[Version]) -> list[Version]:
    """Return the versions that a Subscription is about, given its own history, oldest first."""
    since = [state.timestamp for state in states]
    found = []
    for task in tasks:
        at = bisect_left(since, task.timestamp)
        if at and states[at - 1].owner == task.owner:
            reference = task.reference.partition("/")[2]
            found.append(Version(reference, task.number, task.marker, task.timestamp, task.owner))
    return found


def _next(page: dict[str, Any]) -> str | None:
    links = {link["relation"]: link["url"] for link in page.get("link", [])}
    return links.get("next")


def main() -> int:
    """Run, print what was found, and return the exit code."""
    arguments = parse_arguments()
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().getrandbits(32)
    print(f"seed {seed}", file=sys.stderr)
    folder = Path(tempfile.mkdtemp(prefix="fhir-hub-kill-"))

    async def scenario() -> KillRun:
        luck = random.Random(seed)  # noqa: S311  # a load is no secret
        options = ("--processes", arguments.processes) if arguments.processes else ()
        run = KillRun(folder, arguments.kills, luck, options)
        try:
            await run.run(fresh=arguments.fresh)
        except Exception as error:
            traceback.print_exc()
            run.findings.add("lost", f"the run could not go on: {error}")
        return run

    try:
        run = asyncio.run(scenario())
    finally:
        if arguments.keep:
            print(f"kept {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    found, told = run.findings, run.told
    for text in [*told.unexpected, *found.words][:MOST_WORDS]:
        print(text, file=sys.stderr)
    print(
        f"kills {arguments.kills}, changes {len(told.acknowledged)}, lost {found.lost}, "
        f"gaps {found.gaps}, reused {found.reused}, out of order {found.out_of_order}, "
        f"duplicates {found.duplicates}"
    )
    return 0 if found.sound and not told.unexpected else 1


if __name__ == "__main__":
    sys.exit(main())
