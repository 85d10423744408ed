"""A hub in processes of its own, and what they cost: CPU seconds and memory, from /proc."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from hub.cli.bench.child import pause
from hub.cli.bench.failure import Wrong, check

PUBLIC_URL = "http://hub.example"
"""What every hub of the benches calls itself: search terms depend on it, so loaded data fits."""

_PATIENCE = 120.0
_TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_OPTIONS = (
    f"--public-url={PUBLIC_URL}",
    "--egress-allow=127.0.0.0/8",
    "--allow-http",
    "--log-level=warning",
)


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def allow_many_files() -> None:
    """Let this process, and those that it starts, open as many files as the system allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds of each process so far; one that has ended counts for its parent."""

    seconds: dict[int, float]

    def since(self, before: Usage) -> float:
        """Return how many CPU seconds all of them took since ``before``."""
        return sum(self.seconds.values()) - sum(before.seconds.values())


class HubProcess:
    """A hub that runs; ``pid`` is its first process, ``port`` where it serves.

    ``began`` is the instant at which it was started (nanoseconds), ``started`` how many seconds
    later it served.
    """

    def __init__(self, pid: int, port: int, began: int) -> None:
        self.pid = pid
        self.port = port
        self.began = began
        self.started = (time.perf_counter_ns() - began) / 1e9

    def usage(self) -> Usage:
        """Return what its processes have used."""
        return usage(self.pid)

    def resident(self) -> float:
        """Return the resident memory of its processes in bytes."""
        return resident(self.pid)


def resident(pid: int) -> float:
    """Return the resident memory of a process and all below it in bytes."""
    page = os.sysconf("SC_PAGE_SIZE")
    total = 0
    for each in _family(pid, _processes()):
        with suppress(OSError):
            total += int(Path(f"/proc/{each}/statm").read_text().split()[1]) * page
    return float(total)


def usage(pid: int) -> Usage:
    """Return what a process and all below it have used."""
    found = _processes()
    return Usage({each: found[each].cpu for each in _family(pid, found)})


@dataclass(frozen=True, slots=True)
class _Process:
    parent: int
    cpu: float


def _processes() -> dict[int, _Process]:
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            # The name, in parentheses, may hold anything.
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            pid = int(folder.name)
            ended = sum(map(int, fields[13:15])) / _TICK  # user and system time of ended children
            found[pid] = _Process(int(fields[1]), time.clock_gettime(_cpu_clock(pid)) + ended)
    return found


def _cpu_clock(pid: int) -> int:
    """Return the clock of a process's CPU time; ``/proc`` tells it in hundredths of a second only.

    Source: clock_getcpuclockid(3); the kernel's ``MAKE_PROCESS_CPUCLOCK`` with ``CPUCLOCK_SCHED``.
    """
    return ~pid << 3 | 2


def _family(pid: int, found: dict[int, _Process]) -> list[int]:
    family = [pid] if pid in found else []
    for each in family:
        family += [child for child, process in found.items() if process.parent == each]
    return family


@asynccontextmanager
async def running_hub(folder: Path, *options: str) -> AsyncIterator[HubProcess]:
    """Run a hub on the database in ``folder``; stop it at the end.

    Raises:
        Wrong: it does not start, or does not stop in order.
    """
    port = free_port()
    command = [sys.executable, "-m", "hub", "serve", f"--port={port}", f"--db={folder / 'hub.db'}"]
    # As users start it, not as developers do, who may keep no compiled modules.
    dropped = ("HUB_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    began = time.perf_counter_ns()
    with (folder / "hub.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *command, *_OPTIONS, *options, env=kept, stdout=log, stderr=log
        )
    try:
        await _ready(process, port, folder / "hub.log")
        yield HubProcess(process.pid, port, began)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(_PATIENCE):
            code = await process.wait()
        check(code == 0, f"the hub ended with {code}: {_said(folder / 'hub.log')}")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _ready(process: asyncio.subprocess.Process, port: int, log: Path) -> None:
    deadline = time.perf_counter() + _PATIENCE
    while time.perf_counter() < deadline:
        if process.returncode is not None:
            raise Wrong(f"the hub ended with {process.returncode}: {_said(log)}")
        if await _answers(port):
            return
        await pause(0.005)
    raise Wrong(f"the hub was not ready after {_PATIENCE:.0f} s: {_said(log)}")


async def _answers(port: int) -> bool:
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        writer.write(b"GET /readyz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
        return (await reader.readline()).startswith(b"HTTP/1.1 200")
    except OSError:
        return False
    finally:
        writer.transport.abort()


def _said(log: Path) -> str:
    return log.read_text(errors="replace")[-1000:].strip()
