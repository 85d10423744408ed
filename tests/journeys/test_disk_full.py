"""A full disk: changes are refused, the rest goes on, and nothing that was acknowledged is lost."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from threading import Event
from typing import Any

import aiohttp
import pytest

import hub.bootstrap
from hub.bootstrap import EXIT_STORE_BROKEN, Hosting
from hub.ports import WriteBatch
from hub.settings import Settings, packaged_topics
from hub.stores.sqlite import SqliteStore
from tests.support.deadline import DEADLINE
from tests.support.processes import HubProcess, a_hub, free_port, session
from tests.support.subscribed import Subscribed
from tests.support.writers import FHIR_JSON

LAB = "Organization/lab"
MOST_WRITES = 100
"""A database has some free pages left when the disk is full."""

MOUNTED = (
    "unshare",
    "--map-root-user",
    "--mount",
    "sh",
    "-c",
    'mount -t tmpfs -o size=32m tmpfs "$0" && exec "$@"',
)
"""Runs a program that alone sees a small disk, without being root."""


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A hub on a disk that can be filled, and freed again."""

    base: str
    fill: Callable[[], None]
    free: Callable[[], None]


Disk = Callable[[Path, pytest.MonkeyPatch], AbstractAsyncContextManager[SmallDisk]]


class LimitedStore(SqliteStore):
    """A store whose file can't grow while ``full`` is set."""

    full = Event()

    def commit(self, batch: WriteBatch) -> None:
        pages = 1 if self.full.is_set() else 2**30
        self._opened.db.execute(f"PRAGMA max_page_count = {pages}")
        super().commit(batch)


@asynccontextmanager
async def limited(folder: Path, patch: pytest.MonkeyPatch) -> AsyncIterator[SmallDisk]:
    """Run a hub in this process whose database may not grow."""
    patch.setattr(hub.bootstrap, "SqliteStore", LimitedStore)
    port = free_port()
    LimitedStore.full.clear()
    url = f"http://127.0.0.1:{port}"
    hosting = Hosting(
        Settings(
            port=port,
            db=folder / "hub.db",
            topics=(packaged_topics(),),
            public_url=url,
            egress_allow=(ip_network("127.0.0.0/8"),),
            allow_http=True,
        )
    )
    await hosting.start()
    try:
        yield SmallDisk(f"{url}/fhir/r4", LimitedStore.full.set, LimitedStore.full.clear)
    finally:
        await hosting.stop()


@asynccontextmanager
async def mounted(folder: Path, _: pytest.MonkeyPatch) -> AsyncIterator[SmallDisk]:
    """Run a hub in a process of its own on a small disk in memory."""
    disk = folder / "disk"
    await asyncio.to_thread(disk.mkdir)
    async with a_hub(disk, before=(*MOUNTED, str(disk))) as process:
        inside = Path(f"/proc/{process.child.pid}/root{disk}/filler")

        def fill() -> None:
            with contextlib.suppress(OSError), inside.open("wb", buffering=0) as filler:
                for size in (2**16, 1):
                    with contextlib.suppress(OSError):
                        while True:
                            filler.write(b"x" * size)

        yield SmallDisk(process.base(), fill, inside.unlink)


def can_mount(folder: str = "/mnt") -> bool:
    """Tell whether this system lets programs mount something for themselves."""
    try:
        tried = subprocess.run([*MOUNTED, folder, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return tried.returncode == 0


DISKS: list[Disk] = [limited, mounted] if can_mount() else [limited]


@pytest.mark.parametrize("disk", DISKS)
def test_while_the_disk_is_full_changes_are_refused_and_reads_work_until_there_is_space(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        subscribed = Subscribed("r4", "lab", LAB)
        async with (
            subscribed.endpoint,
            disk(tmp_path, monkeypatch) as small,
            session() as client,
        ):
            url = f"{small.base}/Subscription/lab"
            async with client.put(url, json=subscribed.resource(), headers=FHIR_JSON) as answer:
                assert answer.status == 201
            kept = [await stored(client, small.base)]
            await subscribed.complete(1)
            small.fill()
            kept += await fill_up(client, small.base)
            for path in (*kept, "Task?_count=1", "Task/_history?_count=1", "metadata"):
                async with client.get(f"{small.base}/{path}") as answer:
                    assert answer.status == 200, path
            async with client.get(f"{url}/$events") as answer:
                assert answer.status == 200
            small.free()
            kept += [await stored(client, small.base)]
            async with asyncio.timeout(DEADLINE):
                await subscribed.complete(len(kept))
        assert len({event.number for event in subscribed.received}) == len(kept)

    asyncio.run(scenario())


async def fill_up(client: aiohttp.ClientSession, base: str) -> list[str]:
    """Write until it is refused, as it should be; return what was stored."""
    kept: list[str] = []
    while len(kept) < MOST_WRITES:
        async with client.post(f"{base}/Task", json=a_task(20_000), headers=FHIR_JSON) as answer:
            if answer.status == 201:
                kept.append(path_of(answer))
                continue
            assert answer.status == 503
            assert int(answer.headers["Retry-After"]) > 0
            (issue,) = (await answer.json(content_type=None))["issue"]
            assert (issue["severity"], issue["code"]) == ("error", "no-store")
            return kept
    raise AssertionError("the disk is not full")


async def stored(client: aiohttp.ClientSession, base: str) -> str:
    """Write a Task and return where its version is, relative to the base."""
    async with client.post(f"{base}/Task", json=a_task(), headers=FHIR_JSON) as answer:
        assert answer.status == 201, await answer.text()
        return path_of(answer)


def path_of(answer: aiohttp.ClientResponse) -> str:
    return "/".join(answer.headers["Location"].split("/")[-4:])


def a_task(size: int = 1) -> dict[str, Any]:
    task = {"resourceType": "Task", "status": "requested", "intent": "order"}
    return task | {"owner": {"reference": LAB}, "description": "x" * size}


def test_after_a_failed_write_the_hub_ends_and_a_restart_has_all_that_was_acknowledged(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with session() as client:
            async with a_hub(tmp_path) as broken:
                kept = [await stored(client, broken.base())]
                fail_writes(broken)
                with contextlib.suppress(aiohttp.ClientError):
                    kept += [await stored(client, broken.base())]
                assert await broken.ended() == EXIT_STORE_BROKEN
                assert "the store is broken: SQLITE_IOERR_WRITE" in broken.said()
            async with a_hub(tmp_path) as healed:
                for path in kept:
                    async with client.get(f"{healed.base()}/{path}") as answer:
                        assert answer.status == 200
                await stored(client, healed.base())

    asyncio.run(scenario())


def fail_writes(hub: HubProcess) -> None:
    """Let no file of a hub be written to beyond its first bytes."""
    resource.prlimit(hub.child.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
