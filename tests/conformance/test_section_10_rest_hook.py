"""The channel rest-hook."""

from __future__ import annotations

import asyncio

import pytest

from hub.core.release import FhirRelease
from tests.conformance.item import SHALL, SHOULD, item
from tests.conformance.recording import PAYLOADS, Recordings
from tests.conformance.story import told
from tests.journeys.hosting import Fhir, RunningHub, fresh, status_of
from tests.support.builders import a_subscription, a_task
from tests.support.endpoints import Endpoint, Held, Reply


@item("10.1", SHALL)
def test_10_1_everything_is_posted_under_the_type_that_was_asked_for(
    recordings: Recordings, release: FhirRelease
) -> None:
    for content in ("empty", "id-only", "full-resource"):
        each = recordings.one(release, content)
        kinds = [status_of(bundle)["type"] for bundle in each.notifications[:5]]
        assert kinds == ["handshake", *["event-notification"] * 3, "heartbeat"]
        for request in each.requests:
            assert request.method == "POST"
            assert request.target == "/hook"
            assert request.header("content-type") == PAYLOADS["rest-hook"]


@item("10.2", SHALL)
def test_10_2_each_header_is_sent(recordings: Recordings, release: FhirRelease) -> None:
    each = recordings.one(release, "id-only")
    assert [request.header("x-route") for request in each.requests] == ["a: b"] * 5


@item("10.2", SHALL)
async def test_10_2_names_may_come_twice_and_framing_is_the_hubs_own(fhir: Fhir) -> None:
    twice = [("X-Route", "one"), ("X-Route", "two")]
    async with Endpoint() as endpoint:
        await fhir.subscribed(endpoint, headers=twice)
        sent = [pair for pair in endpoint.received[0].headers if pair[0] == "X-Route"]
        assert sent == twice
        for name in ("Host", "Content-Length", "Content-Type", "Connection", "Transfer-Encoding"):
            wanted = a_subscription(fhir.release, endpoint=endpoint.url, headers=[(name, "x")])
            status, issue = await fhir.refused("POST", "Subscription", wanted)
            assert (status, issue["code"]) == (422, "value"), name


@item("10.3", SHALL)
async def test_10_3_a_handshake_is_answered_by_any_success(fhir: Fhir) -> None:
    async def one(status: int) -> None:
        async with Endpoint(default=Reply(status)) as endpoint:
            await fhir.subscribed(endpoint)
            said = told(endpoint.received[0], fhir.release)
            assert (said["type"], said["counter"], said["events"]) == ("handshake", "0", [])

    await asyncio.gather(*(one(status) for status in (200, 201, 202, 204)))


@item("10.4", SHOULD)
async def test_10_4_plain_http_and_unlisted_hosts_are_refused(
    strict: RunningHub, release: FhirRelease
) -> None:
    async with strict.client(release) as fhir:
        for endpoint in ("http://example.org/hook", "https://127.0.0.1/hook"):
            wanted = a_subscription(release, endpoint=endpoint)
            status, issue = await fhir.refused("POST", "Subscription", wanted)
            assert (status, issue["code"]) == (422, "business-rule"), endpoint
        accepted = a_subscription(release, endpoint="https://example.org/hook", status="off")
        await fhir.create(accepted)


@item("10.5", SHALL)
async def test_10_5_the_timeout_bounds_an_attempt(fhir: Fhir) -> None:
    owner = fresh()
    never = asyncio.Event()
    async with Endpoint([Reply(200), Held(never)]) as endpoint:
        stored = await fhir.subscribed(endpoint, filters=[f"Task?owner={owner}"], timeout=1)
        await fhir.create(a_task(owner))
        said = await fhir.until_error(stored["id"])
        assert said["errors"][0]["coding"][0]["code"] == "no-response"
        await endpoint.wait_for(3)
        attempts = await fhir.attempts(stored["id"])
        timed_out = [each for each in attempts if each["outcome"] != "delivered"]
        assert timed_out[0]["milliseconds"] == pytest.approx(1000, abs=600)
