"""Who gets a connection, in which order, and how long one is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.channels.connection import Connection, DroppedError
from hub.channels.limits import EgressLimits
from hub.channels.pool import Pool
from hub.channels.request import Origin
from tests.channels.dialling import Wire, run

FAR = 1e9
"""An instant, on the loop's clock, that does not come."""

A, B, C = ORIGINS = [Origin(False, f"{name}.example.org", 80, False) for name in "abc"]


def a_connection(pool: Pool) -> Connection:
    connection = Connection(EgressLimits(), lambda: 0.0, pool.ended)
    Wire(connection)
    pool.opened(connection)
    return connection


def with_a_pool(
    scenario: Callable[[Pool], Awaitable[None]],
    *,
    total: int = 10,
    each: int = 2,
    idle: float = 15.0,
    keep: bool = True,
) -> None:
    async def within() -> None:
        limits = EgressLimits(connections=total, connections_per_origin=each, idle=idle)
        pool = Pool(limits, keep=keep)
        await scenario(pool)
        await pool.close()

    run(within)


async def turn_of_the_loop() -> None:
    """Let everything run that can."""
    for _ in range(3):
        ready = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(ready.set_result, None)
        await ready


def test_what_is_given_back_is_taken_again_the_last_one_first() -> None:
    async def scenario(pool: Pool) -> None:
        assert pool.take(A) is None
        assert [await pool.claim(A, FAR), await pool.claim(A, FAR)] == [None, None]
        first, second = a_connection(pool), a_connection(pool)
        pool.give(A, first)
        pool.give(A, second)
        assert pool.take(B) is None
        assert [pool.take(A), pool.take(A), pool.take(A)] == [second, first, None]
        pool.give(A, first)
        pool.give(A, second)

    with_a_pool(scenario)


def test_what_can_not_be_used_again_is_not_kept() -> None:
    async def scenario(pool: Pool) -> None:
        await pool.claim(A, FAR)
        closed = a_connection(pool)
        closed.abort()
        pool.give(A, closed)
        assert pool.take(A) is None
        await pool.claim(A, FAR)
        later = a_connection(pool)
        pool.give(A, later)
        later.abort()
        assert pool.take(A) is None

    with_a_pool(scenario)


def test_without_keeping_everything_is_closed() -> None:
    async def scenario(pool: Pool) -> None:
        await pool.claim(A, FAR)
        connection = a_connection(pool)
        pool.give(A, connection)
        assert not connection.usable
        assert pool.take(A) is None

    with_a_pool(scenario, keep=False)


def test_what_is_kept_for_too_long_is_closed() -> None:
    async def scenario(pool: Pool) -> None:
        gone = asyncio.get_running_loop().create_future()
        await pool.claim(A, FAR)
        connection = Connection(EgressLimits(), lambda: 0.0, gone.set_result)
        Wire(connection)
        pool.give(A, connection)
        assert connection.usable
        assert await gone is connection
        assert pool.take(A) is None

    with_a_pool(scenario, idle=0.01)


def test_whoever_waits_longest_is_served_first_and_gets_the_connection() -> None:
    async def scenario(pool: Pool) -> None:
        await pool.claim(A, FAR)
        waiting = [asyncio.create_task(pool.claim(A, FAR)) for _ in range(3)]
        await turn_of_the_loop()
        waiting[0].cancel()
        await turn_of_the_loop()
        connection = a_connection(pool)
        pool.give(A, connection)
        assert pool.take(A) is None, "nobody overtakes"
        await turn_of_the_loop()
        assert [each.done() for each in waiting] == [True, True, False]
        assert waiting[1].result() is connection
        pool.give(A, None)
        assert await waiting[2] is None
        pool.give(A, None)

    with_a_pool(scenario, each=1)


def test_where_the_total_is_the_bound_origins_take_turns() -> None:
    async def scenario(pool: Pool) -> None:
        await pool.claim(A, FAR)
        order: list[Origin] = []

        async def claim(origin: Origin) -> None:
            await pool.claim(origin, FAR)
            order.append(origin)
            pool.give(origin, None)

        tasks = [asyncio.create_task(claim(origin)) for origin in (A, A, A, B, C, B)]
        await turn_of_the_loop()
        pool.give(A, None)
        await asyncio.gather(*tasks)
        assert order == [A, B, C, A, B, A]

    with_a_pool(scenario, total=1, each=1)


