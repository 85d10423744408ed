"""What healthy endpoints notice of others that hang: a tenth of them take requests, answer none."""

from __future__ import annotations

from typing import Any

from hub.cli.bench.child import Helper, helper
from hub.cli.bench.endpoint import endpoint, hosts
from hub.cli.bench.figure import percentile
from hub.cli.bench.hub_process import free_port
from hub.cli.bench.load import changes_by, check_accepted
from hub.cli.bench.loading import Loading, Wanted, load
from hub.cli.bench.receipt import check_received
from hub.cli.bench.setting import Setting

_PATIENCE = 60.0
_TENTH = 10
_CONNECTIONS = 32


async def hanging(at: Setting) -> None:
    """Measure ``fanout.hanging``: each endpoint is an origin of its own, changes come at a rate."""
    port = free_port()
    prepared = at.room("prepared")
    await load(prepared, at.deadline, lambda loading: _subscribe(loading, at, port))
    for _ in range(at.scale.runs):
        folder = await at.copy(prepared, "run")
        async with helper("outside") as outside, at.hub(folder) as hub:
            await outside.ask("listen", hosts=hosts(at.scale.origins), port=port)
            wanted = changes_by(await _send(at, outside, hub.port, "well"))
            await outside.ask("wait", total=wanted.total(), seconds=_PATIENCE)
            before = (await outside.ask("report"))["times"]

            await outside.ask("reset")
            await outside.ask("hang", paths=[f"/s/{number}" for number in _ill(at)])
            more = changes_by(await _send(at, outside, hub.port, "ill"))
            ill = {f"Organization/o{number}" for number in _ill(at)}
            wanted.update({owner: count for owner, count in more.items() if owner not in ill})
            await outside.ask("wait", total=wanted.total(), seconds=_PATIENCE)
            got = await outside.ask("report")
            check_received(
                got["receipts"],
                {owner.replace("Organization/o", "/s/"): n for owner, n in wanted.items()},
            )
            at.record.add("fanout.hanging", _p99(got["times"]) / _p99(before), ceiling=1.0)


def _ill(at: Setting) -> range:
    return range(_TENTH - 1, at.scale.origins, _TENTH)


def _p99(times: list[tuple[str, float]]) -> float:
    return percentile([each for _, each in times], 0.99)


def _subscribe(loading: Loading, at: Setting, port: int) -> None:
    loading.subscribe(
        Wanted(
            id=f"s{number}",
            owners=(f"Organization/o{number}",),
            endpoint=endpoint(number, port, f"/s/{number}", among=at.scale.origins),
        )
        for number in range(at.scale.origins)
    )


async def _send(at: Setting, outside: Helper, port: int, prefix: str) -> dict[str, Any]:
    report: dict[str, Any] = await outside.ask(
        "load",
        port=port,
        traffic={
            "kind": "writes",
            "seed": at.scale.name,
            "prefix": prefix,
            "owners": at.scale.origins,
            "only": "Task",
        },
        connections=_CONNECTIONS,
        seconds=at.scale.seconds,
        rate=at.scale.origin_rate,
    )
    check_accepted(report)
    return report
