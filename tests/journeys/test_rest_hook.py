"""Rest-hook delivery: handshakes, headers, retries, and what ends a Subscription."""

from __future__ import annotations

import asyncio
import json
import time
from datetime import timedelta
from typing import Any

import pytest

from hub.core.release import FhirRelease
from tests.journeys.hosting import (
    PATIENCE,
    Fhir,
    RunningHub,
    fresh,
    in_every_release,
    numbers_of,
    running_hub,
    status_of,
)
from tests.support.builders import a_subscription, a_task
from tests.support.endpoints import Endpoint, Held, Received, Reply, redirect
from tests.support.notification_rules import check_notification
from tests.support.ports import fresh_port

R4 = FhirRelease.R4


def _told(received: Received) -> tuple[str, list[int]]:
    bundle = json.loads(received.body)
    return status_of(bundle)["type"], numbers_of(bundle)


def _highest(endpoint: Endpoint) -> int:
    return max((n for each in endpoint.received for n in _told(each)[1]), default=0)


def test_a_subscription_created_active_is_requested_until_its_handshake(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        async with Endpoint() as endpoint:
            started = time.monotonic()
            stored = await fhir.create(
                a_subscription(fhir.release, endpoint=endpoint.url, status="active")
            )
            assert stored["status"] == "requested"
            assert not endpoint.received
            (handshake,) = await endpoint.wait_for(1)
            assert time.monotonic() - started >= 0.25
            said = status_of(check_notification(handshake.body, fhir.release))
            assert (said["type"], said["status"], said["counter"]) == (
                "handshake",
                "requested",
                "0",
            )
            await fhir.until(stored["id"], "active")
            assert (await fhir.get(f"Subscription/{stored['id']}"))["status"] == "active"
            (attempt,) = await fhir.attempts(stored["id"])
            assert (attempt["kind"], attempt["outcome"], attempt["status"]) == (
                "handshake",
                "delivered",
                200,
            )

    in_every_release(hub, scenario)


def test_any_success_completes_a_handshake_and_a_delivery(hub: RunningHub) -> None:
    async def one(fhir: Fhir, status: int) -> None:
        owner = fresh()
        async with Endpoint(default=Reply(status)) as endpoint:
            stored = await fhir.subscribed(endpoint, filters=[f"Task?owner={owner}"])
            await fhir.create(a_task(owner))
            await endpoint.wait_for(2)
            assert (await fhir.status(stored["id"]))["errors"] == []

    async def scenario(fhir: Fhir) -> None:
        await asyncio.gather(*(one(fhir, status) for status in (200, 201, 202, 204, 299)))

    in_every_release(hub, scenario, [R4])


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Reply(404), id="404"),
        pytest.param(Reply(400), id="400"),
        pytest.param(Reply(401), id="401"),
        pytest.param(redirect("/elsewhere"), id="307"),
        pytest.param(Reply(304), id="304"),
    ],
)
def test_a_handshake_that_is_refused_means_error_at_once(hub: RunningHub, answer: Reply) -> None:
    async def scenario(fhir: Fhir) -> None:
        async with Endpoint([answer]) as endpoint:
            stored = await fhir.create(a_subscription(fhir.release, endpoint=endpoint.url))
            said = await fhir.until(stored["id"], "error")
            assert len(endpoint.received) == 1
            (error,) = said["errors"]
            assert error["coding"][0]["code"] == "error-response"
            assert str(answer.status) in error["text"]
            read = await fhir.get(f"Subscription/{stored['id']}")
            assert read["status"] == "error"
            if fhir.release is not FhirRelease.R5:
                assert str(answer.status) in read["error"]

    in_every_release(hub, scenario)


def test_a_handshake_that_met_a_busy_endpoint_is_tried_again(hub: RunningHub) -> None:
    async def one(fhir: Fhir, status: int) -> None:
        async with Endpoint([Reply(status)]) as endpoint:
            stored = await fhir.create(a_subscription(fhir.release, endpoint=endpoint.url))
            said = await fhir.until_error(stored["id"])
            assert said["status"] == "requested"
            first, second = await endpoint.wait_for(2)
            assert _told(first) == _told(second) == ("handshake", [])
            said = await fhir.until(stored["id"], "active")
            assert said["errors"] == []

    async def scenario(fhir: Fhir) -> None:
        await asyncio.gather(*(one(fhir, status) for status in (408, 425, 429, 500, 503)))

    in_every_release(hub, scenario, [R4])


