from __future__ import annotations

import json

import fhir.resources.R4B.parameters
import pytest

from hub.codecs.r4 import R4Codec
from hub.codecs.release_codec import ReleaseCodec
from hub.core.notification import NotificationType
from hub.core.release import FhirRelease
from hub.core.subscription import PayloadContent
from hub.core.topic import parse_topic
from hub.ports import Codec
from tests.support.notifications import BASE, CODECS, a_notification

R4: Codec = R4Codec()


@pytest.mark.parametrize("content", PayloadContent)
@pytest.mark.parametrize("kind", NotificationType)
def test_the_status_is_a_parameters_resource_in_the_order_of_the_guide(
    kind: NotificationType, content: PayloadContent
) -> None:
    text = R4.encode_notification(a_notification(FhirRelease.R4, kind, content), BASE)
    status = json.loads(text)["entry"][0]["resource"]
    fhir.resources.R4B.parameters.Parameters.model_validate_json(json.dumps(status))
    names = [parameter["name"] for parameter in status["parameter"]]
    head = ["subscription", "topic", "status", "type", "events-since-subscription-start"]
    if content is PayloadContent.EMPTY:
        head.remove("topic")
    assert names[: len(head)] == head
    assert set(names[len(head) :]) <= {"notification-event", "error"}


@pytest.mark.parametrize(
    ("release", "resource_type"),
    [
        (FhirRelease.R4, "Basic"),
        (FhirRelease.R4B, "SubscriptionTopic"),
        (FhirRelease.R5, "SubscriptionTopic"),
    ],
)
def test_a_topic_is_written_as_the_release_has_it(release: FhirRelease, resource_type: str) -> None:
    topic = parse_topic(
        {
            "resourceType": "SubscriptionTopic",
            "url": "http://example.org/topic",
            "status": "active",
            "resourceTrigger": [{"resource": "Task"}],
        }
    )
    assert CODECS[release].encode_topic(topic)["resourceType"] == resource_type


def test_a_release_must_say_how_it_writes_a_status() -> None:
    with pytest.raises(TypeError, match="status_resource"):
        ReleaseCodec()  # type: ignore[abstract]  # that is what is tested
