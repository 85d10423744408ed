"""Many Subscriptions with undelivered events, loaded before a hub starts.

Ten Subscriptions each share the changes that they are told of, so that filters are all different
and there are ten times as many events as changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import orjson

from hub.cli.bench.failure import check
from hub.cli.bench.hub_process import HubProcess
from hub.cli.bench.loading import Loaded, Loading, Wanted
from hub.cli.bench.sample import resource
from hub.cli.bench.wire import connect, request
from hub.cli.bench.workload import read_workload

TOGETHER = 10
_SAMPLED = 20


def fill_backlog(
    loading: Loading, subscriptions: int, events: int, endpoint_of: Callable[[int], str]
) -> None:
    """Keep so many Subscriptions, each with so many undelivered events.

    Args:
        endpoint_of: where the notifications of each go.
    """
    loading.subscribe(
        Wanted(
            id=f"s{number}",
            owners=(f"Organization/g{number // TOGETHER}", f"Organization/only{number}"),
            endpoint=endpoint_of(number),
        )
        for number in range(subscriptions)
    )
    loading.tasks(_tasks(subscriptions, events))


def _tasks(subscriptions: int, events: int) -> Iterator[Loaded]:
    size = read_workload().sizes["Task"]
    for event in range(events):
        for first in range(0, subscriptions, TOGETHER):
            group = first // TOGETHER
            id = f"t{group}-{event}"
            yield Loaded(
                id=id,
                text=resource("Task", id, size, owner=f"Organization/g{group}"),
                events_for=tuple(
                    f"s{number}" for number in range(first, min(first + TOGETHER, subscriptions))
                ),
            )


async def check_counted(hub: HubProcess, subscriptions: int, events: int) -> None:
    """Ask some of the Subscriptions how many events they have had.

    Raises:
        Wrong: one says another number.
    """
    connection = await connect("127.0.0.1", hub.port)
    for number in range(0, subscriptions, max(1, subscriptions // _SAMPLED)):
        path = f"/fhir/r4/Subscription/s{number}/$status".encode()
        reply = await connection.exchange(request(b"GET", b"127.0.0.1", path))
        check(reply.status == 200, f"GET $status: {reply.status}")
        status = orjson.loads(reply.body)["entry"][0]["resource"]["parameter"]
        values = {each["name"]: each for each in status}
        found = int(values["events-since-subscription-start"]["valueString"])
        check(found == events, f"Subscription/s{number} has {found} of {events} events")
    connection.close()
