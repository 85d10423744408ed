from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta

import fhir.resources.R4B.subscription
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.codecs.backport import BackportCodec
from hub.codecs.r4 import R4Codec
from hub.codecs.r4b import R4BCodec
from hub.codecs.release_codec import bundle_type
from hub.core.echo import SUPPRESS_ECHO
from hub.core.release import FhirRelease, Resource
from hub.core.subscription import (
    ChannelType,
    FilterBy,
    Identifier,
    PayloadContent,
    SubscriptionStatusCode,
)
from hub.errors import (
    ChannelNotSupported,
    ContentNotSupported,
    HeaderNotAllowed,
    PayloadNotSupported,
    SubscriptionRefused,
    TopicUnknown,
)
from tests.support.backport import BP, a_resource, channel_extensions
from tests.support.subscriptions import a_subscription, subscriptions

BOTH = pytest.mark.parametrize("codec", [R4Codec(), R4BCodec()], ids=["R4", "R4B"])
R4 = R4Codec()


@BOTH
@given(data=st.data())
def test_what_is_encoded_is_decoded_again(codec: BackportCodec, data: st.DataObject) -> None:
    subscription = data.draw(subscriptions(codec.release))
    resource = codec.encode_subscription(subscription)
    fhir.resources.R4B.subscription.Subscription.model_validate_json(orjson.dumps(resource))
    assert codec.decode_subscription(resource) == subscription


@BOTH
@given(data=st.data())
def test_an_amended_subscription_decodes_to_what_the_hub_holds(
    codec: BackportCodec, data: st.DataObject
) -> None:
    sent = data.draw(subscriptions(codec.release))
    resource = codec.encode_subscription(sent)
    before = copy.deepcopy(resource)
    held = a_subscription(
        codec.release,
        id="other",
        topic=sent.topic,
        filter_by=sent.filter_by,
        channel_type=sent.channel_type,
        endpoint=sent.endpoint,
        max_count=sent.max_count,
        content=sent.content,
        content_type=sent.content_type,
        heartbeat_period=sent.heartbeat_period,
        timeout=sent.timeout,
        parameter=sent.parameter[::-1],
        end=datetime(2030, 1, 1, tzinfo=UTC),
        identifier=sent.identifier,
        suppress_echo=sent.suppress_echo,
    )
    amended = codec.amend_subscription(resource, held, masked=False, error=None)
    assert codec.decode_subscription(amended) == held
    assert resource == before
    own = codec.amend_subscription(resource, sent, masked=False, error=None)
    assert own == {**resource, "id": sent.id}


def test_the_example_of_the_guide_is_read_whole() -> None:
    resource = a_resource(
        end="2030-12-31T12:00:00.5+01:00",
        criteria="http://example.org/topic|1.0",
        _criteria={
            "extension": [
                {
                    "url": f"{BP}/backport-filter-criteria",
                    "valueString": "Encounter?patient=Patient/123",
                }
            ]
        },
        channel_extension=[
            {"url": f"{BP}/backport-heartbeat-period", "valueUnsignedInt": 86400},
            {"url": f"{BP}/backport-timeout", "valueUnsignedInt": 60},
            {"url": f"{BP}/backport-max-count", "valuePositiveInt": 20},
        ],
        channel_header=["Authorization: Bearer a:b", "X-One:1", "X-One: 2"],
        extension=[
            {
                "url": "http://hl7.org/fhir/5.0/StructureDefinition/extension-Subscription.identifier",
                "valueIdentifier": {"value": "abc"},
            },
            {"url": SUPPRESS_ECHO, "valueBoolean": True},
        ],
    )
    assert R4.decode_subscription(resource) == a_subscription(
        FhirRelease.R4,
        id="s1",
        status=SubscriptionStatusCode.REQUESTED,
        topic="http://example.org/topic|1.0",
        filter_by=(
            FilterBy(filter_parameter="patient", value="Patient/123", resource_type="Encounter"),
        ),
        heartbeat_period=timedelta(days=1),
        timeout=timedelta(seconds=60),
        max_count=20,
        parameter=(("Authorization", "Bearer a:b"), ("X-One", "1"), ("X-One", "2")),
        end=datetime(2030, 12, 31, 11, 0, 0, 500_000, tzinfo=UTC),
        identifier=(Identifier(None, "abc"),),
        suppress_echo=True,
    )


