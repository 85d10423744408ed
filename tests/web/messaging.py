"""What the tests of ``$process-message`` share: a way to post, and to look at what is kept."""

from __future__ import annotations

import httpx

from hub.codecs.validation import Validator
from hub.core.release import FhirRelease, Resource
from tests.support.messages import (
    read_answer,
)
from tests.web.site import Site

R4 = FhirRelease.R4
SUBSCRIPTION: Resource = {
    "resourceType": "Subscription",
    "status": "requested",
    "reason": "x",
    "criteria": "http://example.org/x",
    "channel": {"type": "rest-hook"},
}
"""What a message can't change."""


async def post(
    site: Site, message: Resource, release: FhirRelease = R4, query: str = ""
) -> httpx.Response:
    path = f"/fhir/{release.path}/$process-message{query}"
    return await site.ask("POST", path, message)


async def sent(site: Site, message: Resource, release: FhirRelease = R4) -> httpx.Response:
    """Post a message that must be taken."""
    answer = await post(site, message, release)
    assert answer.status_code == 200, answer.text
    assert read_answer(answer.content) == ("ok", None)
    return answer


async def refused(
    site: Site, message: Resource, status: int, slug: str, release: FhirRelease = R4
) -> Resource:
    """Post a message that must be refused by a message; return the issue."""
    answer = await post(site, message, release)
    code, outcome = read_answer(answer.content)
    assert (answer.status_code, code) == (status, "fatal-error"), answer.text
    assert outcome is not None
    Validator(release).check(answer.json())
    found: Resource = outcome["issue"][0]
    assert found["details"]["coding"][0]["code"] == slug, found
    return found


async def kept(site: Site, kind: str, release: FhirRelease = R4) -> list[Resource]:
    """Return all resources of a type, the oldest first."""
    answer = await site.ask("GET", f"/fhir/{release.path}/{kind}?_count=100")
    entries = answer.json().get("entry", [])
    return [entry["resource"] for entry in reversed(entries)]


async def one(site: Site, kind: str, release: FhirRelease = R4) -> Resource:
    (resource,) = await kept(site, kind, release)
    return resource


async def counted(site: Site, release: FhirRelease = R4) -> dict[str, list[str]]:
    """Return ids and versions of everything that is kept."""
    kinds = ("MessageHeader", "Task", "ServiceRequest", "Patient", "AuditEvent")
    return {
        kind: [
            f"{each['id']}/{each['meta']['versionId']}" for each in await kept(site, kind, release)
        ]
        for kind in kinds
    }
