"""The standard's and a workflow guide's examples of messages, sent to ``$process-message``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hub.core.release import FhirRelease, Resource
from tests.reference.conftest import reference_data
from tests.support.messages import a_message, at
from tests.web.messaging import counted, kept, one, sent
from tests.web.site import a_site, run

DATA = reference_data() or Path()
R4, R4B, R5 = FhirRelease.R4, FhirRelease.R4B, FhirRelease.R5
PLACER = "https://placer.example.org/fhir"


def read(name: str) -> Resource:
    resource: Resource = json.loads((DATA / name).read_bytes())
    return resource


def test_the_notification_of_r5_is_kept() -> None:
    message = read("spec-examples/core-r5/notification-message-full-resource.json")

    async def scenario() -> None:
        async with a_site() as site:
            first = await sent(site, message, R5)
            encounter = await one(site, "Encounter", R5)
            assert encounter["subject"] == at("https://example.org/FHIR/R5/Patient/ABC")
            assert (await sent(site, message, R5)).content == first.content
            assert len(await kept(site, "AuditEvent", R5)) == 1

    run(scenario())


@pytest.mark.parametrize("release", [R4, R4B])
def test_a_handshake_of_the_message_channel_is_answered(release: FhirRelease) -> None:
    folder = f"spec-examples/constructed-not-from-hl7/{release.path}"
    message = read(f"{folder}/message-channel-bundle.json")

    async def scenario() -> None:
        async with a_site() as site:
            await sent(site, message, release)
            assert not any((await counted(site, release)).values())

    run(scenario())


def test_an_order_and_its_update_by_message_meet_by_identifier() -> None:
    cow = "cow-examples/cow"
    header = read(f"{cow}/MessageHeader-cow-message-header-example.json")
    task = read(f"{cow}/Task-cow-coordination-task-example.json")
    request = read(f"{cow}/ServiceRequest-cow-service-request-example.json")
    coding = header["eventCoding"] | {"code": "new-order"}

    async def scenario() -> None:
        async with a_site() as site:
            new = header | {"id": "new", "eventCoding": coding}
            entries = [
                (f"{PLACER}/{each['resourceType']}/{each['id']}", each) for each in (task, request)
            ]
            await sent(site, a_message(new, *entries))
            stored = await one(site, "Task")
            placed = await one(site, "ServiceRequest")
            assert stored["focus"] == at(f"ServiceRequest/{placed['id']}")
            # The update knows nothing but the identifiers.
            update = {**task, "status": "completed", "focus": {"type": "ServiceRequest"}}
            await sent(site, a_message(header, ("urn:uuid:t", update)))
            updated = await one(site, "Task")
            assert (updated["id"], updated["status"]) == (stored["id"], "completed")
            headers = await kept(site, "MessageHeader")
            assert [each["focus"] for each in headers] == [[at(f"Task/{stored['id']}")]] * 2

    run(scenario())
