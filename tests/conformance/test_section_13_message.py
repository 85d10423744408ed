"""The channel message."""

from __future__ import annotations

import json

from hub.core.release import FhirRelease, Resource
from tests.conformance.item import R5, REC, SHALL, item
from tests.conformance.recording import EVENT, Recordings
from tests.journeys.hosting import Fhir, fresh, status_of
from tests.support.builders import a_subscription
from tests.support.endpoints import Endpoint, Reply
from tests.support.notification_rules import check_model, check_notification


@item("13.1", REC)
async def test_13_1_the_endpoint_is_a_base_or_the_whole_url(fhir: Fhir) -> None:
    async with Endpoint(path="/fhir") as base, Endpoint(path="/fhir/$process-message") as whole:
        for endpoint in (base, whole):
            wanted = a_subscription(fhir.release, channel="message", endpoint=endpoint.url)
            stored = await fhir.create(wanted)
            await fhir.until(stored["id"], "active")
            (received,) = await endpoint.wait_for(1)
            assert (received.method, received.target) == ("POST", "/fhir/$process-message")


@item("13.2", SHALL)
def test_13_2_a_message_holds_a_header_and_the_whole_notification(
    recordings: Recordings, release: FhirRelease
) -> None:
    for content in ("empty", "id-only", "full-resource"):
        each = recordings.one(release, content, "message")
        assert len(each.requests) == 5
        for request in each.requests:
            message: Resource = json.loads(request.body)
            assert (message["resourceType"], message["type"]) == ("Bundle", "message")
            check_model(message, release)
            header, carried = message["entry"]
            assert header["resource"]["resourceType"] == "MessageHeader"
            assert carried["fullUrl"].startswith("urn:uuid:")
            assert header["resource"]["focus"] == [{"reference": carried["fullUrl"]}]
            notification = carried["resource"]
            kind = "subscription-notification" if release is R5 else "history"
            assert notification["type"] == kind
            check_notification(json.dumps(notification).encode(), release)
        kinds = [status_of(bundle)["type"] for bundle in each.notifications[:5]]
        assert kinds == ["handshake", *["event-notification"] * 3, "heartbeat"]


@item("13.3", REC)
def test_13_3_the_event_is_configured_and_the_source_is_named_as_the_release_does(
    recordings: Recordings, release: FhirRelease
) -> None:
    each = recordings.one(release, "id-only", "message")
    name = "endpointUrl" if release is R5 else "endpoint"
    for request in each.requests:
        header = json.loads(request.body)["entry"][0]["resource"]
        assert header["eventCoding"] == {"system": EVENT.system, "code": EVENT.code}
        assert header["source"][name] == each.base


@item("13.4", SHALL)
async def test_13_4_a_handshake_message_that_is_taken_makes_it_active(fhir: Fhir) -> None:
    for status in (200, 202):
        async with Endpoint([Reply(status)]) as endpoint:
            wanted = a_subscription(
                fhir.release,
                channel="message",
                endpoint=endpoint.url,
                filters=[f"Task?owner={fresh()}"],
            )
            stored = await fhir.create(wanted)
            assert stored["status"] == "requested"
            await fhir.until(stored["id"], "active")
            (received,) = endpoint.received
            carried = json.loads(received.body)["entry"][1]["resource"]
            said = status_of(carried)
            assert (said["type"], said["status"]) == ("handshake", "requested")
    async with Endpoint([Reply(404)]) as endpoint:
        wanted = a_subscription(fhir.release, channel="message", endpoint=endpoint.url)
        await fhir.until((await fhir.create(wanted))["id"], "error")
