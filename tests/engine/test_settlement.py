"""What becomes of an attempt is written beside what clients change."""

from __future__ import annotations

import asyncio
import pickle
from datetime import timedelta

from hub.core.delivery import Delivered, Failed, FailureClass
from hub.core.release import FhirRelease
from hub.core.subscriber import Attempt
from hub.core.timing import Settled
from tests.support.fallible_store import FallibleStore
from tests.support.rig import SECOND, Rig, on_rig
from tests.support.rig_endpoints import Endpoints
from tests.support.rig_resources import id_of
from tests.support.rig_writes import a_settlement

R4 = FhirRelease.R4


def test_a_failure_of_an_older_generation_is_dropped_and_a_delivery_counts() -> None:
    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe(type="rest-hook"))
        await rig.after(SECOND)
        await rig.update(id, status="off")
        subscriber = rig.subscriber(id)
        now = rig.clock.now()
        for what in (Settled.FAILED, Settled.DELIVERED):
            await rig.hub.intake.settle(
                a_settlement(subscriber.sid, what, at=now, cursor=3, error="no")
            )
            found = rig.subscriber(id)
            assert found.delivery.failures == 0
            assert found.delivery.cursor == (3 if what is Settled.DELIVERED else 0)

    on_rig(scenario)


def test_a_delivery_that_is_settled_together_with_a_put_is_not_forgotten() -> None:
    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe())
        await rig.after(SECOND)
        sid = rig.subscriber(id).sid
        due = rig.clock.now() + timedelta(milliseconds=250)
        await asyncio.gather(
            rig.update(id, endpoint="https://new.example.org/"),
            rig.hub.intake.settle(
                a_settlement(sid, Settled.DELIVERED, cursor=4, at=rig.clock.now())
            ),
        )
        found = rig.subscriber(id)
        assert found.subscription.endpoint == "https://new.example.org/"
        assert found.subscription.status == "requested"
        assert found.delivery.cursor == 4
        assert found.delivery.due == due

    on_rig(scenario)


def test_what_sockets_were_sent_leaves_the_error_as_it_is() -> None:
    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe(type="websocket"))
        sid = rig.subscriber(id).sid
        now = rig.clock.now()
        await rig.hub.intake.settle(
            a_settlement(sid, Settled.SKIPPED, error="lost", cursor=1, at=now)
        )
        await rig.hub.intake.settle(a_settlement(sid, Settled.REACHED, cursor=2, at=now))
        assert rig.subscriber(id).error == "lost"
        assert rig.subscriber(id).delivery.cursor == 2

    on_rig(scenario)


def test_a_settlement_for_nobody_changes_nothing() -> None:
    store = FallibleStore()

    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe())
        sid = rig.subscriber(id).sid
        await rig.hub.subscriptions.delete(R4, id)
        commits = len(store.commits)
        for unknown in (sid, 99):
            await rig.hub.intake.settle(
                a_settlement(unknown, Settled.DELIVERED, cursor=5, at=rig.clock.now())
            )
        assert len(store.commits) == commits

    on_rig(scenario, store=store)


def test_what_a_delivery_says_is_plain_values_that_could_cross_a_process() -> None:
    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe())
        await rig.after(SECOND)
        attempt = Attempt(sid=1, at=rig.clock.now(), kind="events", first=1, last=2, outcome="busy")
        settlement = a_settlement(
            rig.subscriber(id).sid,
            Settled.FAILED,
            at=rig.clock.now(),
            due=rig.clock.now(),
            retry_to=2,
            attempts=(attempt,),
        )
        (_, envelope) = rig.endpoints.attempts[0]
        failed = Failed(failure=FailureClass.BUSY, reason="x", retry_after=SECOND)
        for value in (settlement, envelope, failed, Delivered(status=200), rig.subscriber(id)):
            assert pickle.loads(pickle.dumps(value)) == value

    on_rig(scenario, endpoints=Endpoints())
