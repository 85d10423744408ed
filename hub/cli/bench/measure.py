"""Every figure that the benches give: what it tells, its unit, its target.

Targets are for two cores that generator and receivers share with the hub, through the whole
product: HTTP with routing, validation, search index, previous version, matching, durable commit,
notification.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be reached, and what would be better still."""

    value: float
    stretch: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One kind of figure.

    ``more`` is whether more is better.  A measure that is taken at several sizes has its targets by
    size; 0 stands for one without sizes.
    """

    name: str
    about: str
    unit: str
    more: bool = False
    targets: dict[int, Target] = field(default_factory=dict)
    sized: str = ""


def _one(value: float, stretch: float | None = None) -> dict[int, Target]:
    return {0: Target(value, stretch)}


_MEASURES = (
    Measure(name="ingest.rate", about="writes of all kinds, stored", unit="1/s", more=True),
    Measure(name="ingest.cpu", about="CPU of the hub for one write", unit="ms"),
    Measure(name="ingest.p50", about="write to answer, at half the rate", unit="ms"),
    Measure(name="ingest.p99", about="write to answer, at half the rate", unit="ms"),
    Measure(
        name="ingest.transaction",
        about="CPU of the hub for a transaction of 25 Tasks",
        unit="ms",
        targets=_one(8, 4),
    ),
    Measure(name="match.topics", about="one change on every topic", unit="us"),
    Measure(
        name="match.change",
        about="extract and match, 3 matches",
        unit="us",
        targets={10_000: Target(10, 5), 1_000_000: Target(20, 10)},
        sized="Subscriptions",
    ),
    Measure(
        name="match.growth",
        about="match.change, most filters to a hundredth of them",
        unit="x",
        targets=_one(2),
    ),
    Measure(
        name="fanout.commit",
        about="PUT to answer, distinct filters that all match",
        unit="ms",
        targets={10_000: Target(60, 30)},
        sized="Subscriptions",
    ),
    Measure(
        name="fanout.equal",
        about="the same with equal filters, to that of one Subscription",
        unit="x",
        targets=_one(1.2),
    ),
    Measure(
        name="fanout.cpu",
        about="CPU of the hub for one notification of a change to all",
        unit="us",
        sized="Subscriptions",
    ),
    Measure(
        name="fanout.rate",
        about="notifications of a change to all",
        unit="1/s",
        more=True,
        sized="Subscriptions",
    ),
    Measure(
        name="fanout.hanging",
        about="p99 of healthy endpoints, a tenth hanging, to that of none",
        unit="x",
        targets=_one(2, 1.2),
    ),
    Measure(
        name="websocket.rate",
        about="messages of 3 kB, each client its own filters and numbers",
        unit="1/s",
        more=True,
        targets=_one(50_000, 70_000),
    ),
    Measure(name="websocket.cpu", about="CPU of the hub for one message", unit="us"),
    Measure(
        name="websocket.shared",
        about="the same with equal filters, each client its own numbers",
        unit="1/s",
        more=True,
        targets=_one(50_000, 70_000),
    ),
    Measure(
        name="websocket.shared.cpu", about="CPU of the hub for one message of those", unit="us"
    ),
    Measure(
        name="websocket.idle",
        about="memory of the hub for one idle client",
        unit="KiB",
        targets=_one(30, 20),
    ),
    Measure(
        name="e2e.rate",
        about="changes stored, matched, delivered, full-resource",
        unit="1/s",
        more=True,
        targets=_one(3_500, 7_000),
    ),
    Measure(
        name="e2e.clients",
        about="the same with fewer clients that each wait for the answer",
        unit="1/s",
        more=True,
        sized="connections",
    ),
    Measure(
        name="e2e.cpu",
        about="CPU of the hub for one of them",
        unit="ms",
        targets=_one(0.35, 0.2),
    ),
    Measure(
        name="e2e.p50",
        about="change to notification, at half the rate",
        unit="ms",
        targets=_one(5, 3),
    ),
    Measure(
        name="e2e.p99",
        about="change to notification, at half the rate",
        unit="ms",
        targets=_one(25, 15),
    ),
    Measure(
        name="search.p50",
        about="Task by owner and status, first page",
        unit="ms",
        sized="Tasks",
    ),
    Measure(
        name="search.p99",
        about="Task by owner and status, first page",
        unit="ms",
        targets={1_000_000: Target(20, 10)},
        sized="Tasks",
    ),
    Measure(
        name="restart.ready",
        about="start to ready, 10 undelivered events each",
        unit="s",
        targets={100_000: Target(3, 2)},
        sized="Subscriptions",
    ),
    Measure(
        name="restart.first",
        about="start to first delivery, 10 undelivered events each",
        unit="s",
        targets={100_000: Target(5, 3)},
        sized="Subscriptions",
    ),
    Measure(
        name="memory.peak",
        about="backlog, all endpoints down, sockets open",
        unit="MB",
        targets=_one(400, 250),
    ),
    Measure(
        name="memory.growth",
        about="growth of it in a minute, once warm",
        unit="MB/min",
        targets=_one(1),
    ),
    Measure(name="startup.ready", about="start to the first answer", unit="s"),
    Measure(name="startup.help", about="fhir-hub --help", unit="s"),
    Measure(name="startup.memory", about="an idle hub", unit="MB"),
)

STALL, PROCESS = "stall", "process"
"""What every bench has besides: ``e2e.stall``, ``e2e.process@1`` and so on."""

_BENCHES = tuple(dict.fromkeys(measure.name.partition(".")[0] for measure in _MEASURES))
_STALLS = tuple(
    Measure(
        name=f"{bench}.{STALL}",
        about="longest that the machine let a thread wait",
        unit="ms",
    )
    for bench in _BENCHES
)
_PROCESSES = tuple(
    Measure(
        name=f"{bench}.{PROCESS}",
        about="CPU of the hub's n-th process, from its start to its end",
        unit="s",
        sized="process",
    )
    for bench in _BENCHES
)

MEASURES = {measure.name: measure for measure in (*_MEASURES, *_STALLS, *_PROCESSES)}

GROWTH = ("match.change", "fanout.commit", "fanout.cpu", "search.p99", "restart.ready")
"""The measures by which growth is told."""