def test_several_filter_strings_add_up() -> None:
    texts = ["a=1", "b=2&c=3"]
    url = f"{BP}/backport-filter-criteria"
    extension = [{"url": url, "valueString": text} for text in texts]
    found = R4.decode_subscription(a_resource(_criteria={"extension": extension})).filter_by
    assert [one.filter_parameter for one in found] == ["a", "b", "c"]


REFUSED: list[tuple[Resource, type[SubscriptionRefused], str]] = [
    (a_resource(status="entered-in-error"), SubscriptionRefused, "Subscription.status"),
    (a_resource(status=None), SubscriptionRefused, "Subscription.status"),
    (a_resource(end="2030-01-01"), SubscriptionRefused, "Subscription.end"),
    (a_resource(end="2030-02-30T00:00:00Z"), SubscriptionRefused, "Subscription.end"),
    (a_resource(criteria="ftp://x.org/a"), TopicUnknown, "Subscription.criteria"),
    (a_resource(criteria="http://x.org/a b"), TopicUnknown, "Subscription.criteria"),
    (a_resource(criteria="http://x.org/a|1|2"), TopicUnknown, "Subscription.criteria"),
    (a_resource(criteria=None), TopicUnknown, "Subscription.criteria"),
    (a_resource(channel_type="sms"), ChannelNotSupported, "Subscription.channel.type"),
    (a_resource(channel_type="pigeon"), ChannelNotSupported, "Subscription.channel.type"),
    (
        a_resource(
            channel__type={
                "extension": [
                    {
                        "url": f"{BP}/backport-channel-type",
                        "valueCoding": {"system": "http://example.org/x", "code": "zulip"},
                    }
                ]
            }
        ),
        ChannelNotSupported,
        "Subscription.channel.type",
    ),
    (a_resource(channel__payload=None), ContentNotSupported, "Subscription.channel.payload"),
    (
        a_resource(
            channel__payload={
                "extension": [{"url": f"{BP}/backport-payload-content", "valueCode": "all"}]
            }
        ),
        ContentNotSupported,
        "Subscription.channel.payload",
    ),
    *(
        (a_resource(channel_payload=payload), PayloadNotSupported, "Subscription.channel.payload")
        for payload in (
            "text/xml",
            "application/fhir+xml; fhirVersion=5.0",
            "application/fhir+json; fhirVersion=5.0",
            'application/fhir+json;FHIRVERSION="4.3"',
            "application/fhir+json; charset=latin1",
            "application/fhir+json;",
            "text/plain",
            "json",
            "application/fhir+json\r\nX: y",
        )
    ),
    (a_resource(channel_header=["Bearer abc"]), HeaderNotAllowed, "Subscription.channel.header[0]"),
    (
        a_resource(channel_header=["A: b", ": x"]),
        HeaderNotAllowed,
        "Subscription.channel.header[1]",
    ),
    (a_resource(channel_header=[None]), HeaderNotAllowed, "Subscription.channel.header[0]"),
    (
        channel_extensions(("timeout", {"valueUnsignedInt": -1})),
        SubscriptionRefused,
        "Subscription.channel.extension",
    ),
    (
        channel_extensions(("heartbeat-period", {"valueUnsignedInt": 2**31})),
        SubscriptionRefused,
        "Subscription.channel.extension",
    ),
    (
        channel_extensions(("max-count", {"valuePositiveInt": 0})),
        SubscriptionRefused,
        "Subscription.channel.extension",
    ),
    (
        channel_extensions(("max-count", {"valuePositiveInt": True})),
        SubscriptionRefused,
        "Subscription.channel.extension",
    ),
    (
        channel_extensions(("timeout", {"valueString": "60"})),
        SubscriptionRefused,
        "Subscription.channel.extension[0]",
    ),
]


