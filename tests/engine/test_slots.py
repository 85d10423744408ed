"""Lanes share a bounded number of attempts; who waits for a turn sends what is true then."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from hub.core.delivery import DeliveryResult, Envelope
from hub.engine.delivery import MOST_AT_ONCE
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
