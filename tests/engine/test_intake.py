"""The one writer: shared commits, barriers, who waits, the end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import timedelta

import pytest

from hub.codecs.tables.search import search_parameters
from hub.core.change import Interaction
from hub.core.registry import Registry
from hub.core.timing import Settled
from hub.core.version import ResourceKey, ResourceVersion
from hub.engine.intake import Intake
from hub.engine.plan import Plan
from hub.engine.reader_view import ReaderView
from hub.engine.recent_events import RecentEvents
from hub.engine.subscribers import Subscribers
from hub.engine.write import Outcome, Write
from hub.errors import Unavailable
from hub.ports import Reader, Wakeups
from hub.stores.memory import MemoryStore
from tests.engine.committing import R4, in_background, tasks_committed
from tests.stores.samples import a_subscriber
from tests.support.fallible_store import FallibleStore
from tests.support.rig import HOUR, MILLISECOND, SECOND, Rig, a_rig, on_rig
from tests.support.rig_resources import a_task, id_of
from tests.support.rig_writes import a_settlement
from tests.support.virtual_time import InlineExecutor, LateExecutor, VirtualClock, run_virtually


def test_requests_that_come_while_a_commit_runs_share_the_next_one() -> None:
    store = FallibleStore()

    async def scenario(rig: Rig) -> None:
        first = in_background(rig.write(a_task(id="a")))
        await rig.after(100 * MILLISECOND)
        rest = [in_background(rig.write(a_task(id=id))) for id in "bcd"]
        await asyncio.gather(first, *rest)
        assert tasks_committed(store) == [["a"], ["b", "c", "d"]]

    on_rig(scenario, store=store, executor=LateExecutor(SECOND))


class Watched(FallibleStore):
    """Tells which heads were asked for, one and many; where ``trouble``, many are not answered."""

    def __init__(self) -> None:
        super().__init__()
        self.one: list[str] = []
        self.many: list[list[str]] = []
        self.trouble = False

    @property
    def writer(self) -> Reader:
        store = self

        class View(ReaderView):
            def head(self, key: ResourceKey) -> ResourceVersion | None:
                store.one.append(key.id)
                return super().head(key)

            def heads(self, keys: Iterable[ResourceKey]) -> Mapping[ResourceKey, ResourceVersion]:
                asked = list(keys)
                store.many.append([key.id for key in asked])
                if store.trouble:
                    raise Unavailable("the disk is slow")
                return super().heads(asked)

        return View(super().writer)


@pytest.mark.parametrize("trouble", [False, True])
def test_what_a_batch_writes_is_looked_up_at_once(trouble: bool) -> None:
    store = Watched()

    async def scenario(rig: Rig) -> None:
        await rig.write(a_task(id="a"))
        store.one.clear()
        store.many.clear()
        store.trouble = trouble
        answers = await asyncio.gather(*(rig.write(a_task(id=id)) for id in "bcd"))
        assert [written.outcome for (written,) in answers] == [Outcome.CREATED] * 3
        assert store.many == [["b", "c", "d"]]
        assert store.one == (["b", "c", "d"] if trouble else [])

    on_rig(scenario, store=store)


def test_an_answer_comes_only_after_the_commit() -> None:
    store = FallibleStore()

    async def scenario(rig: Rig) -> None:
        request = in_background(rig.write(a_task(id="a")))
        await rig.after(900 * MILLISECOND)
        assert not request.done()
        await rig.after(200 * MILLISECOND)
        assert request.done()
        assert tasks_committed(store) == [["a"]]

    on_rig(scenario, store=store, executor=LateExecutor(SECOND))


def test_a_subscription_counts_exactly_what_comes_after_it_in_the_queue() -> None:
    store = FallibleStore()

    async def scenario(rig: Rig) -> None:
        begun = in_background(rig.write(a_task(id="before-0")))
        await rig.after(100 * MILLISECOND)
        requests = [
            in_background(rig.write(a_task(id="before-1"))),
            in_background(rig.subscribe(id="sub")),
            in_background(rig.write(a_task(id="after-1"))),
            in_background(rig.write(a_task(id="after-2"))),
        ]
        await asyncio.gather(begun, *requests)
        assert tasks_committed(store) == [["before-0"], ["before-1"], ["after-1", "after-2"]]
        stored = requests[1].result()
        assert rig.top(id_of(stored)) == 2

    on_rig(scenario, store=store, executor=LateExecutor(SECOND))


def test_who_has_gone_away_is_written_all_the_same() -> None:
    store = FallibleStore()

    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe())
        sid = rig.subscriber(id).sid
        gone = [
            in_background(rig.write(a_task(id="a"))),
            in_background(
                rig.hub.intake.settle(
                    a_settlement(sid, Settled.DELIVERED, cursor=1, at=rig.clock.now())
                )
            ),
        ]
        await rig.after(100 * MILLISECOND)
        for request in gone:
            request.cancel()
        await rig.write(a_task(id="b"))
        assert tasks_committed(store) == [["a"], ["b"]]
        assert rig.subscriber(id).delivery.cursor == 1

    on_rig(scenario, store=store, executor=LateExecutor(SECOND))


def test_too_many_waiting_requests_are_turned_away() -> None:
    async def scenario(rig: Rig) -> None:
        begun = in_background(rig.hub.intake.submit(R4, []))
        await rig.after(100 * MILLISECOND)
        waiting = [in_background(rig.hub.intake.submit(R4, [])) for _ in range(10_001)]
        answers = await asyncio.gather(begun, *waiting, return_exceptions=True)
        assert [type(answer) for answer in answers if answer != []] == [Unavailable]

    on_rig(scenario, executor=LateExecutor(SECOND))


def test_closing_takes_no_more_and_writes_what_is_queued() -> None:
    store = FallibleStore()

    async def scenario(rig: Rig) -> None:
        requests = [in_background(rig.write(a_task(id=id))) for id in "ab"]
        await rig.after(100 * MILLISECOND)
        late = in_background(rig.write(a_task(id="c")))
        await rig.after(100 * MILLISECOND)
        rig.hub.intake.close()
        with pytest.raises(Unavailable):
            await rig.write(a_task())
        await rig.tasks[0]
        await asyncio.gather(*requests, late)
        assert tasks_committed(store) == [["a", "b"], ["c"]]

    on_rig(scenario, store=store, executor=LateExecutor(SECOND))


def test_instants_never_go_back_along_the_log_even_if_the_clock_does() -> None:
    store = MemoryStore()

    async def live(wait: timedelta) -> None:
        async with a_rig(store=store) as rig:
            await rig.after(wait)
            await rig.write(a_task())

    run_virtually(live(HOUR))
    run_virtually(live(SECOND))
    log = store.writer.history(R4, "Task", None, count=10)
    assert log[0].timestamp == log[1].timestamp


def test_a_plan_that_writes_nothing_commits_nothing() -> None:
    store = FallibleStore()

    def nothing(plan: Plan) -> str:
        return "planned"

    async def scenario(rig: Rig) -> None:
        commits = len(store.commits)
        assert await rig.hub.intake.register(nothing) == "planned"
        (answer,) = await rig.hub.intake.submit(
            R4, [Write(interaction=Interaction.DELETE, resource_type="Task", id="none")]
        )
        assert answer.outcome is Outcome.ABSENT
        assert len(store.commits) == commits

    on_rig(scenario, store=store)


class Noting(Wakeups):
    """Notes how many are woken."""

    def __init__(self, order: list[object]) -> None:
        self._order = order

    def signal(self, sids: Iterable[int]) -> None:
        self._order.append(len(set(sids)))


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, ["answered", 1, "sent"]), (1_000, ["answered", "sent", 1_000])],
)
def test_who_waits_is_answered_before_anybody_is_woken(count: int, expected: list[object]) -> None:
    order: list[object] = []

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        store, registry = MemoryStore(), Registry()
        opened = store.open()
        parameters = {R4: search_parameters(R4, "http://hub.example.org/fhir/r4")}
        clock = VirtualClock(loop)
        intake = Intake(
            store,
            registry,
            Subscribers(registry, parameters),
            parameters,
            clock=clock,
            wakeups=Noting(order),
            recent=RecentEvents(store),
            executor=InlineExecutor(),
            new_id=str,
            stop=order.append,
            opened=opened,
        )
        running = in_background(intake.run())
        await intake.register(subscribe)
        order.append("answered")
        # The event loop writes to sockets when all that was ready has run.
        loop.call_soon(order.append, "sent")
        await clock.sleep_until(clock.now() + SECOND)
        intake.close()
        await running

    def subscribe(plan: Plan) -> None:
        for sid in range(count):
            plan.subscribers[sid] = a_subscriber(sid, id=f"s{sid}")

    run_virtually(scenario())
    assert order == expected
