"""Lanes share a bounded number of attempts; who waits for a turn sends what is true then.

However many endpoints hang, the others go on.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from hub.core.delivery import DeliveryResult, Envelope, Failed, FailureClass
from hub.engine.turns import MOST_AT_ONCE, Turns
from tests.support.rig import SECOND, Rig, on_rig
from tests.support.rig_endpoints import Endpoints
from tests.support.rig_resources import a_task

HANGING = "https://hanging.example.org/"
SUB = "https://sub.example.org/"


@dataclass
class HangingEndpoints(Endpoints):
    """One endpoint answers events only when it is told to."""

    answering: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, envelope: Envelope) -> DeliveryResult:
        if envelope.endpoint == HANGING and b"event-notification" in envelope.body:
            await self.answering.wait()
        return await super().send(envelope)


def test_who_was_changed_while_waiting_for_a_turn_sends_by_the_new_filters() -> None:
    endpoints = HangingEndpoints()

    async def scenario(rig: Rig) -> None:
        await rig.update("sub", endpoint=SUB)
        await rig.update("neighbour", endpoint="https://neighbour.example.org/")
        for index in range(MOST_AT_ONCE):
            filters = ("Task?status=ready",)
            await rig.update(f"hanging-{index}", endpoint=HANGING, filters=filters)
        await rig.after(SECOND)
        await rig.write(a_task("Organization/nobody", status="ready"))
        await rig.after(SECOND)
        await rig.write(a_task(id="first"))
        await rig.after(SECOND)
        assert rig.endpoints.numbers(SUB) == []
        other = ("Task?owner=Organization/other",)
        await rig.update("sub", status="active", endpoint=SUB, filters=other)
        await rig.write(a_task(id="of-the-old-filters"))
        await rig.write(a_task("Organization/other", id="second"))
        endpoints.answering.set()
        await rig.after(SECOND)
        (notification,) = rig.endpoints.of("event-notification", SUB)
        assert notification["numbers"] == [1, 2]
        assert [each.rpartition("/")[2] for each in notification["focus"]] == ["first", "second"]

    on_rig(scenario, endpoints=endpoints)


@dataclass
class SlowlyFailing(HangingEndpoints):
    """One endpoint refuses its first events at once, and hangs whenever they are tried again."""

    refused: int = 0

    async def send(self, envelope: Envelope) -> DeliveryResult:
        is_event = envelope.endpoint == HANGING and b"event-notification" in envelope.body
        if is_event and self.refused < MOST_AT_ONCE:
            self.refused += 1
            return Failed(failure=FailureClass.BUSY, reason="busy", status=503)
        return await super().send(envelope)


def test_however_many_hang_the_others_go_on() -> None:
    endpoints = SlowlyFailing()

    async def scenario(rig: Rig) -> None:
        for index in range(MOST_AT_ONCE):
            filters = ("Task?status=ready",)
            await rig.update(f"hanging-{index}", endpoint=HANGING, filters=filters)
        await rig.update("sub", endpoint=SUB)
        await rig.after(SECOND)
        await rig.write(a_task("Organization/nobody", status="ready"))
        await rig.after(10 * SECOND)
        assert endpoints.refused == MOST_AT_ONCE
        assert rig.delivery.busy == MOST_AT_ONCE
        await rig.write(a_task(id="first"))
        await rig.after(SECOND)
        assert rig.endpoints.numbers(SUB) == [1]
        endpoints.answering.set()
        await rig.after(SECOND)
        assert len(rig.endpoints.numbers(HANGING)) == MOST_AT_ONCE

    on_rig(scenario, endpoints=endpoints)


STEP = st.tuples(st.booleans(), st.integers(0, 12), st.booleans())


@given(steps=st.lists(STEP, max_size=60), most=st.integers(1, 5), most_failing=st.integers(1, 5))
def test_nobody_waits_for_a_turn_that_is_free(
    steps: list[tuple[bool, int, bool]], most: int, most_failing: int
) -> None:
    turns = Turns(most=most, most_failing=most_failing)
    sending: dict[int, bool] = {}
    waiting: dict[int, bool] = {}
    for takes, sid, fails in steps:
        if takes and sid not in turns and sid not in waiting:
            if turns.take(sid, fails=fails):
                sending[sid] = fails
            else:
                waiting[sid] = fails
        elif not takes and sid in turns:
            turns.end(sid)
            del sending[sid]
            while (called := turns.call()) is not None:
                # Who waited longest among its like is called.
                assert called == next(
                    each for each, failing in waiting.items() if failing is waiting[called]
                )
                sending[called] = waiting.pop(called)
                assert turns.take(called, fails=sending[called], called=True)
        assert {each for each in range(13) if each in turns} == set(sending)
        assert len(turns) == len(sending) + len(waiting)
        assert len(sending) <= most and sum(sending.values()) <= most_failing
        free = len(sending) < most
        assert not (free and False in waiting.values())
        assert not (free and sum(sending.values()) < most_failing and True in waiting.values())
