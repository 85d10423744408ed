"""``$validate`` says what a create says, of everything that can be wrong."""

from __future__ import annotations

import asyncio
import json

import pytest

from hub.core.release import FhirRelease
from tests.journeys.hosting import Fhir, RunningHub, in_every_release
from tests.support.builders import a_subscription
from tests.support.endpoints import Endpoint
from tests.support.wrong_subscriptions import ENDPOINT, WRONG, Wrong

CASES = [
    pytest.param(wrong, release, id=f"{release}-{wrong.name}")
    for wrong in WRONG
    for release in wrong.releases
]


@pytest.mark.parametrize(("wrong", "release"), CASES)
def test_what_is_refused_is_told_in_the_same_words(
    hub: RunningHub, wrong: Wrong, release: FhirRelease
) -> None:
    async def scenario() -> None:
        refused = json.loads(json.dumps(a_subscription(release, endpoint=ENDPOINT)))
        wrong.change(refused)
        refused = json.loads(json.dumps(refused).replace("{hub}", hub.url))
        async with hub.client(release) as fhir:
            tried = await fhir.ask("POST", "Subscription/$validate", refused)
            assert tried.status_code == 200, tried.text
            created = await fhir.ask("POST", "Subscription", refused)
            assert created.status_code == wrong.status
            assert tried.json() == created.json()

    asyncio.run(scenario())


def test_nothing_is_stored_sent_or_numbered(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        async with Endpoint() as endpoint:
            wanted = a_subscription(fhir.release, endpoint=endpoint.url)
            tried = await fhir.ask("POST", "Subscription/$validate", wanted)
            assert tried.status_code == 200
            assert {each["severity"] for each in tried.json()["issue"]} == {"information"}
            assert (await fhir.get("Subscription?_summary=count"))["total"] == 0
            assert "entry" not in await fhir.get("Subscription/_history")
            stored = await fhir.create(wanted)
            (handshake,) = await endpoint.wait_for(1)
            assert stored["id"] in handshake.body.decode()
            assert len(endpoint.received) == 1
            await fhir.delete(f"Subscription/{stored['id']}")

    in_every_release(hub, scenario)
