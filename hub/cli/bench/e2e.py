"""From the change to the notification: stored, matched, delivered to one rest-hook.

Tasks as in the workload, for parties drawn by Zipf; each party has a Subscription with the whole
resource.  First as fast as answers come to many clients, then at half of that rate; then as fast
as answers come to fewer.  The ceiling is a process that only stores and posts on.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hub.cli.bench.child import Helper, helper
from hub.cli.bench.endpoint import endpoint, hosts
from hub.cli.bench.figure import percentile
from hub.cli.bench.hub_process import free_port, usage
from hub.cli.bench.load import changes_by, check_accepted
from hub.cli.bench.loading import Loading, Wanted, load
from hub.cli.bench.receipt import check_received
from hub.cli.bench.setting import Setting

_PATIENCE = 240.0


async def e2e(at: Setting) -> None:
    """Measure ``e2e.*``."""
    port = free_port()
    prepared = at.room("prepared")
    await load(prepared, at.deadline, lambda loading: _subscribe(loading, at, port))
    for _ in range(at.scale.runs):
        await _run(at, await at.copy(prepared, "run"), port)


def _subscribe(loading: Loading, at: Setting, port: int) -> None:
    loading.subscribe(
        Wanted(
            id=f"s{number}",
            owners=(f"Organization/o{number}",),
            endpoint=endpoint(number, port, f"/s/{number}"),
        )
        for number in range(at.scale.e2e_subscriptions)
    )


async def _run(at: Setting, folder: Path, port: int) -> None:
    add = at.record.add
    async with helper("outside") as outside:
        await outside.ask("listen", hosts=hosts(), port=port)
        bare = await _bare(at, outside, None)
        async with at.hub(folder) as hub:
            before = hub.usage()
            sent = await _send(at, outside, hub.port, "fast", seconds=at.scale.sustained)
            wanted = changes_by(sent)
            await outside.ask("wait", total=wanted.total(), seconds=_PATIENCE)
            got = await outside.ask("report")
            cpu = hub.usage().since(before)
            rate = wanted.total() / ((got["last"] - sent["began"]) / 1e9)
            add("e2e.rate", rate, ceiling=bare["rate"])
            add("e2e.cpu", cpu / wanted.total() * 1e3, ceiling=bare["cpu"] * 1e3)

            await outside.ask("reset")
            requests = check_accepted(sent) / sent["seconds"]
            pace = min(requests, rate) / 2
            paced = await _send(
                at, outside, hub.port, "paced", seconds=at.scale.seconds * 2, rate=pace
            )
            wanted += changes_by(paced)
            await outside.ask("wait", total=wanted.total(), seconds=_PATIENCE)
            got = await outside.ask("report")
            for count in at.scale.fewer:
                await outside.ask("reset")
                sent = await _send(
                    at, outside, hub.port, f"few{count}", seconds=at.scale.seconds, clients=count
                )
                some = changes_by(sent)
                wanted += some
                await outside.ask("wait", total=wanted.total(), seconds=_PATIENCE)
                last = (await outside.ask("report"))["last"]
                add("e2e.clients", some.total() / ((last - sent["began"]) / 1e9), size=count)
            whole = await outside.ask("report")
            check_received(
                whole["receipts"], {_path(owner): count for owner, count in wanted.items()}
            )
        times = [each for _, each in got["times"]]
        await outside.ask("reset")
        bare = await _bare(at, outside, pace)
        for name, part in (("e2e.p50", 0.5), ("e2e.p99", 0.99)):
            add(name, percentile(times, part), ceiling=percentile(bare["times"], part))


def _path(owner: str) -> str:
    return owner.replace("Organization/o", "/s/")


async def _send(
    at: Setting,
    outside: Helper,
    port: int,
    prefix: str,
    *,
    seconds: float,
    rate: float | None = None,
    kind: str = "writes",
    clients: int | None = None,
) -> dict[str, Any]:
    traffic = {
        "kind": kind,
        "seed": at.scale.name,
        "prefix": prefix,
        "owners": at.scale.e2e_subscriptions,
        "only": "Task",
    }
    report: dict[str, Any] = await outside.ask(
        "load",
        port=port,
        traffic=traffic,
        connections=clients or at.scale.connections,
        seconds=seconds,
        rate=rate,
    )
    check_accepted(report)
    return report


async def _bare(at: Setting, outside: Helper, rate: float | None) -> dict[str, Any]:
    """Return what the bare path does: its rate, CPU seconds for each, and milliseconds."""
    async with helper("bare_path") as path:
        target = await outside.ask("listen", hosts=["127.0.0.1"], port=0)
        port = await path.ask("serve", folder=str(at.room("bare")), port=target)
        before = usage(path.pid)
        sent = await _send(
            at, outside, port, "bare", seconds=at.scale.seconds, rate=rate, kind="changes"
        )
        count = check_accepted(sent)
        await outside.ask("wait_posts", posts=count, seconds=_PATIENCE)
        got = await outside.ask("report")
        cpu = usage(path.pid).since(before)
        await outside.ask("reset")
    return {
        "rate": count / ((got["last"] - sent["began"]) / 1e9),
        "cpu": cpu / count,
        "times": [each for _, each in got["times"]],
    }
