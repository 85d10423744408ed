"""What the tests of the pages of Subscriptions share: outages, and what the pages tell."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hub.core.delivery import Delivered, Failed, FailureClass, Timing
from hub.core.release import FhirRelease, Resource
from hub.core.timing import RetryPolicy
from tests.support.rig_endpoints import Endpoints
from tests.support.rig_resources import a_task, subscription_of
from tests.web.site import Site

SECOND = timedelta(seconds=1)
TIMING = Timing(address="192.0.2.1", dns=1.0, connect=2.0, tls=3.0, wait=4.0, total=11.25)
BUSY = Failed(failure=FailureClass.BUSY, reason="overloaded", status=503, timing=TIMING)
POLICY = RetryPolicy(schedule=(5 * SECOND,), give_up_after=60 * SECOND, floor=SECOND)


class Switch:
    """Endpoints that can be switched to fail, by their URL."""

    def __init__(self) -> None:
        self.fails: set[str] = set()
        self.endpoints = Endpoints(
            answers=lambda envelope, _: (
                BUSY if envelope.endpoint in self.fails else Delivered(status=200, timing=TIMING)
            )
        )


def hook(name: str) -> str:
    return f"https://{name}.example.org/hook"


async def put(site: Site, id: str, release: FhirRelease = FhirRelease.R4, **changes: Any) -> None:
    """Create a Subscription whose endpoint is named as it, and let its handshake happen."""
    if changes.get("type") != "websocket":
        changes = {"endpoint": hook(id)} | changes
    base = f"/fhir/{release.path}"
    body = subscription_of(release, id=id, **changes)
    assert (await site.ask("PUT", f"Subscription/{id}", body, base=base)).status_code == 201
    await site.rig.after(SECOND)


async def events(site: Site, count: int) -> None:
    for _ in range(count):
        assert (await site.ask("POST", "Task", a_task())).status_code == 201
        await site.rig.after(SECOND / 100)


async def told(site: Site, path: str, **headers: Any) -> Resource:
    answer = await site.ask("GET", path, **headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    found: Resource = answer.json()
    return found
