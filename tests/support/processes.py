"""Hubs in processes of their own: started, awaited with deadlines, stopped and killed.

Nothing here sleeps for a fixed time and hopes: each wait asks again until its deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

import aiohttp

from tests.support.deadline import DEADLINE

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = DEADLINE
"""Seconds after which a hub that does not become ready, or does not end, has failed."""

READINESS = 0.02
"""Seconds between two looks at a hub that is starting."""

LOCAL = (
    "--egress-allow=127.0.0.0/8",
    "--allow-http",
    "--retry-schedule=100ms,200ms,500ms",
    "--log-level=warning",
)
"""Options of a hub whose subscribers are on this machine."""

_LOWEST, _COUNT = 20_000, 12_000
_PORTS = (_LOWEST + number % _COUNT for number in itertools.count(os.getpid() * 1009))
"""Below the ports that systems give to clients, so that nobody else takes one by chance."""


def free_port() -> int:
    """Return a port of 127.0.0.1 that nothing listens on."""
    for port in _PORTS:
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError


async def pause(seconds: float) -> None:
    """Let this much time pass before asking again, or before answering slowly."""
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    timer = loop.call_later(seconds, _end, over)
    try:
        await over
    finally:
        timer.cancel()


def _end(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)


async def until(
    holds: Callable[[], Awaitable[bool]], *, within: float = PATIENCE, every: float = READINESS
) -> None:
    """Return as soon as ``holds``; raise TimeoutError after ``within`` seconds."""
    async with asyncio.timeout(within):
        while not await holds():
            await pause(every)


class Child(Protocol):
    """A process that can be told to end, and awaited."""

    pid: int

    async def wait(self) -> int:
        """Return the exit code; minus the signal's number if one ended it."""


def environment(**more: str) -> dict[str, str]:
    """Return the environment for a hub: this one's, without settings of the hub."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    return kept | more


@dataclass(slots=True)
class HubProcess:
    """A running hub; what it writes to stderr goes to ``log``."""

    child: Child
    port: int
    log: Path

    @property
    def url(self) -> str:
        """The hub's own URL, without a slash at its end."""
        return f"http://127.0.0.1:{self.port}"

    def base(self, release: str = "r4") -> str:
        """The base URL of a release."""
        return f"{self.url}/fhir/{release}"

    async def ready(self, within: float = PATIENCE) -> HubProcess:
        """Return when it serves requests.

        Raises:
            AssertionError: it ended before; the text is what it wrote.
        """
        ended = asyncio.ensure_future(self.child.wait())
        serving = asyncio.ensure_future(until(self.is_ready, within=within))
        try:
            await asyncio.wait({ended, serving}, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                raise AssertionError(f"the hub ended with {ended.result()}: {self.said()}")
            await serving
        finally:
            for waiting in (ended, serving):
                waiting.cancel()
            await asyncio.gather(ended, serving, return_exceptions=True)
        return self

    async def is_ready(self) -> bool:
        """Ask ``/readyz`` once."""
        return await self.readiness() == 200

    async def readiness(self) -> int | None:
        """Return the HTTP status of ``/readyz``, None where nothing answers."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return None
        try:
            host = f"127.0.0.1:{self.port}"
            writer.write(
                f"GET /readyz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
            )
            async with asyncio.timeout(PATIENCE):
                words = (await reader.readline()).split()
            return int(words[1]) if len(words) > 1 else None
        except (OSError, TimeoutError):
            return None
        finally:
            writer.transport.abort()

    def send(self, number: int) -> None:
        """Send a signal; a process that has ended already is left alone."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.child.pid, number)

    async def kill(self) -> int:
        """End it as a crash does; return the exit code."""
        self.send(signal.SIGKILL)
        return await self.ended()

    async def terminate(self, within: float = PATIENCE) -> int:
        """Ask it to stop, and return the exit code."""
        self.send(signal.SIGTERM)
        return await self.ended(within)

    async def ended(self, within: float = PATIENCE) -> int:
        """Wait for its end and return the exit code."""
        async with asyncio.timeout(within):
            return await self.child.wait()

    def said(self) -> str:
        """Return what it wrote to stderr so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""


def serve_arguments(folder: Path, port: int, *options: str) -> list[str]:
    """Return the command line of a hub whose database is ``folder/hub.db``."""
    return ["serve", f"--db={folder / 'hub.db'}", f"--port={port}", *options]


async def start_hub(
    folder: Path,
    *options: str,
    port: int | None = None,
    before: Sequence[str] = (),
) -> HubProcess:
    """Start ``python -m hub serve``; it is not ready yet.

    Args:
        folder: where its database is.
        options: more of its options.
        port: where it listens, a free port where None.
        before: words before the command: a program that becomes the hub.
    """
    port = port or free_port()
    log = folder / "hub.log"
    with log.open("ab") as out:
        child = await asyncio.create_subprocess_exec(
            *before,
            sys.executable,
            "-m",
            "hub",
            *serve_arguments(folder, port, *options),
            cwd=ROOT,
            env=environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
    return HubProcess(child, port, log)


@asynccontextmanager
async def a_hub(
    folder: Path, *options: str, port: int | None = None, before: Sequence[str] = ()
) -> AsyncIterator[HubProcess]:
    """Run a hub for subscribers on this machine; kill it at the end if it still runs."""
    hub = await start_hub(folder, *LOCAL, *options, port=port, before=before)
    try:
        yield await hub.ready()
    finally:
        await hub.kill()


async def run_to_end(
    *arguments: str,
    within: float = PATIENCE,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
) -> tuple[int, str, str]:
    """Run a program and return its exit code, its output and its errors."""
    child = await asyncio.create_subprocess_exec(
        *arguments,
        cwd=cwd,
        env=environment() if env is None else dict(env),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(within):
            out, err = await child.communicate()
    except TimeoutError:
        child.kill()
        await child.wait()
        raise
    return child.returncode or 0, out.decode(errors="replace"), err.decode(errors="replace")


class Nursery:
    """Starts hubs in a fraction of the time: forks them from a process that imported the hub.

    Each is a process of its own with nothing shared, so a kill of it is a kill of a hub.
    """

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Nursery:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.support.nursery",
            cwd=ROOT,
            env=environment(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert await self._answer() == {"ready": True}
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.close()
        await self._process.wait()

    async def start(self, folder: Path, *options: str, port: int) -> HubProcess:
        """Start a hub; the one before must have ended."""
        log = folder / "hub.log"
        self._ask({"arguments": serve_arguments(folder, port, *options), "log": str(log)})
        pid: int = (await self._answer())["pid"]
        return HubProcess(_Forked(pid, asyncio.ensure_future(self._answer())), port, log)

    def _ask(self, what: Mapping[str, str | Sequence[str]]) -> None:
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.write(json.dumps(what).encode() + b"\n")

    async def _answer(self) -> dict[str, Any]:
        assert self._process is not None and self._process.stdout is not None
        answer: dict[str, Any] = json.loads(await self._process.stdout.readline())
        return answer


@dataclass(slots=True)
class _Forked:
    """A child of the nursery, which tells its exit code."""

    pid: int
    told: asyncio.Future[dict[str, Any]]

    async def wait(self) -> int:
        code: int = (await asyncio.shield(self.told))["exit"]
        return code


def session(limit: int = 64) -> aiohttp.ClientSession:
    """Return an HTTP client for a hub; it keeps connections."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=limit), timeout=aiohttp.ClientTimeout(total=PATIENCE)
    )
