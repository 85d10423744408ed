"""What the journeys of messages share: Subscriptions by message, and hubs that tell each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from hub.core.message import MessageEvent
from hub.core.release import FhirRelease
from tests.journeys.hosting import PATIENCE, Fhir, RunningHub
from tests.support.builders import a_subscription

EVENT = MessageEvent("https://hub.example.org/events", "told")
LIMIT = timedelta(seconds=2)


async def subscribed(fhir: Fhir, endpoint: str, **changes: Any) -> str:
    """Create a Subscription of channel message; return its id once it is active."""
    wanted = a_subscription(
        fhir.release, channel="message", endpoint=endpoint, content="full-resource", **changes
    )
    stored = await fhir.create(wanted)
    assert stored["status"] == "requested"
    await fhir.until(stored["id"], "active")
    id: str = stored["id"]
    return id


@asynccontextmanager
async def both(
    hub: RunningHub, other: RunningHub, release: FhirRelease
) -> AsyncIterator[tuple[Fhir, Fhir]]:
    async with hub.client(release) as here, other.client(release) as there:
        yield here, there


async def all_delivered(fhir: Fhir, id: str, last: int) -> None:
    """Wait until a Subscription was told of its event ``last``, and its status knows."""
    async with asyncio.timeout(PATIENCE):
        while not any(
            (each["kind"], each["outcome"], int(each["last"])) == ("events", "delivered", last)
            for each in await fhir.attempts(id)
        ):
            pass
        # The attempt is to be seen once it is committed, a moment before the status.
        while (await fhir.status(id))["errors"]:
            pass
