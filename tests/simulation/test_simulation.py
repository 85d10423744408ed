"""The whole engine under seeded luck: nothing is lost, repeated numbers or out of order."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import pytest

from hub.core.delivery import Delivered, DeliveryResult, Envelope, Failed, FailureClass
from hub.core.timing import RetryPolicy
from tests.simulation.world import World
from tests.support.rig import SECOND, a_rig
from tests.support.rig_endpoints import Endpoints
from tests.support.rig_resources import a_task
from tests.support.virtual_time import START, run_virtually

HEALTHY = "https://healthy.example.org/"


@pytest.mark.parametrize("seed", range(40))
def test_what_was_acknowledged_is_delivered_in_order_under_one_number(
    seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    run_virtually(World(seed).live(100), seed=seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1000, 3000))
def test_long_seeds(seed: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    run_virtually(World(seed).live(200), seed=seed)


def _sick(envelope: Envelope, attempt: int) -> DeliveryResult:
    if envelope.endpoint == HEALTHY:
        return Delivered(status=200)
    return Failed(failure=FailureClass.TIMEOUT, reason="sick")


def _instants(neighbours: int) -> list[datetime]:
    """Return when the healthy endpoint got its events beside so many sick ones."""
    endpoints = Endpoints(answers=_sick)

    async def scenario() -> None:
        policy = RetryPolicy(schedule=(SECOND,), floor=SECOND)
        async with a_rig(endpoints=endpoints, policy=policy) as rig:
            await rig.subscribe(endpoint=HEALTHY, id="healthy")
            for index in range(neighbours):
                await rig.subscribe(endpoint=f"https://sick{index}.example.org/")
            await rig.after(SECOND)
            for _ in range(20):
                await rig.write(a_task())
                await rig.after(timedelta(seconds=7))

    run_virtually(scenario())
    return [
        at for at, envelope in endpoints.received if envelope.endpoint == HEALTHY and at > START
    ]


def test_sick_neighbours_do_not_change_when_a_healthy_endpoint_hears() -> None:
    alone, beside = _instants(0), _instants(30)
    assert len(alone) == len(beside) == 21
    assert all(
        abs(one - other) < timedelta(milliseconds=1)
        for one, other in zip(alone[1:], beside[1:], strict=True)
    )
