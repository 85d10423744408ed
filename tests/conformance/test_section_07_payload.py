"""Content levels: empty, id-only, full-resource."""

from __future__ import annotations

from hub.core.release import FhirRelease
from tests.conformance.item import MAY, R5, REC, SHALL, item
from tests.conformance.recording import HINT, Recording, Recordings
from tests.conformance.story import told
from tests.conformance.topics import NUDGE, RECORDED, RELATED
from tests.journeys.hosting import Fhir, RunningHub, status_of
from tests.support.builders import a_subscription
from tests.support.endpoints import Endpoint


@item("7", SHALL)
def test_7_each_level_shows_what_it_must_and_no_more(
    recordings: Recordings, release: FhirRelease
) -> None:
    for each in recordings.of(release):
        task, patient = f"{each.base}/{each.task}", f"{each.base}/{each.patient}"
        for bundle, method in zip(each.events, ("POST", "PUT", "DELETE"), strict=True):
            said, entries = status_of(bundle), bundle["entry"][1:]
            (event,) = said["events"]
            assert event["number"] and event["timestamp"]
            if each.content == "empty":
                assert (event["focus"], event["context"], said["topic"]) == (None, [], None)
                assert not entries
                continue
            assert event["focus"] == task
            assert event["context"] == [patient]
            assert said["topic"] == RECORDED["url"]
            if each.content == "id-only":
                assert not entries
                continue
            shown = {entry["fullUrl"]: entry.get("resource", {}).get("status") for entry in entries}
            status = {"POST": "requested", "PUT": "accepted", "DELETE": None}[method]
            assert shown == {task: status, **dict.fromkeys(event["context"])}


@item("7.1", REC)
def test_7_1_an_empty_notification_of_an_event_has_no_topic(
    recordings: Recordings, release: FhirRelease
) -> None:
    for channel in ("rest-hook", "websocket"):
        for bundle in recordings.one(release, "empty", channel).events:
            assert status_of(bundle)["topic"] is None


@item("7.2", SHALL)
def test_7_2_additional_resources_follow_the_level(
    recordings: Recordings, release: FhirRelease
) -> None:
    shown = {}
    for each in recordings.of(release):
        first = each.events[0]
        resources = [entry for entry in first["entry"][1:] if "resource" in entry]
        shown[each.channel, each.content] = (
            len(status_of(first)["events"][0]["context"]),
            len(resources),
        )
    for channel in ("rest-hook", "websocket"):
        levels = [shown[channel, level] for level in ("empty", "id-only", "full-resource")]
        assert levels == [(0, 0), (1, 0), (1, 2)]


@item("7.3", SHALL)
def test_7_3_each_reference_of_a_full_resource_has_its_entry(
    recordings: Recordings, release: FhirRelease
) -> None:
    for channel in ("rest-hook", "websocket"):
        each = recordings.one(release, "full-resource", channel)
        for bundle in (*each.events, *each.of("query-event")):
            urls = {entry["fullUrl"] for entry in bundle["entry"][1:]}
            for event in status_of(bundle)["events"]:
                assert {event["focus"], *event["context"]} <= urls


@item("7.4", SHALL)
async def test_7_4_full_resources_are_not_sent_over_plain_http_by_default(
    strict: RunningHub, release: FhirRelease
) -> None:
    async with strict.client(release) as fhir:
        wanted = a_subscription(
            release, endpoint="http://example.org/hook", content="full-resource"
        )
        status, issue = await fhir.refused("POST", "Subscription", wanted)
        assert (status, issue["code"]) == (422, "business-rule")
        assert "http" in issue["diagnostics"]


@item("7.5", REC)
async def test_7_5_an_absent_mime_type_is_json_and_is_shown(fhir: Fhir) -> None:
    async with Endpoint() as endpoint:
        stored = await fhir.subscribed(endpoint, payload=None)
        assert endpoint.received[0].header("content-type") == "application/fhir+json"
        said = told(endpoint.received[0], fhir.release)
        assert said["type"] == "handshake"
        shown = stored["contentType"] if fhir.release is R5 else stored["channel"]["payload"]
        assert shown == "application/fhir+json"
        if fhir.release is R5:
            wanted = a_subscription(R5, endpoint=endpoint.url)
            del wanted["content"]
            assert (await fhir.create(wanted))["content"] == "empty"


@item("7.6", MAY)
def test_7_6_related_queries_are_filled_and_not_told_to_who_may_not_know(
    recordings: Recordings, release: FhirRelease
) -> None:
    for each in recordings.of(release):
        expected = [] if each.content == "empty" else [(NUDGE, f"{each.base}/{_filled(each)}")]
        for bundle in (*each.events, *each.of("query-event")):
            for event in status_of(bundle)["events"]:
                assert event["queries"] == expected
                assert event["hint"] == [HINT]


def _filled(recording: Recording) -> str:
    return RELATED.replace("[patient]", recording.patient)
