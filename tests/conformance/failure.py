"""An endpoint that fails until its Subscription is in error, and the way back, for each release."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

from hub.core.release import FhirRelease, Resource
from tests.conformance.story import highest, told
from tests.journeys.hosting import RunningHub, fresh
from tests.support.builders import RELEASES, a_task
from tests.support.endpoints import Endpoint, Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What was seen.

    Event 1 was delivered, 2 was not, 3 happened in error.  ``read`` is the Subscription in error,
    ``asked`` what ``$status`` said before and after event 3, ``answered`` what the reactivation
    was answered.  ``sent_in_error`` and ``sent_after`` are what the endpoint received.
    ``bundles`` are all Bundles that say something of the error or follow it.
    """

    read: Resource
    asked: tuple[Resource, Resource]
    answered: Resource
    sent_in_error: list[Resource]
    sent_after: list[Resource]
    bundles: list[Resource]


Failures = dict[FhirRelease, Failure]


async def _fail(hub: RunningHub, release: FhirRelease) -> Failure:
    owner = fresh()
    answers = [Reply(200), Reply(200)]
    async with hub.client(release) as fhir, Endpoint(answers, default=Reply(500)) as endpoint:
        stored = await fhir.subscribed(endpoint, filters=[f"Task?owner={owner}"])
        path = f"Subscription/{stored['id']}"
        await fhir.create(a_task(owner))
        await endpoint.wait_for(2)
        await fhir.create(a_task(owner))
        first = await fhir.until(stored["id"], "error")
        tried = len(endpoint.received)
        endpoint.default = Reply(200)
        read = await fhir.get(path)
        asked = await fhir.get(f"{path}/$status")
        await fhir.create(a_task(owner))
        second = await fhir.status(stored["id"])
        in_error = endpoint.received[tried:]
        answered = await fhir.put(await fhir.get(path) | {"status": "requested"})
        await endpoint.wait_until(lambda: highest(endpoint) == 3)
        return Failure(
            read=read,
            asked=(first, second),
            answered=answered,
            sent_in_error=[told(each, release) for each in in_error],
            sent_after=[told(each, release) for each in endpoint.received[tried:]],
            bundles=[asked, *(json.loads(each.body) for each in endpoint.received[tried:])],
        )


async def fail_everywhere(hub: RunningHub) -> Failures:
    """Let it happen in every release at once."""
    found = await asyncio.gather(*(_fail(hub, release) for release in RELEASES))
    return dict(zip(RELEASES, found, strict=True))
