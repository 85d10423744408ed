from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from hub.cli.arrival import NotANotification, read_arrival, short_reference

BASE = "http://hub.example.org/fhir/r4"
WHEN = "2026-01-02T03:04:05.678Z"


def _r4(*events: int, entries: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    parameters = [
        {"name": "subscription", "valueReference": {"reference": f"{BASE}/Subscription/s1"}},
        {"name": "topic", "valueCanonical": "http://example.org/t"},
        {"name": "status", "valueCode": "active"},
        {"name": "type", "valueCode": "event-notification"},
        {"name": "events-since-subscription-start", "valueString": str(max(events, default=0))},
        *(
            {
                "name": "notification-event",
                "part": [
                    {"name": "event-number", "valueString": str(number)},
                    {"name": "timestamp", "valueInstant": WHEN},
                    {"name": "focus", "valueReference": {"reference": f"{BASE}/Task/{number}"}},
                    {
                        "name": "additional-context",
                        "valueReference": {"reference": f"{BASE}/Patient/p"},
                    },
                    {"name": "additional-context", "valueReference": {"reference": "urn:x"}},
                ],
            }
            for number in events
        ),
    ]
    status = {"resourceType": "Parameters", "parameter": parameters, **more}
    return {
        "resourceType": "Bundle",
        "type": "history",
        "entry": [{"fullUrl": "urn:uuid:1", "resource": status}, *(entries or [])],
    }


def _r5(*events: int) -> dict[str, Any]:
    status = {
        "resourceType": "SubscriptionStatus",
        "subscription": {"reference": f"{BASE}/Subscription/s1"},
        "topic": "http://example.org/t",
        "status": "active",
        "type": "event-notification",
        "eventsSinceSubscriptionStart": str(max(events, default=0)),
        "notificationEvent": [
            {
                "eventNumber": str(number),
                "timestamp": WHEN,
                "focus": {"reference": f"{BASE}/Task/{number}"},
                "additionalContext": [
                    {"reference": f"{BASE}/Patient/p"},
                    {"reference": "urn:x"},
                ],
            }
            for number in events
        ],
    }
    return {"resourceType": "Bundle", "entry": [{"fullUrl": "urn:uuid:1", "resource": status}]}


def test_r4_and_r5_say_the_same() -> None:
    assert read_arrival(_r4(3, 4)) == read_arrival(_r5(3, 4))


def test_a_message_says_what_the_notification_inside_says() -> None:
    header = {"resource": {"resourceType": "MessageHeader"}}
    message: dict[str, Any] = {"resourceType": "Bundle", "type": "message", "entry": [header]}
    with pytest.raises(NotANotification):
        read_arrival(message)
    message["entry"].append({"resource": _r4(1, 2)})
    assert read_arrival(message) == read_arrival(_r4(1, 2))


def test_an_event_has_number_time_focus_and_context() -> None:
    arrival = read_arrival(_r4(3))
    assert (arrival.type, arrival.status, arrival.topic, arrival.total) == (
        "event-notification",
        "active",
        "http://example.org/t",
        3,
    )
    assert arrival.subscription_id == "s1"
    assert arrival.subscription_name == "Subscription/s1"
    event = arrival.events[0]
    assert (event.number, event.focus) == (3, "Task/3")
    assert event.timestamp == datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
    assert event.context == ("Patient/p", "urn:x")
    assert event.state == ""


def test_an_empty_notification_has_numbers_only() -> None:
    bundle = _r5(1)
    event = bundle["entry"][0]["resource"]["notificationEvent"][0]
    for name in ("focus", "additionalContext", "timestamp"):
        del event[name]
    arrived = read_arrival(bundle).events[0]
    assert (arrived.number, arrived.focus, arrived.timestamp) == (1, None, None)


def test_a_full_resource_shows_its_version_and_status() -> None:
    task = {"resourceType": "Task", "meta": {"versionId": "2"}, "status": "accepted"}
    entry = {"fullUrl": f"{BASE}/Task/3", "resource": task, "request": {"method": "PUT"}}
    event = read_arrival(_r4(3, entries=[entry])).events[0]
    assert (event.method, event.state) == ("PUT", "v2 accepted")


def test_a_deletion_shows_as_deleted() -> None:
    entry = {"fullUrl": f"{BASE}/Task/3", "request": {"method": "DELETE"}}
    assert read_arrival(_r4(3, entries=[entry])).events[0].state == "deleted"


def test_two_versions_of_one_resource_go_to_their_events_in_order() -> None:
    bundle = _r4(
        1,
        2,
        entries=[
            {"fullUrl": f"{BASE}/Task/9", "resource": {"status": status}}
            for status in ("requested", "accepted")
        ],
    )
    for parameter in bundle["entry"][0]["resource"]["parameter"][-2:]:
        parameter["part"][2]["valueReference"]["reference"] = f"{BASE}/Task/9"
    assert [event.state for event in read_arrival(bundle).events] == ["requested", "accepted"]


def test_errors_are_told_in_words() -> None:
    bundle = _r5()
    bundle["entry"][0]["resource"]["error"] = [
        {"text": "the endpoint answered 503"},
        {"coding": [{"code": "no-response"}]},
    ]
    assert read_arrival(bundle).errors == ("the endpoint answered 503", "no-response")


def test_a_subscription_may_be_named_by_identifier() -> None:
    bundle = _r5()
    bundle["entry"][0]["resource"]["subscription"] = {"identifier": {"value": "urn:s"}}
    assert read_arrival(bundle).subscription == "urn:s"
    assert read_arrival(bundle).subscription_name == "urn:s"
    named = {"system": "http://lab.example.org/subs", "value": "7"}
    bundle["entry"][0]["resource"]["subscription"] = {"identifier": named}
    assert read_arrival(bundle).subscription_name == "http://lab.example.org/subs|7"


@pytest.mark.parametrize(
    ("numbers", "text"), [((), ""), ((3,), "#3"), ((3, 4, 5), "#3..5"), ((3, 5), "#3,5")]
)
def test_numbers_are_told_as_a_run_where_they_are_one(numbers: tuple[int, ...], text: str) -> None:
    assert read_arrival(_r4(*numbers)).numbers == text


@pytest.mark.parametrize(
    "bundle",
    [
        None,
        [],
        {"resourceType": "Task"},
        {"resourceType": "Bundle"},
        {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Task"}}]},
        {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Parameters"}}]},
        {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "SubscriptionStatus"}}]},
    ],
)
def test_what_is_no_notification_is_said_to_be_none(bundle: Any) -> None:
    with pytest.raises(NotANotification):
        read_arrival(bundle)


@pytest.mark.parametrize(
    ("reference", "short"),
    [
        ("http://hub/fhir/r4/Task/1", "Task/1"),
        ("Task/1/_history/2", "Task/1"),
        ("urn:uuid:1", "urn:uuid:1"),
        ("http://example.org/", "http://example.org/"),
    ],
)
def test_a_reference_is_shortened_to_type_and_id_where_it_has_them(
    reference: str, short: str
) -> None:
    assert short_reference(reference) == short
