"""Subscriptions whose criteria are a search: what is sent, in which order, and what ends it."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

import pytest

from hub.codecs.r4 import R4Codec
from hub.core.delivery import Delivered, DeliveryResult, Envelope, Failed, FailureClass
from hub.core.notification import NumberedEvent
from hub.core.release import FhirRelease
from hub.core.subscription import PayloadContent
from hub.core.timing import RetryPolicy
from hub.engine.classic_notification import classic_payload
from hub.errors import (
    CriteriaInvalid,
    NotTopicBased,
    SubscriptionRefused,
    Unprocessable,
)
from hub.stores.memory import MemoryStore
from tests.support.classic import put_classic
from tests.support.rig import HOUR, SECOND, Rig, a_rig
from tests.support.rig import on_rig as on_a_rig
from tests.support.rig_endpoints import Endpoints
from tests.support.rig_resources import SECRET, a_task, body_of, text_of
from tests.support.subscriptions import a_subscription
from tests.support.virtual_time import START, run_virtually

R4, R4B = FhirRelease.R4, FhirRelease.R4B
JSON = "application/fhir+json"
POLICY = RetryPolicy(schedule=(SECOND, 5 * SECOND), give_up_after=20 * SECOND, floor=SECOND)
OTHER = "Organization/other"


def on_rig(scenario: Callable[[Rig], Coroutine[Any, Any, None]], **settings: Any) -> None:
    """Run a scenario on a rig that soon gives up."""
    on_a_rig(scenario, **{"policy": POLICY, **settings})


def failing(failure: FailureClass) -> Endpoints:
    """Return endpoints that fail each time."""
    return Endpoints(answers=lambda envelope, attempt: Failed(failure=failure, reason="no"))


def targets(rig: Rig) -> list[str | None]:
    """Return the references of what was put, None for a call without body."""
    return [envelope.update for _, envelope in rig.endpoints.received]


@pytest.mark.parametrize("release", [R4, R4B])
def test_it_is_active_at_once_and_hears_of_each_new_state_that_matches(
    release: FhirRelease,
) -> None:
    async def scenario(rig: Rig) -> None:
        stored = await put_classic(rig, "sub", release=release, header=SECRET)
        assert stored.resource["status"] == "active"
        assert "payload" not in stored.resource["channel"]
        for owner in ("Organization/lab", "Organization/lab", OTHER, "Organization/lab"):
            await rig.write(a_task(owner, id="t1", note=[{"text": owner}]), release=release)
            await rig.write(a_task(owner, id="t1", note=[{"text": f"{owner} 2"}]), release=release)
        await rig.delete("Task/t1", release)
        await rig.write({"resourceType": "Patient", "id": "t1"}, release=release)
        await rig.after(SECOND)
        assert len(rig.endpoints.received) == 6
        for _, envelope in rig.endpoints.received:
            assert (envelope.body, envelope.content_type, envelope.update) == (b"", "", None)
            assert envelope.parameter == (("Authorization", "Bearer abc"), ("X-Key", "k1"))
            assert envelope.endpoint == "https://lab.example.org/fhir"

    on_rig(scenario)


def test_with_a_payload_each_version_that_fired_is_put_as_it_is_stored() -> None:
    async def scenario(rig: Rig) -> None:
        await put_classic(rig, "sub", payload=JSON)
        texts = []
        for number in range(3):
            (written,) = await rig.write(
                a_task(id="t1", note=[{"text": f"{number}"}], extension=[])
            )
            texts.append(text_of(written))
        await rig.after(SECOND)
        envelopes = [envelope for _, envelope in rig.endpoints.received]
        assert [envelope.body for envelope in envelopes] == texts
        assert {envelope.update for envelope in envelopes} == {"Task/t1"}
        assert {envelope.content_type for envelope in envelopes} == {JSON}
        versions = [json.loads(text)["meta"]["versionId"] for text in texts]
        assert versions == ["1", "2", "3"]

    on_rig(scenario)


def test_a_failure_is_tried_again_in_order_and_one_at_a_time() -> None:
    fates: list[DeliveryResult] = [
        Delivered(status=200),
        Failed(failure=FailureClass.BUSY, reason="no", status=503),
        Failed(failure=FailureClass.REFUSED, reason="no", status=404),
    ]

    def answer(envelope: Envelope, attempt: int) -> DeliveryResult:
        return fates[attempt - 1] if attempt <= len(fates) else Delivered(status=201)

    async def scenario(rig: Rig) -> None:
        await put_classic(rig, "sub", payload=JSON)
        for number in range(4):
            await rig.write(a_task(id=f"t{number}"))
        await rig.after(20 * SECOND)
        tried = [envelope.update for _, envelope in rig.endpoints.attempts]
        assert tried == ["Task/t0", "Task/t1", "Task/t1", "Task/t1", "Task/t2", "Task/t3"]
        assert targets(rig) == [f"Task/t{number}" for number in range(4)]
        attempts = await rig.hub.statuses.attempts(R4, "sub")
        assert [each.outcome for each in attempts][-3:] == ["refused", "busy", "delivered"]
        assert rig.subscriber("sub").error is None

    on_rig(scenario, endpoints=Endpoints(answers=answer))


def test_used_up_retries_mean_error_until_the_client_asks_again() -> None:
    async def scenario(rig: Rig) -> None:
        await put_classic(rig, "sub", payload=JSON)
        await rig.write(a_task(id="t0"))
        await rig.after(HOUR)
        assert rig.status("sub") == "error"
        told = rig.subscriber("sub").error
        (head,) = rig.hub.store.writer.history(R4, "Subscription", "sub", count=1)
        assert head.body is not None
        assert json.loads(head.body)["error"] == told == "no"
        rig.endpoints.answers = lambda envelope, attempt: Delivered(status=200)
        await rig.write(a_task(id="t1"))
        await rig.after(HOUR)
        assert rig.endpoints.received == []
        stored = await put_classic(rig, "sub", payload=JSON)
        assert stored.resource["status"] == "active"
        assert "error" not in stored.resource
        await rig.after(SECOND)
        assert targets(rig) == ["Task/t0", "Task/t1"]

    on_rig(scenario, endpoints=failing(FailureClass.CONNECTION))


def test_another_endpoint_is_tried_at_once() -> None:
    async def scenario(rig: Rig) -> None:
        await put_classic(rig, "sub")
        await rig.write(a_task())
        await rig.after(2 * SECOND)
        assert rig.subscriber("sub").delivery.failures == 2
        await put_classic(rig, "sub", endpoint="https://other.example.org/hook")
        await rig.after(SECOND / 10)
        assert rig.subscriber("sub").delivery.failures == 1
        assert rig.endpoints.attempts[-1][1].endpoint == "https://other.example.org/hook"

    on_rig(scenario, endpoints=failing(FailureClass.CONNECTION))


@pytest.mark.parametrize(
    ("failure", "status"), [(FailureClass.GONE, "off"), (FailureClass.BLOCKED, "error")]
)
def test_some_failures_end_it_at_once(failure: FailureClass, status: str) -> None:
    async def scenario(rig: Rig) -> None:
        await put_classic(rig, "sub")
        await rig.write(a_task())
        await rig.after(SECOND)
        assert rig.status("sub") == status
        assert len(rig.endpoints.attempts) == 1

    on_rig(scenario, endpoints=failing(failure))


def test_nothing_happens_while_it_is_off_and_its_end_turns_it_off() -> None:
    async def scenario(rig: Rig) -> None:
        end = (START + 2 * HOUR).isoformat()
        await put_classic(rig, "sub", payload=JSON, end=end)
        await put_classic(rig, "sub", payload=JSON, end=end, status="off")
        await rig.write(a_task(id="t0"))
        await put_classic(rig, "sub", payload=JSON, end=end)
        await rig.write(a_task(id="t1"))
        await rig.after(HOUR)
        assert targets(rig) == ["Task/t1"]
        await rig.after(HOUR)
        assert rig.status("sub") == "off"
        await rig.write(a_task(id="t2"))
        await rig.after(HOUR)
        assert targets(rig) == ["Task/t1"]

    on_rig(scenario)


def test_other_criteria_count_from_then_on_and_a_deleted_one_no_more() -> None:
    async def scenario(rig: Rig) -> None:
        await put_classic(rig, "sub", payload=JSON)
        await put_classic(rig, "sub", f"Task?owner={OTHER}", payload=JSON)
        await rig.write(a_task(id="t0"))
        await rig.write(a_task(OTHER, id="t1"))
        await rig.after(SECOND)
        assert targets(rig) == ["Task/t1"]
        await rig.hub.subscriptions.delete(R4, "sub")
        await rig.write(a_task(OTHER, id="t2"))
        await put_classic(rig, "sub", payload=JSON)
        await rig.write(a_task(id="t3"))
        await rig.after(SECOND)
        assert targets(rig) == ["Task/t1", "Task/t3"]

    on_rig(scenario)


def test_equal_criteria_in_two_spellings_share_one_stream() -> None:
    async def scenario(rig: Rig) -> None:
        await put_classic(rig, "a", "Task?status=requested&owner=Organization%2Flab")
        await put_classic(rig, "b", "/Task?owner=Organization/lab&status=requested&_count=1")
        await put_classic(rig, "c", "Task?status=requested")
        assert len(rig.hub.subscribers.streams()) == 2
        await rig.write(a_task())
        await rig.after(SECOND)
        assert len(rig.endpoints.received) == 3

    on_rig(scenario)


def test_a_backlog_is_sent_after_a_restart_in_order_and_nothing_twice() -> None:
    store = MemoryStore()
    down = failing(FailureClass.CONNECTION)

    async def scenario() -> None:
        async with a_rig(store=store, endpoints=down, policy=POLICY) as rig:
            await put_classic(rig, "sub", "Task?owner=Organization/lab&_sort=_id", payload=JSON)
            for number in range(3):
                await rig.write(a_task(id=f"t{number}"))
            await rig.after(SECOND)
        async with a_rig(store=store) as rig:
            assert not rig.refused
            await rig.write(a_task(id="t3"))
            await rig.write(a_task(OTHER, id="t4"))
            await rig.after(HOUR)
            assert targets(rig) == ["Task/t0", "Task/t1", "Task/t2", "Task/t3"]
        async with a_rig(store=store) as rig:
            await rig.after(HOUR)
            assert rig.endpoints.attempts == []

    run_virtually(scenario())


def test_what_expired_while_in_error_is_told_without_numbers() -> None:
    async def scenario(rig: Rig) -> None:
        await put_classic(rig, "sub", payload=JSON)
        for number in range(3):
            await rig.write(a_task(id=f"t{number}"))
        await rig.after(24 * HOUR)
        assert rig.status("sub") == "error"
        await rig.write(a_task(id="t3"))
        await rig.retention.sweep()
        rig.endpoints.answers = lambda envelope, attempt: Delivered(status=200)
        stored = await put_classic(rig, "sub", payload=JSON)
        words = "3 notifications are no longer kept and will not be sent"
        assert stored.resource["error"] == words
        await rig.after(SECOND)
        assert targets(rig) == ["Task/t3"]
        assert rig.subscriber("sub").error is None

    on_rig(scenario, endpoints=failing(FailureClass.CONNECTION), retain=HOUR)


def test_a_backlog_that_expired_as_a_whole_is_passed_over() -> None:
    async def scenario(rig: Rig) -> None:
        await put_classic(rig, "sub")
        await rig.write(a_task())
        await rig.after(24 * HOUR)
        await rig.retention.sweep()
        rig.endpoints.answers = lambda envelope, attempt: Delivered(status=200)
        await put_classic(rig, "sub")
        await rig.after(SECOND)
        assert rig.endpoints.received == []
        words = "one notification is no longer kept and will not be sent"
        assert rig.subscriber("sub").error == words

    on_rig(scenario, endpoints=failing(FailureClass.CONNECTION), retain=HOUR)


def test_a_topic_and_a_search_can_t_take_each_other_s_place() -> None:
    async def scenario(rig: Rig) -> None:
        await put_classic(rig, "search")
        await rig.update("topic")
        with pytest.raises(SubscriptionRefused, match="can't change") as refusal:
            await put_classic(rig, "topic")
        assert refusal.value.expression == "Subscription.criteria"
        with pytest.raises(SubscriptionRefused, match="can't change"):
            await rig.update("search")
        await rig.hub.subscriptions.delete(R4, "search")
        await rig.update("search")
        assert rig.status("search") == "requested"

    on_rig(scenario)


def test_criteria_that_can_t_be_evaluated_are_refused_and_nothing_is_stored() -> None:
    async def scenario(rig: Rig) -> None:
        with pytest.raises(CriteriaInvalid, match="stauts") as refusal:
            await put_classic(rig, "sub", "Task?stauts=requested")
        assert refusal.value.expression == "Subscription.criteria"
        assert rig.hub.subscribers.find(R4, "sub") is None
        stored = await put_classic(rig, "sub", "Task?status=requested&_format=json")
        assert body_of(stored)["criteria"] == "Task?status=requested&_format=json"

    on_rig(scenario)


def test_it_has_no_status_no_events_and_no_token() -> None:
    async def scenario(rig: Rig) -> None:
        await put_classic(rig, "hook")
        await put_classic(rig, "socket", channel="websocket")
        await rig.update("topic", type="websocket")
        assert [each.subscription_id for each in rig.hub.statuses.statuses(R4, None, ())] == [
            "topic"
        ]
        with pytest.raises(NotTopicBased, match="no event numbers"):
            await rig.hub.statuses.events(R4, "hook")
        with pytest.raises(NotTopicBased):
            rig.hub.tokens.issue(R4, ["socket"])
        assert rig.hub.tokens.issue(R4, None).ids == ("topic",)

    on_rig(scenario)


def test_a_trial_is_a_call_without_body_and_none_where_it_would_write() -> None:
    async def scenario(rig: Rig) -> None:
        await put_classic(rig, "hook", header=SECRET)
        await put_classic(rig, "base", payload=JSON)
        verified = await rig.hub.verification.verify(R4, "hook")
        assert verified.result == Delivered(status=200)
        ((_, envelope),) = rig.endpoints.attempts
        assert (envelope.body, envelope.content_type) == (b"", "")
        assert envelope.parameter[0][0] == "Authorization"
        with pytest.raises(Unprocessable, match="would write a resource"):
            await rig.hub.verification.verify(R4, "base")

    on_rig(scenario)


def test_an_event_without_resource_is_a_bug_where_one_is_to_be_sent() -> None:
    event = NumberedEvent(number=1, timestamp=START, focus=None)
    bare = a_subscription(R4, topic="Task", content=PayloadContent.EMPTY, content_type="")
    assert classic_payload(R4Codec(), bare, event) == (None, b"")
    with pytest.raises(ValueError, match="has a resource"):
        classic_payload(R4Codec(), a_subscription(R4, content=PayloadContent.FULL_RESOURCE), event)


def test_a_change_in_a_batch_is_told_once_for_each_resource() -> None:
    async def scenario(rig: Rig) -> None:
        await put_classic(rig, "sub", "Task?owner:Organization.name=Lab", payload=JSON)
        await rig.write(
            {"resourceType": "Organization", "id": "lab", "name": "Lab"},
            a_task(id="t1"),
            a_task(id="t2"),
            a_task(OTHER, id="t3"),
        )
        await rig.after(timedelta(seconds=1))
        assert targets(rig) == ["Task/t1", "Task/t2"]

    on_rig(scenario)
