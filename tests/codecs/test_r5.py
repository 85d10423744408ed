from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta

import fhir.resources.subscription
import orjson
import pytest
from hypothesis import given

from hub.codecs.extension import BACKPORT
from hub.codecs.r5 import R5Codec
from hub.core.echo import SUPPRESS_ECHO
from hub.core.release import FhirRelease, Json, Resource
from hub.core.subscription import (
    ChannelType,
    FilterBy,
    Identifier,
    PayloadContent,
    Subscription,
    SubscriptionStatusCode,
)
from hub.errors import (
    ChannelNotSupported,
    ContentNotSupported,
    ExtensionNotAllowed,
    FilterInvalid,
    HeaderNotAllowed,
    PayloadNotSupported,
    SubscriptionRefused,
    TopicUnknown,
)
from tests.support.subscriptions import a_subscription, subscriptions

R5 = R5Codec()


def a_resource(**changes: Json) -> Resource:
    resource: Resource = {
        "resourceType": "Subscription",
        "id": "s1",
        "status": "requested",
        "topic": "http://example.org/topic",
        "channelType": {"code": "rest-hook"},
        "endpoint": "https://example.org/hook",
        "parameter": [{"name": "Authorization", "value": "Bearer abc"}],
        "content": "id-only",
    }
    resource |= changes
    return {name: value for name, value in resource.items() if value is not None}


@given(subscription=subscriptions(FhirRelease.R5))
def test_what_is_encoded_is_decoded_again(subscription: Subscription) -> None:
    resource = R5.encode_subscription(subscription)
    fhir.resources.subscription.Subscription.model_validate_json(orjson.dumps(resource))
    assert R5.decode_subscription(resource) == subscription
    own = R5.amend_subscription(resource, subscription, masked=False, error="not in R5")
    assert own == {**resource, "id": subscription.id}


def test_every_element_is_read() -> None:
    resource = a_resource(
        identifier=[{"value": "abc"}],
        extension=[{"url": SUPPRESS_ECHO, "valueBoolean": True}],
        topic="http://example.org/topic|1.0.0",
        end="2030-01-01T00:00:00Z",
        filterBy=[
            {
                "resourceType": "http://hl7.org/fhir/StructureDefinition/Encounter",
                "filterParameter": "patient",
                "value": "Patient%2F1",
            },
            {"filterParameter": "length", "comparator": "gt", "value": "1"},
            {"resourceType": "Resource", "filterParameter": "code", "modifier": "in", "value": "x"},
        ],
        channelType={
            "system": "http://terminology.hl7.org/CodeSystem/subscription-channel-type",
            "code": "websocket",
        },
        heartbeatPeriod=60,
        timeout=5,
        contentType="application/fhir+json; fhirVersion=5.0",
        maxCount=100,
    )
    assert R5.decode_subscription(resource) == a_subscription(
        FhirRelease.R5,
        id="s1",
        status=SubscriptionStatusCode.REQUESTED,
        topic="http://example.org/topic|1.0.0",
        end=datetime(2030, 1, 1, tzinfo=UTC),
        filter_by=(
            FilterBy(filter_parameter="patient", value="Patient%2F1", resource_type="Encounter"),
            FilterBy(filter_parameter="length", value="1", comparator="gt"),
            FilterBy(filter_parameter="code", value="x", modifier="in"),
        ),
        channel_type=ChannelType.WEBSOCKET,
        parameter=(("Authorization", "Bearer abc"),),
        heartbeat_period=timedelta(seconds=60),
        timeout=timedelta(seconds=5),
        content_type="application/fhir+json; fhirVersion=5.0",
        max_count=100,
        identifier=(Identifier(None, "abc"),),
        suppress_echo=True,
    )


def test_absent_content_is_empty_and_the_answer_says_so() -> None:
    resource = a_resource(content=None)
    subscription = R5.decode_subscription(resource)
    assert subscription.content is PayloadContent.EMPTY
    assert subscription.content_type == "application/fhir+json"
    amended = R5.amend_subscription(resource, subscription, masked=False, error=None)
    assert (amended["content"], amended["contentType"]) == ("empty", "application/fhir+json")


CROSS = "http://hl7.org/fhir/6.0/StructureDefinition/extension-Subscription.filterBy.event"


