"""Measures a hub: how long it takes to start, what it needs idle, how fast it notifies and matches.

Each figure is the median of several runs with its spread; machines are noisy.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import bench_match
from aiohttp import web

TOPIC = "http://example.org/fhir-hub/SubscriptionTopic/task-activity"
BACKPORT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition"


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def running_hub() -> Iterator[tuple[str, subprocess.Popen[bytes], float]]:
    """Run a hub on an empty database; give its URL, its process and its start-up in seconds."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "hub", "serve", "--port", str(port)]
        command += ["--db", str(Path(folder) / "hub.db"), "--allow-http"]
        command += ["--egress-allow", "127.0.0.0/8"]
        began = time.perf_counter()
        hub = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            yield url, hub, wait_ready(url, hub) - began
        finally:
            hub.send_signal(signal.SIGTERM)
            hub.wait(15)


def wait_ready(url: str, hub: subprocess.Popen[bytes]) -> float:
    """Return the instant when the hub first answers."""
    deadline = time.perf_counter() + 30
    while time.perf_counter() < deadline and hub.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/readyz", timeout=1):  # noqa: S310  # our own http URL
                return time.perf_counter()
        except OSError:
            continue
    raise SystemExit("the hub did not start")


def resident(pid: int) -> float:
    """Return the resident memory of a process in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def startup() -> dict[str, float]:
    """Seconds from the command to the first answer, and of ``--help``."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "hub", "--help"], stdout=subprocess.DEVNULL, check=True)
    help_seconds = time.perf_counter() - began
    with running_hub() as (_, _, seconds):
        return {"start-up (s)": seconds, "--help (s)": help_seconds}


def memory() -> dict[str, float]:
    """MiB of an idle hub that has just started."""
    with running_hub() as (_, hub, _):
        return {"idle memory (MiB)": resident(hub.pid)}


def notify() -> dict[str, float]:
    """Changes per second from 16 clients to one rest-hook, and the time from PUT to POST."""
    with running_hub() as (url, _, _):
        return asyncio.run(_notify(url))


async def _notify(url: str) -> dict[str, float]:
    arrived: dict[str, float] = {}
    sent: dict[str, float] = {}
    numbers: list[int] = []
    active = asyncio.Event()

    async def hook(request: web.Request) -> web.Response:
        now = time.perf_counter()
        bundle = json.loads(await request.read())
        for parameter in bundle["entry"][0]["resource"]["parameter"]:
            if parameter["name"] == "type" and parameter["valueCode"] == "handshake":
                active.set()
            if parameter["name"] == "notification-event":
                parts = {part["name"]: part for part in parameter["part"]}
                numbers.append(int(parts["event-number"]["valueString"]))
                arrived[parts["focus"]["valueReference"]["reference"].rpartition("/")[2]] = now
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/hook", hook)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    base = f"{url}/fhir/r4"
    async with aiohttp.ClientSession(headers={"content-type": "application/fhir+json"}) as client:
        subscription = _subscription(f"http://127.0.0.1:{port}/hook")
        async with client.post(f"{base}/Subscription", json=subscription) as answer:
            answer.raise_for_status()
        await asyncio.wait_for(active.wait(), 10)

        async def put(id: str) -> None:
            sent[id] = time.perf_counter()
            async with client.put(f"{base}/Task/{id}", json=_task(id)) as answer:
                answer.raise_for_status()

        async def client_loop(name: int, until: float) -> None:
            count = 0
            while time.perf_counter() < until:
                count += 1
                await put(f"c{name}-{count}")

        async def settle() -> None:
            while len(arrived) < len(sent):
                await asyncio.get_running_loop().run_in_executor(None, time.perf_counter)

        for index in range(50):
            await put(f"one-{index}")
            await asyncio.wait_for(settle(), 10)
        single = [arrived[id] - sent[id] for id in sent]
        began = time.perf_counter()
        before = len(sent)
        await asyncio.gather(*(client_loop(name, began + 5) for name in range(16)))
        rate = (len(sent) - before) / (time.perf_counter() - began)
        await asyncio.wait_for(settle(), 60)
        delivered = (len(sent) - before) / (time.perf_counter() - began)
    await runner.cleanup()
    if sorted(set(numbers)) != list(range(1, len(sent) + 1)):
        raise SystemExit("numbers are missing: this run does not count")
    return {
        "one change at a time, PUT to notification (ms)": statistics.median(single) * 1000,
        "16 clients, changes per second": rate,
        "16 clients, notified per second": delivered,
    }


def _task(id: str) -> dict[str, object]:
    return {
        "resourceType": "Task",
        "id": id,
        "status": "requested",
        "intent": "order",
        "owner": {"reference": "Organization/lab"},
    }


def _subscription(endpoint: str) -> dict[str, object]:
    return {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "measuring",
        "criteria": TOPIC,
        "_criteria": {
            "extension": [
                {
                    "url": f"{BACKPORT}/backport-filter-criteria",
                    "valueString": "Task?owner=Organization/lab",
                }
            ]
        },
        "channel": {
            "type": "rest-hook",
            "endpoint": endpoint,
            "payload": "application/fhir+json",
            "_payload": {
                "extension": [
                    {"url": f"{BACKPORT}/backport-payload-content", "valueCode": "id-only"}
                ]
            },
        },
    }


BENCHES = {
    "startup": startup,
    "memory": memory,
    "notify": notify,
    "topics": bench_match.topics,
    "match": bench_match.match,
}


def main() -> int:
    """Run the benches named, or all, and print a line per figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bench", nargs="*", help=f"any of {', '.join(BENCHES)}; all by default")
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    for name in arguments.bench or BENCHES:
        if name not in BENCHES:
            parser.error(f"{name} is none of {', '.join(BENCHES)}")
        runs = [BENCHES[name]() for _ in range(arguments.runs)]
        for figure in runs[0]:
            values = [run[figure] for run in runs]
            spread = f"{min(values):.3g}-{max(values):.3g}, {len(values)} runs"
            print(f"{figure:<50} {statistics.median(values):>8.3g}   ({spread})", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
