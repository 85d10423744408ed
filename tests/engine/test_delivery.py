"""Lanes: handshake, order, retries, heartbeats, errors, on virtual time."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from hub.core.delivery import Delivered, DeliveryResult, Envelope, Failed, FailureClass
from hub.core.subscription import Signal
from hub.core.timing import RetryPolicy
from hub.stores.memory import MemoryStore
from tests.support.rig import HOUR, SECOND, Rig, a_rig
from tests.support.rig_endpoints import Endpoints
from tests.support.rig_resources import a_task, id_of
from tests.support.virtual_time import run_virtually

OK = Delivered(status=200)
BUSY = Failed(failure=FailureClass.BUSY, reason="overloaded", status=503)
GONE = Failed(failure=FailureClass.GONE, reason="gone", status=410)
NOBODY = Failed(failure=FailureClass.CONNECTION, reason="connection refused")
POLICY = RetryPolicy(schedule=(SECOND, 5 * SECOND), give_up_after=20 * SECOND, floor=SECOND)


def answering(*results: DeliveryResult, then: DeliveryResult = OK) -> Endpoints:
    """Return endpoints whose answers are ``results`` in order, then always ``then``."""

    def answer(envelope: Envelope, attempt: int) -> DeliveryResult:
        return results[attempt - 1] if attempt <= len(results) else then

    return Endpoints(answers=answer)


def on_rig(scenario: Callable[[Rig], Coroutine[Any, Any, None]], **settings: Any) -> None:
    """Run a scenario on a new rig."""

    async def run() -> None:
        async with a_rig(**{"policy": POLICY, **settings}) as rig:
            await scenario(rig)

    run_virtually(run())


def test_the_first_handshake_waits_for_the_answer_to_the_create_and_says_zero() -> None:
    async def scenario(rig: Rig) -> None:
        created = rig.clock.now()
        id = id_of(await rig.subscribe())
        await rig.write(a_task())
        await rig.after(SECOND)
        at, _ = rig.endpoints.attempts[0]
        assert at - created >= timedelta(milliseconds=250)
        (handshake,) = rig.endpoints.of("handshake")
        assert handshake["events-since-subscription-start"] == "0"
        assert handshake["status"] == "requested"
        assert rig.status(id) == "active"
        assert rig.endpoints.numbers() == [1]

    on_rig(scenario)


def test_a_handshake_without_answer_is_tried_again_and_then_given_up() -> None:
    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe())
        await rig.after(HOUR)
        waits = [
            later - earlier
            for (earlier, _), (later, _) in zip(
                rig.endpoints.attempts, rig.endpoints.attempts[1:], strict=False
            )
        ]
        assert [round(wait.total_seconds()) for wait in waits] == [1, 3, 10]
        assert rig.status(id) == "error"
        assert rig.subscriber(id).error_code == "no-response"

    on_rig(scenario, endpoints=answering(then=NOBODY))


@pytest.mark.parametrize(
    ("failure", "status"),
    [(FailureClass.REFUSED, 404), (FailureClass.REJECTED, 400), (FailureClass.REDIRECT, 302)],
)
def test_a_handshake_that_is_refused_means_error_at_once(
    failure: FailureClass, status: int
) -> None:
    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe())
        await rig.after(SECOND)
        assert rig.status(id) == "error"
        assert len(rig.endpoints.attempts) == 1
        assert rig.subscriber(id).error == f"HTTP {status}: no"

    on_rig(scenario, endpoints=answering(Failed(failure=failure, reason="no", status=status)))


def test_a_retry_is_the_same_notification_byte_for_byte() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.subscribe()
        await rig.after(SECOND)
        await rig.write(a_task())
        await rig.write(a_task())
        await rig.after(SECOND * 10)
        bodies = [envelope.body for _, envelope in rig.endpoints.attempts[1:]]
        assert bodies[0] == bodies[1] == bodies[2]
        assert rig.endpoints.numbers() == [1, 2]

    on_rig(scenario, endpoints=answering(OK, BUSY, BUSY))


def test_what_comes_while_an_endpoint_fails_waits_and_comes_in_order() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.subscribe(max_count=2)
        await rig.after(SECOND)
        for _ in range(5):
            await rig.write(a_task())
        await rig.after(HOUR)
        assert rig.endpoints.numbers() == [1, 2, 3, 4, 5]
        sizes = [len(each["numbers"]) for each in rig.endpoints.of("event-notification")]
        assert max(sizes) == 2

    on_rig(scenario, endpoints=answering(OK, BUSY))


def test_the_schedule_used_up_means_error_and_only_the_client_leads_back() -> None:
    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe())
        await rig.after(SECOND)
        rig.endpoints.answers = lambda envelope, attempt: BUSY
        await rig.write(a_task())
        await rig.after(SECOND)
        assert rig.status(id) == "active"
        (status,) = rig.hub.statuses.statuses(rig.subscriber(id).subscription.release, [id], ())
        assert status.errors[0].code == "error-response"
        await rig.after(HOUR)
        assert rig.status(id) == "error"
        attempts = len(rig.endpoints.attempts)
        await rig.write(a_task())
        await rig.after(24 * HOUR)
        assert len(rig.endpoints.attempts) == attempts
        assert rig.hub.subscribers.top(rig.subscriber(id)) == 2

        rig.endpoints.answers = lambda envelope, attempt: OK
        await rig.update(id)
        assert rig.status(id) == "requested"
        await rig.after(SECOND)
        assert rig.status(id) == "active"
        assert rig.endpoints.of("handshake")[-1]["events-since-subscription-start"] == "2"
        assert rig.endpoints.numbers() == [1, 2]
        assert rig.subscriber(id).error is None

    on_rig(scenario)


def test_a_success_clears_the_error() -> None:
    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe())
        await rig.after(SECOND)
        await rig.write(a_task())
        await rig.after(timedelta(milliseconds=100))
        assert rig.subscriber(id).error == "HTTP 503: overloaded"
        await rig.after(5 * SECOND)
        assert rig.subscriber(id).error is None
        assert rig.subscriber(id).delivery.failures == 0

    on_rig(scenario, endpoints=answering(OK, BUSY))


def test_gone_means_off_and_off_counts_nothing() -> None:
    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe())
        await rig.after(SECOND)
        await rig.write(a_task())
        await rig.after(SECOND)
        assert rig.status(id) == "off"
        await rig.write(a_task())
        assert rig.hub.subscribers.top(rig.subscriber(id)) == 1

        await rig.update(id, status="active")
        await rig.after(SECOND)
        await rig.write(a_task())
        await rig.after(SECOND)
        assert rig.endpoints.numbers() == [1, 2]

    on_rig(scenario, endpoints=answering(OK, GONE))


def test_a_blocked_endpoint_means_error_without_a_second_try() -> None:
    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe())
        await rig.after(SECOND)
        await rig.write(a_task())
        await rig.after(HOUR)
        assert rig.status(id) == "error"
        assert len(rig.endpoints.attempts) == 2

    blocked = Failed(failure=FailureClass.BLOCKED, reason="not allowed")
    on_rig(scenario, endpoints=answering(OK, blocked, blocked))


def test_heartbeats_come_once_a_silent_period_and_carry_no_number() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.subscribe(heartbeat=60)
        await rig.after(SECOND)
        await rig.after(timedelta(seconds=30))
        await rig.write(a_task())
        await rig.after(timedelta(seconds=300))
        beats = [at for at, envelope in rig.endpoints.received if b'"heartbeat"' in envelope.body]
        assert len(beats) == 4
        assert beats[0] - rig.endpoints.received[1][0] >= timedelta(seconds=60)
        assert rig.endpoints.of("heartbeat")[0]["events-since-subscription-start"] == "1"

    on_rig(scenario)


def test_without_a_period_there_is_no_heartbeat() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.subscribe()
        await rig.after(48 * HOUR)
        assert len(rig.endpoints.attempts) == 1

    on_rig(scenario)


def test_heartbeats_go_on_while_an_endpoint_fails_and_one_that_arrives_pulls_the_retry() -> None:
    patient = replace(POLICY, schedule=(HOUR,), give_up_after=24 * HOUR)

    def answer(envelope: Envelope, attempt: int) -> DeliveryResult:
        return BUSY if b"event-notification" in envelope.body and attempt < 4 else OK

    async def scenario(rig: Rig) -> None:
        await rig.subscribe(heartbeat=60)
        await rig.after(SECOND)
        await rig.write(a_task())
        await rig.after(timedelta(seconds=200))
        assert rig.endpoints.numbers() == [1]
        assert len(rig.endpoints.of("heartbeat")) >= 1

    on_rig(scenario, endpoints=Endpoints(answers=answer), policy=patient)


def test_a_failing_heartbeat_shows_in_the_status_but_is_no_try() -> None:
    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe(heartbeat=60))
        await rig.after(SECOND)
        rig.endpoints.answers = lambda envelope, attempt: NOBODY
        await rig.after(timedelta(seconds=150))
        subscriber = rig.subscriber(id)
        assert subscriber.error_code == "no-response"
        assert subscriber.delivery.failures == 0
        assert len(rig.endpoints.attempts) == 3

    on_rig(scenario)


def test_the_end_switches_a_subscription_off() -> None:
    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe(end="2026-01-01T00:10:00Z"))
        await rig.after(SECOND)
        assert rig.status(id) == "active"
        await rig.after(HOUR)
        assert rig.status(id) == "off"

    on_rig(scenario)


def test_a_failure_of_the_old_endpoint_is_not_held_against_the_new_one() -> None:
    async def scenario(rig: Rig) -> None:
        id = id_of(await rig.subscribe())
        await rig.after(SECOND)
        before = rig.subscriber(id)
        await rig.update(id, endpoint="https://new.example.org/hook", status="active")
        followed = await rig.hub.subscriptions.signal(
            before.sid, before.generation, Signal.GONE, error="gone"
        )
        assert not followed
        assert rig.status(id) == "requested"

    on_rig(scenario)


def test_after_a_restart_delivery_goes_on_where_it_was() -> None:
    store = MemoryStore()
    endpoints = answering(OK, BUSY, BUSY, BUSY)

    async def scenario() -> None:
        async with a_rig(store=store, endpoints=endpoints, policy=POLICY) as rig:
            await rig.subscribe()
            await rig.after(SECOND)
            await rig.write(a_task())
            await rig.write(a_task())
        async with a_rig(store=store, endpoints=endpoints, policy=POLICY) as rig:
            await rig.after(HOUR)
            assert endpoints.numbers() == [1, 2]

    run_virtually(scenario())


def test_attempts_are_kept_without_bodies() -> None:
    async def scenario(rig: Rig) -> None:
        stored = await rig.subscribe()
        await rig.after(SECOND)
        await rig.write(a_task())
        await rig.after(5 * SECOND)
        release = rig.subscriber(id_of(stored)).subscription.release
        attempts = await rig.hub.statuses.attempts(release, id_of(stored))
        assert [(each.kind, each.outcome, each.first) for each in attempts] == [
            ("events", "delivered", 1),
            ("events", "busy", 1),
            ("handshake", "delivered", 0),
        ]

    on_rig(scenario, endpoints=answering(OK, BUSY))