@pytest.mark.parametrize(
    ("changes", "kind", "expression"),
    [
        ({"status": "paused"}, SubscriptionRefused, "Subscription.status"),
        ({"topic": "Task?status=requested"}, TopicUnknown, "Subscription.topic"),
        ({"channelType": {"code": "sms"}}, ChannelNotSupported, "Subscription.channelType"),
        ({"channelType": None}, ChannelNotSupported, "Subscription.channelType"),
        ({"channelType": {"system": "http://x.org", "code": "rest-hook"}},
         ChannelNotSupported, "Subscription.channelType"),
        ({"content": "all"}, ContentNotSupported, "Subscription.content"),
        ({"contentType": "application/fhir+json; fhirVersion=4.0"},
         PayloadNotSupported, "Subscription.contentType"),
        ({"end": "tomorrow"}, SubscriptionRefused, "Subscription.end"),
        ({"timeout": -1}, SubscriptionRefused, "Subscription.timeout"),
        ({"heartbeatPeriod": "60"}, SubscriptionRefused, "Subscription.heartbeatPeriod"),
        ({"maxCount": 0}, SubscriptionRefused, "Subscription.maxCount"),
        ({"parameter": [{"name": "A"}]}, HeaderNotAllowed, "Subscription.parameter[0]"),
        ({"filterBy": [{"value": "x"}]}, FilterInvalid, "Subscription.filterBy[0]"),
        ({"filterBy": [{"filterParameter": "a", "value": ""}]},
         FilterInvalid, "Subscription.filterBy[0]"),
        ({"filterBy": [{"filterParameter": "a", "value": "1", "comparator": "gt",
                        "modifier": "not"}]},
         FilterInvalid, "Subscription.filterBy[0]"),
        ({"filterBy": [{"filterParameter": "a", "value": "1", "comparator": ">"}]},
         FilterInvalid, "Subscription.filterBy[0].comparator"),
        ({"filterBy": [{"filterParameter": "a", "value": "1", "resourceType": "http://x.org/p"}]},
         FilterInvalid, "Subscription.filterBy[0].resourceType"),
        ({"filterBy": [{"filterParameter": "a", "value": "1", "extension": [{"url": CROSS}]}]},
         ExtensionNotAllowed, "Subscription.filterBy[0].extension[0]"),
        ({"extension": [{"url": f"{BACKPORT}/StructureDefinition/backport-timeout"}]},
         ExtensionNotAllowed, "Subscription.extension[0]"),
        ({"extension": [{"url": f"{SUPPRESS_ECHO}s", "valueBoolean": True}]},
         ExtensionNotAllowed, "Subscription.extension[0]"),
        ({"channelType": {"code": "rest-hook",
                          "extension": [{"url": SUPPRESS_ECHO, "valueBoolean": True}]}},
         ExtensionNotAllowed, "Subscription.channelType.extension[0]"),
        ({"extension": [{"url": SUPPRESS_ECHO, "valueCode": "true"}]},
         SubscriptionRefused, "Subscription.extension[0]"),
        ({"extension": [{"url": SUPPRESS_ECHO, "valueBoolean": each} for each in (True, False)]},
         SubscriptionRefused, "Subscription.extension[1]"),
    ],
)  # fmt: skip
def test_what_can_not_be_honoured_is_refused_by_its_element(
    changes: dict[str, Json], kind: type[SubscriptionRefused], expression: str
) -> None:
    with pytest.raises(kind) as refusal:
        R5.decode_subscription(a_resource(**changes))
    assert refusal.value.expression == expression


def test_entered_in_error_is_a_status_of_r5() -> None:
    status = R5.decode_subscription(a_resource(status="entered-in-error")).status
    assert status is SubscriptionStatusCode.ENTERED_IN_ERROR


def test_amending_keeps_everything_else_as_it_was_sent() -> None:
    resource = a_resource(
        name="n",
        contentType="application/fhir+json",
        reason="r",
        timeout=500,
        parameter=[{"id": "p1", "name": "A", "value": "1"}, {"name": "A", "value": "2"}],
        end="2030-01-01T00:00:00+02:00",
    )
    before = copy.deepcopy(resource)
    subscription = R5.decode_subscription(resource)
    amended = R5.amend_subscription(resource, subscription, masked=False, error=None)
    assert resource == before
    assert amended == {**before, "timeout": 120}
    masked = R5.amend_subscription(resource, subscription, masked=True, error=None)
    assert masked["parameter"] == [
        {"id": "p1", "name": "A", "value": "***"},
        {"name": "A", "value": "***"},
    ]


def test_what_the_hub_took_away_is_gone() -> None:
    resource = a_resource(end="2020-01-01T00:00:00Z")
    held = a_subscription(
        FhirRelease.R5, status=SubscriptionStatusCode.OFF, heartbeat_period=timedelta(seconds=5)
    )
    amended = R5.amend_subscription(resource, held, masked=False, error=None)
    assert "end" not in amended and "parameter" not in amended
    assert (amended["id"], amended["status"]) == ("admission", "off")
    assert amended["heartbeatPeriod"] == 5


def test_elements_are_named_as_they_are() -> None:
    assert R5.element("Subscription.filterBy[0]") == "Subscription.filterBy[0]"
