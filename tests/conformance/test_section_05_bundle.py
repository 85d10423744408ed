"""Notification Bundles: what all types have in common, and what the status says."""

from __future__ import annotations

import json

from hub.core.release import FhirRelease, Resource
from tests.conformance.item import BACKPORTED, NATIVE, R4, R4B, R5, REC, SHALL, SHOULD, item
from tests.conformance.recording import Recordings
from tests.journeys.hosting import status_of
from tests.support.builders import BACKPORT
from tests.support.notification_rules import check_notification, check_references_are_absolute

SENT = ("handshake", "heartbeat", "event-notification", "query-event")


def _sent(recordings: Recordings, release: FhirRelease) -> list[Resource]:
    """Return every notification of a release but the searchsets of ``$status``."""
    found = [bundle for each in recordings.of(release) for bundle in each.notifications]
    sent = [bundle for bundle in found if bundle["type"] != "searchset"]
    assert {status_of(bundle)["type"] for bundle in sent} == set(SENT)
    return sent


@item("5.1", SHALL)
def test_5_1_the_first_entry_is_the_status(recordings: Recordings, release: FhirRelease) -> None:
    kind = "Parameters" if release is R4 else "SubscriptionStatus"
    for bundle in _sent(recordings, release):
        assert bundle["resourceType"] == "Bundle"
        kinds = [each.get("resource", {}).get("resourceType") for each in bundle["entry"]]
        assert kinds[0] == kind
        assert kind not in kinds[1:]


@item("5.2", SHALL, BACKPORTED)
def test_5_2_a_history_has_request_and_response_everywhere(
    recordings: Recordings, release: FhirRelease
) -> None:
    for bundle in _sent(recordings, release):
        assert bundle["type"] == "history"
        for entry in bundle["entry"]:
            assert entry["request"]["method"] and entry["request"]["url"]
            assert entry["response"]["status"]
            assert "search" not in entry
            assert "/_history/" not in entry["fullUrl"]


@item("5.3", SHALL)
def test_5_3_the_status_entry_is_as_if_status_had_been_asked_for(
    recordings: Recordings, release: FhirRelease
) -> None:
    for each in recordings.of(release):
        for bundle in each.notifications:
            if bundle["type"] == "searchset":
                continue
            first = bundle["entry"][0]
            assert first["request"] == {"method": "GET", "url": f"{each.url}/$status"}
            assert first["response"]["status"] == "200"
            assert first["fullUrl"] == f"urn:uuid:{first['resource']['id']}"


@item("5.4", SHOULD)
def test_5_4_requests_make_sense_for_the_event(
    recordings: Recordings, release: FhirRelease
) -> None:
    each = recordings.one(release, "full-resource")
    created, updated, deleted = [bundle["entry"][1:] for bundle in each.events]
    patient = ({"method": "GET", "url": each.patient}, "200")
    said = [
        [(entry["request"], entry["response"]["status"]) for entry in entries]
        for entries in (created, updated, deleted)
    ]
    assert said[0] == [({"method": "POST", "url": "Task"}, "201"), patient]
    assert said[1] == [({"method": "PUT", "url": each.task}, "200"), patient]
    assert said[2][0] == ({"method": "DELETE", "url": each.task}, "204")


@item("5.5", SHALL)
def test_5_5_full_urls_are_absolute_and_agree_with_the_focus(
    recordings: Recordings, release: FhirRelease
) -> None:
    each = recordings.one(release, "full-resource")
    for bundle in each.events:
        (event,) = status_of(bundle)["events"]
        urls = [entry["fullUrl"] for entry in bundle["entry"][1:]]
        assert urls[0] == event["focus"] == f"{each.base}/{each.task}"
        assert urls[1:] == event["context"]


@item("5.5a", SHALL)
def test_5_5a_references_in_the_status_are_absolute(
    recordings: Recordings, release: FhirRelease
) -> None:
    for each in recordings.of(release):
        for bundle in each.notifications:
            check_references_are_absolute(bundle)
            assert status_of(bundle)["subscription"] == each.url


@item("5.5b", REC)
def test_5_5b_id_only_has_no_further_entries(recordings: Recordings, release: FhirRelease) -> None:
    for channel in ("rest-hook", "websocket"):
        each = recordings.one(release, "id-only", channel)
        for bundle in each.events:
            assert len(bundle["entry"]) == 1
            assert status_of(bundle)["events"][0]["focus"] == f"{each.base}/{each.task}"


@item("5.6", SHALL)
def test_5_6_every_entry_has_a_full_url_and_a_delete_has_no_resource(
    recordings: Recordings, release: FhirRelease
) -> None:
    if release is R5:
        assert {each["type"] for each in _sent(recordings, release)} == {
            "subscription-notification"
        }
    for bundle in _sent(recordings, release):
        for entry in bundle["entry"]:
            assert entry["fullUrl"]
            deleted = entry["request"]["method"] == "DELETE"
            assert ("resource" in entry) is not deleted


