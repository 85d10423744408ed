"""What tests of the checklist do again and again: count events, hear a socket, subscribe."""

from __future__ import annotations

import json
from typing import Any

from hub.core.release import FhirRelease, Resource
from tests.conformance.topics import named
from tests.journeys.hosting import Fhir, fresh, numbers_of, status_of
from tests.support.builders import a_subscription, a_task
from tests.support.endpoints import Endpoint, Received
from tests.support.notification_rules import check_notification


async def counting(fhir: Fhir, topic_name: str = "task-activity", **more: Any) -> str:
    """Create a Subscription that counts and sends nothing; return its id."""
    more = {"channel": "websocket", "content": "full-resource", "topic_name": topic_name} | more
    id: str = (await fhir.create(a_subscription(fhir.release, **more)))["id"]
    return id


async def counter(fhir: Fhir, id: str) -> int:
    """Return how many events a Subscription has counted."""
    return int((await fhir.status(id))["counter"])


async def events(fhir: Fhir, id: str) -> list[Resource]:
    """Return all events of a Subscription, in plain names."""
    found: list[Resource] = status_of(await fhir.get(f"Subscription/{id}/$events"))["events"]
    return found


async def fires(fhir: Fhir, name: str, *states: str | None) -> list[int]:
    """Tell which steps in the life of one Task fire a topic of the checklist.

    Args:
        name: of the topic.
        states: the status that the Task has after each step, None where it is deleted.

    Returns:
        The places of the steps that fired, from 1 on.
    """
    owner = fresh()
    id = await counting(fhir, named(name), filters=[f"Task?owner={owner}"])
    stored: Resource = {}
    fired, before = [], 0
    for place, state in enumerate(states, 1):
        if state is None:
            await fhir.delete(f"Task/{stored['id']}")
        elif not stored:
            stored = await fhir.create(a_task(owner, state))
        else:
            stored = await fhir.put(stored | {"status": state})
        now = await counter(fhir, id)
        assert now - before in (0, 1)
        fired += [place] if now > before else []
        before = now
    return fired


async def refused(fhir: Fhir, resource: Resource) -> Resource:
    """Return the first issue with which a Subscription is refused; nothing was stored."""
    before = (await fhir.get("Subscription?_summary=count"))["total"]
    status, issue = await fhir.refused("POST", "Subscription", resource)
    assert status in (400, 422), issue
    assert issue["severity"] == "error"
    assert issue["diagnostics"]
    assert (await fhir.get("Subscription?_summary=count"))["total"] == before
    return issue


def topic_of(subscription: Resource) -> str:
    """Return the canonical that a Subscription names."""
    canonical: str = subscription.get("topic") or subscription["criteria"]
    return canonical


def told(received: Received, release: FhirRelease) -> Resource:
    """Return the status in a notification that an endpoint received, checked as a whole."""
    return status_of(check_notification(received.body, release))


def highest(endpoint: Endpoint) -> int:
    """Return the highest event number that an endpoint received."""
    return max(
        (n for each in endpoint.received for n in numbers_of(json.loads(each.body))), default=0
    )
