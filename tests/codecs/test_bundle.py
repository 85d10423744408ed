"""Notification Bundles of all releases.

``python -m tests.codecs.test_bundle`` writes the golden files anew; read the difference then.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hub.core.change import Interaction
from hub.core.notification import (
    NotificationType,
    NumberedEvent,
    build_notification,
)
from hub.core.release import FhirRelease, Resource
from hub.core.subscription import Identifier, PayloadContent, SubscriptionStatusCode
from tests.support.notification_rules import (
    check_model,
    check_notification,
    check_status,
    read_status,
)
from tests.support.notifications import (
    BASE,
    CODECS,
    NOON,
    a_notification,
    a_version,
    some_events,
)
from tests.support.subscriptions import a_subscription

GOLDEN = Path(__file__).parent / "golden"
EVERY = [
    (release, kind, content)
    for release in FhirRelease
    for kind in NotificationType
    for content in PayloadContent
]
RELEASES = pytest.mark.parametrize("release", FhirRelease)


def write(release: FhirRelease, kind: NotificationType, content: PayloadContent) -> bytes:
    return CODECS[release].encode_notification(a_notification(release, kind, content), BASE)


def golden(release: FhirRelease, kind: NotificationType, content: PayloadContent) -> Path:
    return GOLDEN / f"{release.path}-{kind}-{content}.json"


def pretty(text: bytes) -> str:
    return json.dumps(json.loads(text), indent=2) + "\n"


@pytest.mark.parametrize(("release", "kind", "content"), EVERY)
def test_a_notification_is_what_the_golden_file_says(
    release: FhirRelease, kind: NotificationType, content: PayloadContent
) -> None:
    expected = golden(release, kind, content).read_text(encoding="utf-8")
    assert pretty(write(release, kind, content)) == expected


@pytest.mark.parametrize(("release", "kind", "content"), EVERY)
def test_a_notification_keeps_the_rules_of_the_standard(
    release: FhirRelease, kind: NotificationType, content: PayloadContent
) -> None:
    bundle = check_notification(write(release, kind, content), release)
    status = read_status(bundle["entry"][0]["resource"])
    assert status["type"] == kind
    assert (status["topic"] is None) is (content is PayloadContent.EMPTY)
    if content is not PayloadContent.FULL_RESOURCE:
        assert len(bundle["entry"]) == 1
    if content is PayloadContent.EMPTY:
        assert not any(event["focus"] or event["context"] for event in status["events"])


@RELEASES
def test_writing_twice_gives_the_same_bytes(release: FhirRelease) -> None:
    kind, content = NotificationType.EVENT_NOTIFICATION, PayloadContent.FULL_RESOURCE
    assert write(release, kind, content) == write(release, kind, content)


@RELEASES
def test_a_stored_resource_goes_out_byte_for_byte(release: FhirRelease) -> None:
    body = b'{ "resourceType":"Observation","id":"o",\n "valueQuantity":{"value":1.10}}'
    version = a_version(release, "Observation/o", 1)._replace(body=body)
    text = CODECS[release].encode_notification(
        build_notification(
            a_subscription(release, content=PayloadContent.FULL_RESOURCE),
            NotificationType.EVENT_NOTIFICATION,
            total=1,
            timestamp=NOON,
            events=[NumberedEvent(number=1, timestamp=NOON, focus=version)],
        ),
        BASE,
    )
    assert text.count(body) == 1


@RELEASES
def test_a_resource_deleted_twice_keeps_the_rules(release: FhirRelease) -> None:
    interactions = [Interaction.DELETE, Interaction.CREATE, Interaction.DELETE]
    notification = build_notification(
        a_subscription(release, content=PayloadContent.FULL_RESOURCE),
        NotificationType.EVENT_NOTIFICATION,
        total=3,
        timestamp=NOON,
        events=[
            NumberedEvent(
                number=number,
                timestamp=NOON,
                focus=a_version(release, "Task/1", number, interaction),
            )
            for number, interaction in enumerate(interactions, start=1)
        ],
    )
    bundle = check_notification(CODECS[release].encode_notification(notification, BASE), release)
    etags = [entry["response"]["etag"] for entry in bundle["entry"][1:]]
    newest = ['W/"2"', 'W/"3"']
    assert etags == (newest if release is FhirRelease.R5 else ['W/"1"', *newest])


@RELEASES
def test_an_event_that_may_no_longer_be_seen_has_number_and_time_only(
    release: FhirRelease,
) -> None:
    events = [replace(some_events(release)[0], focus=None), some_events(release)[2]]
    notification = build_notification(
        a_subscription(release),
        NotificationType.EVENT_NOTIFICATION,
        total=4,
        timestamp=NOON,
        events=events,
    )
    bundle = check_notification(CODECS[release].encode_notification(notification, BASE), release)
    first, second = read_status(bundle["entry"][0]["resource"])["events"]
    assert first == {
        "number": "2",
        "timestamp": "2026-11-21T09:00:00.123456Z",
        "focus": None,
        "context": [],
        "queries": [],
        "hint": [],
    }
    assert second["focus"] == f"{BASE}/Task/2"


@pytest.mark.parametrize("release", FhirRelease)
def test_a_subscription_is_named_by_its_first_identifier_too(release: FhirRelease) -> None:
    identifiers = (Identifier("http://example.org/subs", "77240214"), Identifier(None, "2"))
    for given, expected in (
        (identifiers, {"system": "http://example.org/subs", "value": "77240214"}),
        (identifiers[1:], {"value": "2"}),
        ((), None),
    ):
        notification = build_notification(
            a_subscription(release, identifier=given),
            NotificationType.HEARTBEAT,
            total=0,
            timestamp=NOON,
        )
        text = CODECS[release].encode_notification(notification, BASE)
        status = check_notification(text, release)["entry"][0]["resource"]
        named = (
            status["parameter"][0]["valueReference"]
            if release is FhirRelease.R4
            else status["subscription"]
        )
        assert named["reference"] == f"{BASE}/Subscription/admission"
        assert named.get("identifier") == expected


@pytest.mark.parametrize("content", PayloadContent)
@pytest.mark.parametrize("kind", NotificationType)
@pytest.mark.parametrize("release", FhirRelease)
def test_no_notification_of_an_administrative_subscription_tells_its_id(
    release: FhirRelease, kind: NotificationType, content: PayloadContent
) -> None:
    plain = a_notification(release, kind, content)
    to = plain.addressee._replace(
        subscription_id="the-id",
        subscription_identifier=Identifier("http://example.org/subs", "77240214"),
        administrative=True,
    )
    hidden = replace(plain, addressee=to)
    texts = (
        CODECS[release].encode_notification(hidden, BASE),
        CODECS[release].encode_statuses([hidden], BASE, f"{BASE}/Subscription/$status"),
    )
    bundle = check_notification(texts[0], release)
    assert bundle["entry"][0]["request"]["url"] == f"{BASE}/Subscription/$status"
    for text in texts:
        assert b"the-id" not in text
        status = json.loads(text)["entry"][0]["resource"]
        first = status["parameter"][0] if release is FhirRelease.R4 else status
        assert first.get("valueReference", first.get("subscription")) == {
            "identifier": {"system": "http://example.org/subs", "value": "77240214"}
        }


def test_in_r4_a_query_event_may_have_no_events() -> None:
    notification = replace(
        a_notification(FhirRelease.R4, NotificationType.QUERY_EVENT, PayloadContent.EMPTY),
        events=(),
    )
    text = CODECS[FhirRelease.R4].encode_notification(notification, BASE)
    assert (
        read_status(check_notification(text, FhirRelease.R4)["entry"][0]["resource"])["events"]
        == []
    )


@RELEASES
def test_statuses_are_a_searchset(release: FhirRelease) -> None:
    statuses = [
        build_notification(
            a_subscription(release, id=id, status=SubscriptionStatusCode.ACTIVE),
            NotificationType.QUERY_STATUS,
            total=number,
            timestamp=NOON,
        )
        for number, id in enumerate(["a", "b"])
    ]
    self_url = f"{BASE}/Subscription/$status"
    bundle: Resource = json.loads(CODECS[release].encode_statuses(statuses, BASE, self_url))
    check_model(bundle, release)
    assert (bundle["type"], bundle["total"]) == ("searchset", 2)
    assert bundle["link"] == [{"relation": "self", "url": self_url}]
    for entry in bundle["entry"]:
        assert set(entry) == {"fullUrl", "resource", "search"}
        assert entry["fullUrl"] == f"urn:uuid:{entry['resource']['id']}"
        assert entry["search"] == {"mode": "match"}
        check_status(read_status(entry["resource"]), release)
    assert [read_status(entry["resource"])["subscription"] for entry in bundle["entry"]] == [
        f"{BASE}/Subscription/a",
        f"{BASE}/Subscription/b",
    ]
    assert len({entry["fullUrl"] for entry in bundle["entry"]}) == 2


@RELEASES
def test_no_statuses_are_an_empty_searchset(release: FhirRelease) -> None:
    bundle = json.loads(CODECS[release].encode_statuses([], BASE, f"{BASE}/Subscription/$status"))
    check_model(bundle, release)
    assert bundle["total"] == 0
    assert "entry" not in bundle


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for which in EVERY:
        golden(*which).write_text(pretty(write(*which)), encoding="utf-8")
