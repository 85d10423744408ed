"""Errors of delivery: how they are told, and what the hub does about them."""

from __future__ import annotations

import asyncio
import time

from tests.conformance.item import BACKPORTED, R5, REC, SHALL, SHOULD, item
from tests.conformance.story import highest
from tests.journeys.hosting import PATIENCE, Fhir, fresh
from tests.support.builders import a_subscription, a_task
from tests.support.endpoints import Endpoint, Reply, redirect

ERRORS = "http://terminology.hl7.org/CodeSystem/subscription-error"


@item("9.1", SHALL)
async def test_9_1_an_error_is_text_in_r4_and_a_concept_in_the_status(fhir: Fhir) -> None:
    async with Endpoint([Reply(404)]) as endpoint:
        wanted = a_subscription(fhir.release, endpoint=endpoint.url)
        stored = await fhir.create(wanted)
        said = await fhir.until(stored["id"], "error")
        (error,) = said["errors"]
        assert error["coding"] == [{"system": ERRORS, "code": "error-response"}]
        assert "404" in error["text"]
        read = await fhir.get(f"Subscription/{stored['id']}")
        assert ("error" in read) is (fhir.release in BACKPORTED)
        back = read | {"status": "requested"}
        if fhir.release is not R5:
            assert "404" in read["error"]
            back["error"] = "says the client"
        changed = await fhir.put(back)
        assert "error" not in changed
        said = await fhir.until(stored["id"], "active")
        assert said["errors"] == []


@item("9.2", SHALL)
async def test_9_2_a_success_is_a_delivery_whatever_it_says(fhir: Fhir) -> None:
    owner = fresh()
    odd = Reply(202, (("Content-Type", "application/fhir+json"),), b'{"resourceType":"')
    async with Endpoint([Reply(204), odd]) as endpoint:
        stored = await fhir.subscribed(endpoint, filters=[f"Task?owner={owner}"])
        await fhir.create(a_task(owner))
        await fhir.create(a_task(owner))
        await endpoint.wait_until(lambda: highest(endpoint) == 2)
        assert len(endpoint.received) in (2, 3)
        assert (await fhir.status(stored["id"]))["errors"] == []


@item("9.3", SHOULD)
async def test_9_3_a_failure_is_tried_again_recorded_and_at_last_an_error(fhir: Fhir) -> None:
    owner = fresh()
    async with Endpoint([Reply(200), Reply(503), Reply(503)]) as endpoint:
        stored = await fhir.subscribed(endpoint, filters=[f"Task?owner={owner}"])
        await fhir.create(a_task(owner))
        await endpoint.wait_for(4)
        async with asyncio.timeout(PATIENCE):
            while (await fhir.status(stored["id"]))["errors"]:
                pass
        outcomes = [each["outcome"] for each in await fhir.attempts(stored["id"])]
        assert outcomes == ["delivered", "busy", "busy", "delivered"]


@item("9.4", REC)
async def test_9_4_retry_after_is_kept_gone_is_the_end_and_no_redirect_is_followed(
    fhir: Fhir,
) -> None:
    owner = fresh()
    mine = [f"Task?owner={owner}"]
    busy = Reply(429, (("Retry-After", "1"),))
    async with (
        Endpoint([Reply(200), busy]) as waiting,
        Endpoint([Reply(200), Reply(410)]) as gone,
        Endpoint() as target,
        Endpoint([redirect(target.url)]) as moved,
    ):
        refused = await fhir.create(a_subscription(fhir.release, endpoint=moved.url))
        _, ended = await asyncio.gather(
            fhir.subscribed(waiting, filters=mine), fhir.subscribed(gone, filters=mine)
        )
        await fhir.create(a_task(owner))
        await waiting.wait_for(2)
        before = time.monotonic()
        await waiting.wait_for(3)
        assert time.monotonic() - before >= 0.9
        await fhir.until(ended["id"], "off")
        await fhir.until(refused["id"], "error")
        assert not target.received