@item("5.7", SHOULD)
def test_5_7_it_has_a_timestamp_and_claims_its_profile(
    recordings: Recordings, release: FhirRelease
) -> None:
    profiles = {
        R4: [f"{BACKPORT}/backport-subscription-notification-r4"],
        R4B: [f"{BACKPORT}/backport-subscription-notification"],
        R5: None,
    }
    for bundle in _sent(recordings, release):
        assert bundle["timestamp"].endswith("Z")
        assert bundle.get("meta", {}).get("profile") == profiles[release]


@item("5.8", SHALL)
def test_5_8_several_events_of_one_resource_keep_the_bundle_valid(
    recordings: Recordings, release: FhirRelease
) -> None:
    (found,) = recordings.one(release, "full-resource").of("query-event")
    assert len(status_of(found)["events"]) == 3
    check_notification(json.dumps(found).encode(), release)
    entries = [(entry["fullUrl"], entry["response"].get("etag")) for entry in found["entry"][1:]]
    assert len(set(entries)) == len(entries)


@item("5.9", SHALL)
def test_5_9_the_status_has_each_datum_in_its_place(
    recordings: Recordings, release: FhirRelease
) -> None:
    each = recordings.one(release, "full-resource")
    status = each.events[0]["entry"][0]["resource"]
    said = status_of(each.events[0])
    if release is R4:
        found = {parameter["name"]: parameter for parameter in status["parameter"]}
        assert found["subscription"]["valueReference"] == {"reference": each.url}
        assert found["topic"]["valueCanonical"] == said["topic"]
        assert found["status"]["valueCode"] == "active"
        assert found["type"]["valueCode"] == "event-notification"
        assert found["events-since-subscription-start"]["valueString"] == "1"
        parts = {part["name"]: part for part in found["notification-event"]["part"]}
        assert parts["event-number"]["valueString"] == "1"
        assert parts["timestamp"]["valueInstant"].endswith("Z")
        assert parts["focus"]["valueReference"]["reference"].endswith(each.task)
        assert parts["additional-context"]["valueReference"]["reference"].endswith(each.patient)
        return
    assert status["subscription"] == {"reference": each.url}
    assert (status["status"], status["type"]) == ("active", "event-notification")
    assert status["eventsSinceSubscriptionStart"] == "1"
    (event,) = status["notificationEvent"]
    assert event["eventNumber"] == "1"
    assert event["timestamp"].endswith("Z")
    assert event["focus"]["reference"].endswith(each.task)
    assert [one["reference"] for one in event["additionalContext"]] == [
        f"{each.base}/{each.patient}"
    ]


@item("5.10", SHALL)
def test_5_10_names_are_in_kebab_case_in_r4_only(
    recordings: Recordings, release: FhirRelease
) -> None:
    parameters = {
        *("subscription", "topic", "status", "type", "events-since-subscription-start"),
        *("notification-event", "error"),
    }
    parts = {
        *("event-number", "timestamp", "focus", "additional-context"),
        *("related-query", "authorization-type", "authorization-value"),
    }
    for bundle in _sent(recordings, release):
        status = bundle["entry"][0]["resource"]
        if release is not R4:
            assert "parameter" not in status
            assert status["eventsSinceSubscriptionStart"]
            continue
        assert {each["name"] for each in status["parameter"]} <= parameters
        for each in status["parameter"]:
            assert {part["name"] for part in each.get("part", [])} <= parts


@item("5.11", SHALL, NATIVE)
def test_5_11_events_and_status_are_there_where_the_type_asks_for_them(
    recordings: Recordings, release: FhirRelease
) -> None:
    for each in recordings.of(release):
        for kind in ("event-notification", "query-event"):
            for bundle in each.of(kind):
                assert bundle["entry"][0]["resource"]["notificationEvent"]
        for bundle in each.of("query-status"):
            assert bundle["entry"][0]["resource"]["status"]


@item("5.12", SHALL)
def test_5_12_references_reveal_their_type_and_the_status_is_the_latest(
    recordings: Recordings, release: FhirRelease
) -> None:
    for each in recordings.of(release):
        first = "active" if each.channel == "websocket" else "requested"
        # Mails begin without asking whether they arrive.
        greeted = [] if each.channel == "email" else [first]
        assert [status_of(one)["status"] for one in each.of("handshake")] == greeted
        for bundle in each.events:
            said = status_of(bundle)
            assert said["status"] == "active"
            for event in said["events"]:
                references = [event["focus"], *event["context"]]
                assert all("/Task/" in one or "/Patient/" in one for one in references if one)
