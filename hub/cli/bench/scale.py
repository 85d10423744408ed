"""How large and how long everything is: in full, quickly, and so that it only runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Sizes and seconds of one way to run the benches.

    ``runs`` is how often each is repeated; ``seconds`` how long a load lasts, ``sustained`` that of
    ``e2e``; ``connections`` how many a load has, ``fewer`` how many others ``e2e`` has besides.
    What is in plural and has several sizes shows how cost grows; the last is the one that targets
    are about.  ``backlog`` is how many Subscriptions have how many undelivered events each;
    ``sampled`` are the seconds over which memory is looked at, the first ``warm_up`` of them not
    for growth.  No bench takes longer than ``minutes``, all of them not longer than
    ``minutes_of_all``.  A change to many is made ``changes`` times, but only as often as
    ``delivered`` notifications allow; to many with equal filters half of ``changes``.
    """

    name: str
    runs: int
    seconds: float
    sustained: float
    connections: int
    fewer: tuple[int, ...]
    e2e_subscriptions: int
    filters: tuple[int, ...]
    matched: tuple[int, ...]
    changes: int
    delivered: int
    origins: int
    origin_rate: float
    sockets: int
    idle_sockets: int
    tasks: tuple[int, ...]
    searches: int
    restarts: tuple[int, ...]
    backlog: tuple[int, int]
    backlog_sockets: int
    memory_runs: int
    sampled: float
    warm_up: float
    minutes: float
    minutes_of_all: float


FULL = Scale(
    name="full",
    runs=3,
    seconds=8,
    sustained=60,
    connections=256,
    fewer=(1, 16, 64),
    e2e_subscriptions=10_000,
    filters=(1_000, 10_000, 100_000, 1_000_000),
    matched=(10, 100, 1_000, 10_000),
    changes=20,
    delivered=20_000,
    origins=1_000,
    origin_rate=200,
    sockets=1_000,
    idle_sockets=10_000,
    tasks=(1_000, 10_000, 100_000, 1_000_000),
    searches=2_000,
    restarts=(100, 1_000, 10_000, 100_000),
    backlog=(10_000, 100),
    backlog_sockets=1_000,
    memory_runs=1,
    sampled=600,
    warm_up=120,
    minutes=15,
    minutes_of_all=40,
)

QUICK = Scale(
    name="quick",
    runs=3,
    seconds=1.2,
    sustained=3,
    connections=64,
    fewer=(1, 8),
    e2e_subscriptions=1_000,
    filters=(10, 100, 1_000, 10_000),
    matched=(1, 10, 100, 1_000),
    changes=10,
    delivered=2_000,
    origins=200,
    origin_rate=100,
    sockets=200,
    idle_sockets=500,
    tasks=(200, 2_000, 20_000),
    searches=200,
    restarts=(50, 5_000),
    backlog=(500, 20),
    backlog_sockets=50,
    memory_runs=2,
    sampled=4,
    warm_up=1,
    minutes=3,
    minutes_of_all=5,
)

TINY = Scale(
    name="tiny",
    runs=1,
    seconds=0.3,
    sustained=0.5,
    connections=4,
    fewer=(1, 2),
    e2e_subscriptions=20,
    filters=(1, 2, 4, 1_000),
    matched=(1, 2, 4, 20),
    changes=3,
    delivered=60,
    origins=10,
    origin_rate=20,
    sockets=5,
    idle_sockets=10,
    tasks=(1, 2, 20, 100),
    searches=10,
    restarts=(1, 2, 4, 20),
    backlog=(20, 4),
    backlog_sockets=3,
    memory_runs=1,
    sampled=1.5,
    warm_up=0.3,
    minutes=5,
    minutes_of_all=30,
)

SCALES = {scale.name: scale for scale in (FULL, QUICK, TINY)}
