"""Messages of all releases.

``python -m tests.codecs.test_message`` writes the golden files anew; read the difference then.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hub.codecs.message import read_message_head, write_response
from hub.codecs.r4 import R4Codec
from hub.codecs.validation import Validator
from hub.core.message import MessageEvent, ResponseCode
from hub.core.notification import NotificationType
from hub.core.release import FhirRelease, Resource
from hub.core.subscription import PayloadContent
from hub.errors import InvalidResource
from tests.support.notification_rules import check_model, check_notification
from tests.support.notifications import BASE, CODECS, NOON, a_notification

GOLDEN = Path(__file__).parent / "golden"
DESTINATION = "https://lab.example.org/fhir"
RELEASES = pytest.mark.parametrize("release", FhirRelease)
FULL = (NotificationType.EVENT_NOTIFICATION, PayloadContent.FULL_RESOURCE)
OUTCOME = b'{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"value"}]}'


def message(
    release: FhirRelease,
    kind: NotificationType = FULL[0],
    content: PayloadContent = FULL[1],
) -> bytes:
    notification = a_notification(release, kind, content)
    return CODECS[release].encode_message(notification, BASE, DESTINATION)


def response(release: FhirRelease) -> bytes:
    head = read_message_head(json.loads(message(release)), release)
    code = ResponseCode.FATAL_ERROR
    return write_response(head, DESTINATION, code, timestamp=NOON, outcome=OUTCOME)


WRITTEN = {"message": message, "message-response": response}


def golden(release: FhirRelease, name: str) -> Path:
    return GOLDEN / f"{release.path}-{name}.json"


def pretty(text: bytes) -> str:
    return json.dumps(json.loads(text), indent=2) + "\n"


@RELEASES
@pytest.mark.parametrize("name", WRITTEN)
def test_a_message_is_what_the_golden_file_says(release: FhirRelease, name: str) -> None:
    expected = golden(release, name).read_text(encoding="utf-8")
    assert pretty(WRITTEN[name](release)) == expected


@RELEASES
@pytest.mark.parametrize("kind", NotificationType)
@pytest.mark.parametrize("content", PayloadContent)
def test_a_message_carries_the_notification_byte_for_byte(
    release: FhirRelease, kind: NotificationType, content: PayloadContent
) -> None:
    text = message(release, kind, content)
    notification = a_notification(release, kind, content)
    inner = CODECS[release].encode_notification(notification, BASE)
    assert text == message(release, kind, content)
    assert text.count(inner) == 1
    check_notification(inner, release)
    bundle = json.loads(text)
    check_model(bundle, release)
    Validator(release).check(bundle)
    header, carried = (entry["resource"] for entry in bundle["entry"])
    assert carried == json.loads(inner)
    urls = [entry["fullUrl"] for entry in bundle["entry"]]
    assert urls == [f"urn:uuid:{each['id']}" for each in (header, carried)]
    assert header["focus"] == [{"reference": urls[1]}]
    assert len({bundle["id"], header["id"], carried["id"]}) == 3


@RELEASES
def test_messages_of_different_notifications_have_different_ids(release: FhirRelease) -> None:
    heads = {
        read_message_head(json.loads(message(release, kind, content)), release).id
        for kind in NotificationType
        for content in PayloadContent
    }
    assert len(heads) == len(NotificationType) * len(PayloadContent)


def test_the_event_is_the_one_that_was_set() -> None:
    codec = R4Codec(MessageEvent("urn:x", "y"))
    notification = a_notification(FhirRelease.R4, *FULL)
    bundle = json.loads(codec.encode_message(notification, BASE, DESTINATION))
    assert bundle["entry"][0]["resource"]["eventCoding"] == {"system": "urn:x", "code": "y"}


@RELEASES
@pytest.mark.parametrize("outcome", [None, OUTCOME])
@pytest.mark.parametrize("code", ResponseCode)
def test_a_response_names_the_message_and_is_the_same_each_time(
    release: FhirRelease, code: ResponseCode, outcome: bytes | None
) -> None:
    asked = json.loads(message(release))
    head = read_message_head(asked, release)
    text = write_response(head, DESTINATION, code, timestamp=NOON, outcome=outcome)
    assert text == write_response(head, DESTINATION, code, timestamp=NOON, outcome=outcome)
    bundle = json.loads(text)
    check_model(bundle, release)
    Validator(release).check(bundle)
    header = bundle["entry"][0]["resource"]
    is_r5 = release is FhirRelease.R5
    named = asked["identifier"] if is_r5 else asked["entry"][0]["resource"]["id"]
    assert header["response"]["identifier"] == named
    assert header["response"]["code"] == code
    assert header["destination"] == [{"endpointUrl" if is_r5 else "endpoint": BASE}]
    assert ("details" in header["response"]) is (outcome is not None)
    if outcome is not None:
        details = bundle["entry"][1]
        assert header["response"]["details"] == {"reference": details["fullUrl"]}
        assert details["resource"] == json.loads(OUTCOME)


def r5(**header: Any) -> Resource:
    first = {
        "resourceType": "MessageHeader",
        "id": "1",
        "eventCanonical": "http://example.org/e",
        "source": {"endpointUrl": "https://a.example"},
    } | header
    return {"resourceType": "Bundle", "type": "message", "entry": [{"resource": first}]}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"endpointUrl": "https://a"}, ("https://a", "https://a")),
        ({"endpointReference": {"reference": "Endpoint/1"}, "name": "x"}, ("Endpoint/1", None)),
        ({"name": "Ward"}, ("Ward", None)),
    ],
)
def test_a_sender_is_an_endpoint_or_in_r5_a_name(
    source: Resource, expected: tuple[str, str | None]
) -> None:
    head = read_message_head(r5(source=source), FhirRelease.R5)
    assert (head.source, head.reply_to) == expected
    assert head.identifier == {"value": "1"}
    assert head.event == {"eventCanonical": "http://example.org/e"}
    response = json.loads(write_response(head, BASE, ResponseCode.OK, timestamp=NOON))
    Validator(FhirRelease.R5).check(response)


@pytest.mark.parametrize(
    ("bundle", "expression"),
    [
        ({"resourceType": "Task"}, "Bundle.type"),
        ({"resourceType": "Bundle", "type": "batch"}, "Bundle.type"),
        ({"resourceType": "Bundle", "type": "message"}, "Bundle.entry[0].resource"),
        ({"resourceType": "Bundle", "type": "message", "entry": [1]}, "Bundle.entry[0].resource"),
        (r5(resourceType="Task"), "Bundle.entry[0].resource"),
        (r5(id=None), "Bundle.entry[0].resource.id"),
        (r5(id="a/b"), "Bundle.entry[0].resource.id"),
        (r5(source={}), "Bundle.entry[0].resource.source"),
        (r5(source="x"), "Bundle.entry[0].resource.source"),
        (r5(source={"endpointUrl": "a b"}), "Bundle.entry[0].resource.source"),
        (r5(eventCanonical=1, eventCoding={"code": 5}), "Bundle.entry[0].resource.eventCoding"),
        (r5(eventCanonical="a b"), "Bundle.entry[0].resource.eventCoding"),
        (r5(eventCanonical=1), "Bundle.entry[0].resource.eventCoding"),
        (r5(eventCanonical=1, eventCoding={"system": "x"}), "Bundle.entry[0].resource.eventCoding"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused(bundle: Resource, expression: str) -> None:
    with pytest.raises(InvalidResource) as caught:
        read_message_head(bundle, FhirRelease.R5)
    assert caught.value.expression == expression


if __name__ == "__main__":
    for each in FhirRelease:
        for called, writing in WRITTEN.items():
            golden(each, called).write_text(pretty(writing(each)), encoding="utf-8")
