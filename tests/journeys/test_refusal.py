"""Every kind of wrong Subscription is refused with the element, and nothing is stored."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

import pytest

from hub.core.release import FhirRelease, Resource
from tests.journeys.hosting import Fhir, RunningHub
from tests.support.builders import a_subscription
from tests.support.wrong_classic import WRONG_CLASSIC
from tests.support.wrong_subscriptions import ENDPOINT, WRONG, Wrong

CASES: Final = [
    pytest.param(wrong, release, id=f"{release}-{wrong.name}")
    for wrong in (*WRONG, *WRONG_CLASSIC)
    for release in wrong.releases
]


@pytest.mark.parametrize(("wrong", "release"), CASES)
def test_a_wrong_subscription_is_refused(
    hub: RunningHub, wrong: Wrong, release: FhirRelease
) -> None:
    async def scenario() -> None:
        sound = a_subscription(release, endpoint=ENDPOINT)
        refused = json.loads(json.dumps(sound))
        wrong.change(refused)
        refused = json.loads(json.dumps(refused).replace("{hub}", hub.url))
        async with hub.client(release) as fhir:
            await _refused(fhir, wrong, refused)

    asyncio.run(scenario())


async def _refused(fhir: Fhir, wrong: Wrong, resource: Resource) -> None:
    answer = await fhir.ask("POST", "Subscription", resource)
    assert answer.status_code == wrong.status, answer.text
    outcome: dict[str, Any] = answer.json()
    assert outcome["resourceType"] == "OperationOutcome"
    issue = outcome["issue"][0]
    assert issue["severity"] == "error"
    assert issue["diagnostics"]
    assert issue["details"]["coding"][0]["code"] == wrong.slug, issue
    assert issue["expression"][0].startswith(wrong.in_release(fhir.release)), issue
    search = await fhir.get("Subscription?_summary=count")
    assert search["total"] == 0