def test_a_handshake_that_nobody_answers_is_tried_again(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        stored = await fhir.create(
            a_subscription(fhir.release, endpoint=f"http://127.0.0.1:{fresh_port()}/hook")
        )
        said = await fhir.until_error(stored["id"])
        assert said["status"] == "requested"
        assert said["errors"][0]["coding"][0]["code"] == "no-response"
        (attempt,) = await fhir.attempts(stored["id"])
        assert (attempt["kind"], attempt["outcome"]) == ("handshake", "connection")
        await fhir.delete(f"Subscription/{stored['id']}")

    in_every_release(hub, scenario)


def test_a_failing_endpoint_is_told_in_the_status_until_it_recovers(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        recovered = asyncio.Event()
        async with Endpoint([Reply(200), Reply(503), Held(recovered)]) as endpoint:
            stored = await fhir.subscribed(endpoint, filters=[f"Task?owner={owner}"])
            await fhir.create(a_task(owner))
            await endpoint.wait_for(2)
            said = await fhir.until_error(stored["id"])
            assert said["status"] == "active"
            (error,) = said["errors"]
            assert error["coding"][0]["code"] == "error-response"
            assert "503" in error["text"]
            assert (await fhir.get(f"Subscription/{stored['id']}"))["status"] == "active"
            await endpoint.wait_for(3)
            recovered.set()
            async with asyncio.timeout(PATIENCE):
                while (await fhir.status(stored["id"]))["errors"]:
                    pass
            _, first, again = endpoint.received
            assert first.body == again.body
            kinds = [each["outcome"] for each in await fhir.attempts(stored["id"])]
            assert kinds == ["delivered", "busy", "delivered"]

    in_every_release(hub, scenario)


def test_what_joins_the_backlog_does_not_change_a_retry(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        async with Endpoint([Reply(200), Reply(503), Reply(503)]) as endpoint:
            await fhir.subscribed(endpoint, filters=[f"Task?owner={owner}"])
            await fhir.create(a_task(owner))
            await endpoint.wait_for(2)
            await fhir.create(a_task(owner))
            _, *tries = await endpoint.wait_for(5)
            assert [_told(each)[1] for each in tries] == [[1], [1], [1], [2]]
            assert len({each.body for each in tries}) == 2

    in_every_release(hub, scenario)


def test_an_answer_of_gone_switches_the_subscription_off(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        async with Endpoint([Reply(200), Reply(410)]) as endpoint:
            stored = await fhir.subscribed(endpoint, filters=[f"Task?owner={owner}"])
            await fhir.create(a_task(owner))
            said = await fhir.until(stored["id"], "off")
            assert said["counter"] == "1"
            assert "410" in said["errors"][0]["text"]
            await fhir.create(a_task(owner))
            assert (await fhir.status(stored["id"]))["counter"] == "1"

    in_every_release(hub, scenario)


def test_a_gone_endpoint_switches_off_at_its_handshake(hub: RunningHub) -> None:
    async def scenario() -> None:
        async with hub.client(R4) as fhir, Endpoint([Reply(410)]) as endpoint:
            stored = await fhir.create(a_subscription(R4, endpoint=endpoint.url))
            await fhir.until(stored["id"], "off")

    asyncio.run(scenario())


def test_events_count_while_requested_and_follow_the_handshake(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        async with Endpoint() as endpoint:
            stored = await fhir.create(
                a_subscription(fhir.release, endpoint=endpoint.url, filters=[f"Task?owner={owner}"])
            )
            await fhir.create(a_task(owner))
            said = await fhir.status(stored["id"])
            assert (said["status"], said["counter"]) == ("requested", "1")
            handshake, event = await endpoint.wait_for(2)
            said = status_of(check_notification(handshake.body, fhir.release))
            assert (said["type"], said["counter"]) == ("handshake", "0")
            assert _told(event) == ("event-notification", [1])

    in_every_release(hub, scenario)


def test_a_used_up_schedule_means_error_and_reactivation_brings_the_backlog() -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        async with Endpoint([Reply(200)], default=Reply(500)) as endpoint:
            stored = await fhir.subscribed(endpoint, filters=[f"Task?owner={owner}"], heartbeat=1)
            path = f"Subscription/{stored['id']}"
            await fhir.create(a_task(owner))
            said = await fhir.until(stored["id"], "error")
            assert said["counter"] == "1"
            assert "500" in said["errors"][0]["text"]
            tried = len(endpoint.received)
            for _ in range(2):
                await fhir.create(a_task(owner))
            assert (await fhir.status(stored["id"]))["counter"] == "3"
            assert len(endpoint.received) == tried
            endpoint.default = Reply(200)
            read = await fhir.get(path)
            back = await fhir.put(read | {"status": "active"})
            assert back["status"] == "requested"
            assert "error" not in back
            await endpoint.wait_until(lambda: _highest(endpoint) == 3)
            after = endpoint.received[tried:]
            said = status_of(check_notification(after[0].body, fhir.release))
            assert (said["type"], said["status"], said["counter"]) == (
                "handshake",
                "requested",
                "3",
            )
            assert _told(after[1]) == ("event-notification", [1, 2, 3])
            said = await fhir.until(stored["id"], "active")
            assert said["errors"] == []
            await fhir.create(a_task(owner))
            await endpoint.wait_until(lambda: _highest(endpoint) == 4)

    with running_hub(
        retry_schedule=(timedelta(milliseconds=20),), give_up_after=timedelta(milliseconds=40)
    ) as hub:
        in_every_release(hub, scenario)


def test_headers_and_content_type_are_sent_as_they_were_asked_for(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        payload = f"application/fhir+json; fhirVersion={fhir.release.version}"
        headers = [
            ("Authorization", "Bearer secret:with:colons"),
            ("X-Route", "one"),
            ("X-Route", "two"),
            ("x-Case", "kept"),
        ]
        async with Endpoint() as endpoint:
            stored = await fhir.subscribed(endpoint, payload=payload, headers=headers)
            (received,) = await endpoint.wait_for(1)
            assert received.method == "POST"
            assert received.target == "/hook"
            assert received.header("content-type") == payload
            sent = [(name, value) for name, value in received.headers]
            for header in headers:
                assert header in sent
            assert received.header("host") == f"127.0.0.1:{endpoint.port}"
            assert stored["status"] == "requested"

    in_every_release(hub, scenario)


@pytest.mark.parametrize("payload", ["application/json", "application/fhir+json", None])
def test_the_mime_type_is_verbatim_and_has_a_default(hub: RunningHub, payload: str | None) -> None:
    async def scenario(fhir: Fhir) -> None:
        async with Endpoint() as endpoint:
            stored = await fhir.subscribed(endpoint, payload=payload)
            (received,) = await endpoint.wait_for(1)
            expected = payload or "application/fhir+json"
            assert received.header("content-type") == expected
            shown = stored.get("contentType") or stored["channel"]["payload"]
            assert shown == expected

    in_every_release(hub, scenario)


def test_a_slow_endpoint_holds_only_its_own_subscription(hub: RunningHub) -> None:
    async def scenario() -> None:
        owner = fresh()
        hold = asyncio.Event()
        async with (
            hub.client(R4) as fhir,
            Endpoint([Reply(200), Held(hold)]) as slow,
            Endpoint() as quick,
        ):
            for endpoint in (slow, quick):
                await fhir.subscribed(endpoint, filters=[f"Task?owner={owner}"], max_count=1)
            for _ in range(5):
                await fhir.create(a_task(owner))
            await quick.wait_until(lambda: _highest(quick) == 5)
            assert len(slow.received) == 2
            hold.set()
            await slow.wait_until(lambda: _highest(slow) == 5)

    asyncio.run(scenario())


def test_events_arrive_in_order_and_without_gap_under_load(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        answers = [Reply(200), Reply(200), Reply(503), Reply(200), Reply(503)]
        async with Endpoint(answers) as endpoint:
            await fhir.subscribed(endpoint, filters=[f"Task?owner={owner}"], max_count=3)
            await asyncio.gather(*(fhir.create(a_task(owner)) for _ in range(25)))
            await endpoint.wait_until(lambda: _highest(endpoint) == 25)
            seen: list[int] = []
            for each in endpoint.received:
                seen += [n for n in _told(each)[1] if n not in seen]
            assert seen == list(range(1, 26))

    in_every_release(hub, scenario)


def test_retry_after_is_honoured(hub: RunningHub) -> None:
    async def scenario() -> None:
        owner = fresh()
        busy = Reply(429, (("Retry-After", "1"),))
        async with hub.client(R4) as fhir, Endpoint([Reply(200), busy]) as endpoint:
            await fhir.subscribed(endpoint, filters=[f"Task?owner={owner}"])
            await fhir.create(a_task(owner))
            await endpoint.wait_for(2)
            before = time.monotonic()
            await endpoint.wait_for(3)
            assert time.monotonic() - before >= 0.9

    asyncio.run(scenario())


def test_a_timeout_of_the_subscription_bounds_an_attempt(hub: RunningHub) -> None:
    async def scenario() -> None:
        never = asyncio.Event()
        async with hub.client(R4) as fhir, Endpoint([Reply(200), Held(never)]) as endpoint:
            owner = fresh()
            stored = await fhir.subscribed(endpoint, filters=[f"Task?owner={owner}"], timeout=1)
            await fhir.create(a_task(owner))
            said = await fhir.until_error(stored["id"])
            assert said["errors"][0]["coding"][0]["code"] == "no-response"
            await endpoint.wait_for(3)

    asyncio.run(scenario())


def test_verify_sends_a_handshake_and_says_what_came_of_it(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        async with Endpoint([Reply(200), Reply(418)]) as endpoint:
            stored = await fhir.subscribed(endpoint)
            answer = await fhir.ask("POST", f"Subscription/{stored['id']}/$verify")
            assert answer.status_code == 200, answer.text
            parts: dict[str, Any] = {
                each["name"]: next(v for k, v in each.items() if k != "name")
                for each in answer.json()["parameter"]
            }
            assert parts["outcome"] != "delivered"
            assert parts["status"] == 418
            assert _told(endpoint.received[-1])[0] == "handshake"
            assert (await fhir.status(stored["id"]))["status"] == "active"

    in_every_release(hub, scenario)