def test_a_place_that_was_given_to_somebody_who_left_is_not_lost() -> None:
    async def scenario(pool: Pool) -> None:
        await pool.claim(A, FAR)
        leaving = asyncio.create_task(pool.claim(A, FAR))
        staying = asyncio.create_task(pool.claim(A, FAR))
        await turn_of_the_loop()
        pool.give(A, None)
        leaving.cancel()
        assert await staying is None
        assert leaving.cancelled()
        pool.give(A, None)

    with_a_pool(scenario, each=1)


def test_who_waits_when_it_is_closed_gets_nothing() -> None:
    async def scenario(pool: Pool) -> None:
        await pool.claim(A, FAR)
        waiting = asyncio.create_task(pool.claim(A, FAR))
        await turn_of_the_loop()
        kept = a_connection(pool)
        await pool.close()
        assert not kept.usable
        with pytest.raises(DroppedError):
            await waiting
        with pytest.raises(DroppedError):
            await pool.claim(B, FAR)
        pool.give(A, None)

    with_a_pool(scenario, each=1)


def test_who_waits_too_long_goes_and_the_others_stay() -> None:
    async def scenario(pool: Pool) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await pool.claim(A, FAR)
        ends: list[float] = []

        async def wait(seconds: float) -> None:
            with pytest.raises(TimeoutError):
                await pool.claim(A, began + seconds)
            ends.append(seconds)
            assert loop.time() >= began + seconds - 0.002

        staying = asyncio.create_task(pool.claim(A, FAR))
        await asyncio.gather(*map(wait, (0.06, 0.02, 0.02, 0.04)))
        assert ends == [0.02, 0.02, 0.04, 0.06]
        assert not staying.done()
        pool.give(A, None)
        assert await staying is None
        pool.give(A, None)

    with_a_pool(scenario, each=1)


def test_who_leaves_in_the_moment_in_which_it_is_late_leaves_nothing_behind() -> None:
    async def scenario(pool: Pool) -> None:
        loop = asyncio.get_running_loop()
        await pool.claim(A, FAR)
        late = loop.time() + 0.02
        waiting = asyncio.create_task(pool.claim(A, late))
        await turn_of_the_loop()
        loop.call_at(late, waiting.cancel)
        await asyncio.gather(waiting, return_exceptions=True)
        assert waiting.cancelled() or isinstance(waiting.exception(), TimeoutError)
        pool.give(A, None)
        assert await pool.claim(A, FAR) is None
        pool.give(A, None)

    with_a_pool(scenario, each=1)


@dataclass
class Model:
    """Everybody who holds a place or waits for one, in order of coming."""

    held: list[tuple[Origin, Connection | None]] = field(default_factory=list)
    waiting: list[tuple[Origin, asyncio.Task[Connection | None]]] = field(default_factory=list)

    def used(self, origin: Origin) -> int:
        return sum(each is origin for each, _ in self.held)

    def settle(self) -> None:
        for origin, task in [*self.waiting]:
            if task.done():
                earlier = [each for each in self.waiting if each[0] is origin]
                assert earlier[0][1] is task, "first come, first served"
                self.waiting.remove((origin, task))
                if not task.cancelled():
                    self.held.append((origin, task.result()))


STEPS = st.lists(
    st.tuples(st.sampled_from(["claim", "claim", "give", "drop", "cancel"]), st.integers(0, 99)),
    max_size=60,
)


@given(STEPS)
def test_no_limit_is_passed_and_nobody_waits_while_there_is_room(
    steps: list[tuple[str, int]],
) -> None:
    async def scenario(pool: Pool) -> None:
        model = Model()
        for step, number in [*steps, *[("give", 0)] * (len(steps) + 1)]:
            origin = ORIGINS[number % 3]
            if step == "claim":
                taken = pool.take(origin)
                if taken is not None:
                    assert taken.usable
                    model.held.append((origin, taken))
                else:
                    task = asyncio.create_task(pool.claim(origin, FAR))
                    model.waiting.append((origin, task))
            elif step == "cancel" and model.waiting:
                _, task = model.waiting.pop(number % len(model.waiting))
                task.cancel()
            elif step in ("give", "drop") and model.held:
                origin, held = model.held.pop(number % len(model.held))
                pool.give(origin, (held or a_connection(pool)) if step == "give" else None)
            await turn_of_the_loop()
            model.settle()
            assert len(model.held) <= 3
            assert all(model.used(each) <= 2 for each in ORIGINS)
            for each, _ in model.waiting:
                assert len(model.held) == 3 or model.used(each) == 2
            busy = [held for _, held in model.held if held is not None]
            assert len(busy) == len({*busy}), "one exchange at a time"
        assert not model.held
        assert not model.waiting

    with_a_pool(cast(Callable[[Pool], Awaitable[None]], scenario), total=3)