@pytest.mark.parametrize(("resource", "kind", "expression"), REFUSED)
def test_what_can_not_be_honoured_is_refused_by_its_element(
    resource: Resource, kind: type[SubscriptionRefused], expression: str
) -> None:
    with pytest.raises(kind) as refusal:
        R4.decode_subscription(resource)
    assert refusal.value.expression == expression


def test_a_refused_header_is_not_repeated() -> None:
    with pytest.raises(HeaderNotAllowed) as refusal:
        R4.decode_subscription(a_resource(channel_header=["secret"]))
    assert "secret" not in refusal.value.diagnostics


def test_the_channel_extension_overrules_the_code() -> None:
    coding = {
        "system": "http://terminology.hl7.org/CodeSystem/subscription-channel-type",
        "code": "websocket",
    }
    resource = a_resource(
        channel__type={"extension": [{"url": f"{BP}/backport-channel-type", "valueCoding": coding}]}
    )
    assert R4.decode_subscription(resource).channel_type is ChannelType.WEBSOCKET


def test_an_absent_payload_is_json_and_the_answer_says_so() -> None:
    resource = a_resource(channel_payload=None)
    subscription = R4.decode_subscription(resource)
    assert subscription.content_type == "application/fhir+json"
    assert subscription.content is PayloadContent.ID_ONLY
    amended = R4.amend_subscription(resource, subscription, masked=False, error=None)
    assert amended["channel"]["payload"] == "application/fhir+json"


@pytest.mark.parametrize(
    "payload",
    ["application/fhir+json;fhirVersion=4.0", 'application/json ; fhirVersion="4.0.1"; q=1',
     "Application/FHIR+JSON; charset=UTF-8", "application/fhir+xml; fhirVersion=4.0",
     "application/xml"],
)  # fmt: skip
def test_a_payload_type_is_kept_as_it_was_written(payload: str) -> None:
    assert R4.decode_subscription(a_resource(channel_payload=payload)).content_type == payload


@pytest.mark.parametrize("channel", ["rest-hook", "websocket", "message"])
def test_xml_is_refused_where_it_is_not_installed(channel: str) -> None:
    resource = a_resource(channel_type=channel, channel_payload="application/fhir+xml")
    assert R4.decode_subscription(resource).content_type == "application/fhir+xml"
    without = R4Codec(has_xml=False)
    with pytest.raises(PayloadNotSupported, match=r"pip install 'fhir-hub\[xml\]'"):
        without.decode_subscription(resource)
    assert without.writes("application/fhir+json") and not without.writes("Application/XML ; a=b")
    assert R4.writes("application/xml")


def test_the_bundle_of_a_mail_is_what_is_attached() -> None:
    attached = 'text/html; charset=utf-8; Attach="application/fhir+xml"'
    assert bundle_type(attached) == "application/fhir+xml"
    assert bundle_type("text/plain") == "text/plain"
    assert bundle_type("application/fhir+json;attach=x") == "application/fhir+json;attach=x"
    assert R4.writes(attached) and not R4Codec(has_xml=False).writes(attached)
    assert R4Codec(has_xml=False).writes("text/plain;attach=application/json")


def test_what_an_email_consists_of_is_kept_for_its_channel_to_judge() -> None:
    for payload in ("text/plain;attach=application/fhir+json", "image/png"):
        resource = a_resource(channel_type="email", channel_payload=payload)
        assert R4.decode_subscription(resource).content_type == payload
    resource = a_resource(channel_type="email")
    del resource["channel"]["payload"]
    assert R4.decode_subscription(resource).content_type == "text/plain"


