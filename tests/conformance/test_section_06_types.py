"""The five types of notification."""

from __future__ import annotations

from hub.core.release import FhirRelease
from tests.conformance.item import SHALL, SHOULD, item
from tests.conformance.recording import Recordings
from tests.conformance.story import told
from tests.conformance.topics import RECORDED
from tests.journeys.hosting import Fhir, fresh, status_of
from tests.support.builders import a_subscription
from tests.support.endpoints import Endpoint, Reply


@item("6", SHALL)
def test_6_each_type_says_status_counter_and_events_as_it_must(
    recordings: Recordings, release: FhirRelease
) -> None:
    for each in recordings.of(release):
        greeted = [] if each.channel == "email" else ["0"]
        assert [status_of(one)["counter"] for one in each.of("handshake")] == greeted
        (heartbeat,) = each.of("heartbeat")
        (status,) = each.of("query-status")
        (events,) = each.of("query-event")
        said = [status_of(one) for one in (heartbeat, status, events)]
        assert all(status_of(one)["status"] for one in each.notifications)
        # The only heartbeat of a mail's day comes at its start.
        beats = "0" if each.channel == "email" else "3"
        assert [one["counter"] for one in said] == [beats, "3", "3"]
        assert [len(one["events"]) for one in said] == [0, 0, 3]
        assert not any(status_of(one)["events"] for one in each.of("handshake"))
        assert [status_of(one)["counter"] for one in each.events] == ["1", "2", "3"]
        if each.content != "empty":
            assert said[1]["topic"] == RECORDED["url"]
        assert status["type"] == "searchset"
        assert heartbeat["type"] == events["type"] == each.events[0]["type"]


@item("6.1", SHALL)
def test_6_1_the_content_level_holds_wherever_events_are_told(
    recordings: Recordings, release: FhirRelease
) -> None:
    for each in recordings.of(release):
        for bundle in each.notifications:
            for event in status_of(bundle)["events"]:
                assert (event["focus"] is None) is (each.content == "empty")
                assert not event["context"] or each.content != "empty"


@item("6.2", SHOULD)
async def test_6_2_no_period_passes_without_a_notification(fhir: Fhir) -> None:
    async with Endpoint() as endpoint:
        await fhir.subscribed(endpoint, heartbeat=1, filters=[f"Task?owner={fresh()}"])
        received = await endpoint.wait_for(3)
        said = [told(each, fhir.release) for each in received]
        assert [each["type"] for each in said] == ["handshake", "heartbeat", "heartbeat"]


@item("6.4", SHALL)
async def test_6_4_an_error_is_told_by_status_and_error_of_a_known_type(fhir: Fhir) -> None:
    async with Endpoint([Reply(404)]) as endpoint:
        stored = await fhir.create(a_subscription(fhir.release, endpoint=endpoint.url))
        await fhir.until(stored["id"], "error")
        bundle = await fhir.get(f"Subscription/{stored['id']}/$status")
        said = status_of(bundle)
        assert (said["type"], said["status"]) == ("query-status", "error")
        assert said["errors"]