@pytest.mark.parametrize(
    ("channel", "asked", "given"),
    [("rest-hook", (0, 0), (1, 1)), ("rest-hook", (60, 120), (60, 120)),
     ("rest-hook", (86_401, 121), (86_401, 120)), ("email", (60, 60), (86_400, 60))],
)  # fmt: skip
def test_periods_are_fitted_and_the_answer_shows_it(
    channel: str, asked: tuple[int, int], given: tuple[int, int]
) -> None:
    resource = channel_extensions(
        ("heartbeat-period", {"valueUnsignedInt": asked[0]}),
        ("timeout", {"valueUnsignedInt": asked[1]}),
    )
    resource["channel"]["type"] = channel
    subscription = R4.decode_subscription(resource)
    assert subscription.heartbeat_period == timedelta(seconds=given[0])
    assert subscription.timeout == timedelta(seconds=given[1])
    amended = R4.amend_subscription(resource, subscription, masked=False, error=None)
    assert [one["valueUnsignedInt"] for one in amended["channel"]["extension"]] == list(given)
    assert R4.decode_subscription(amended) == subscription


def test_amending_keeps_everything_else_as_it_was_sent() -> None:
    resource = a_resource(
        meta={"tag": [{"code": "x"}]},
        contact=[{"system": "phone", "value": "1"}],
        end="2030-01-01T00:00:00+02:00",
        error="made up by the client",
        channel_header=["A:1", "B: 2"],
        channel__header=[{"id": "h1"}, None],
    )
    before = copy.deepcopy(resource)
    subscription = R4.decode_subscription(resource)
    amended = R4.amend_subscription(resource, subscription, masked=False, error=None)
    assert resource == before
    del before["error"]
    assert amended == before


def test_masked_headers_keep_their_order_and_their_duplicates() -> None:
    resource = a_resource(channel_header=["A: 1", "B: 2", "A: 3"])
    subscription = R4.decode_subscription(resource)
    amended = R4.amend_subscription(resource, subscription, masked=True, error="HTTP 503")
    assert amended["channel"]["header"] == ["A: ***", "B: ***", "A: ***"]
    assert amended["error"] == "HTTP 503"


def test_what_the_hub_took_away_is_gone() -> None:
    resource = a_resource(end="2020-01-01T00:00:00Z", _end={"id": "e"})
    held = a_subscription(FhirRelease.R4, status=SubscriptionStatusCode.OFF)
    amended = R4.amend_subscription(resource, held, masked=False, error=None)
    assert "end" not in amended and "_end" not in amended
    assert "header" not in amended["channel"]
    assert (amended["id"], amended["status"]) == ("admission", "off")


@pytest.mark.parametrize(
    ("r5", "r4"),
    [
        ("Subscription.topic", "Subscription.criteria"),
        ("Subscription.filterBy", "Subscription.criteria.extension"),
        ("Subscription.filterBy[2].value", "Subscription.criteria.extension"),
        ("Subscription.channelType", "Subscription.channel.type"),
        ("Subscription.endpoint", "Subscription.channel.endpoint"),
        ("Subscription.parameter", "Subscription.channel.header"),
        ("Subscription.parameter[1].value", "Subscription.channel.header[1]"),
        ("Subscription.heartbeatPeriod", "Subscription.channel.extension"),
        ("Subscription.timeout", "Subscription.channel.extension"),
        ("Subscription.maxCount", "Subscription.channel.extension"),
        ("Subscription.contentType", "Subscription.channel.payload"),
        ("Subscription.content", "Subscription.channel.payload"),
        ("Subscription.end", "Subscription.end"),
        ("Subscription.status", "Subscription.status"),
        ("Subscription.channel.header[0]", "Subscription.channel.header[0]"),
        ("Task.status", "Task.status"),
    ],
)
def test_an_element_of_r5_has_a_name_in_r4(r5: str, r4: str) -> None:
    assert R4.element(r5) == r4
