"""Subscriptions whose criteria are a search, as R4 and R4B write them."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import fhir.resources.R4B.subscription
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.codecs.backport import PROFILE, BackportCodec
from hub.codecs.classic import is_search, read_criteria
from hub.codecs.r4 import R4Codec
from hub.codecs.r4b import R4BCodec
from hub.core.subscription import (
    ChannelType,
    FilterBy,
    PayloadContent,
    Subscription,
    SubscriptionStatusCode,
)
from hub.errors import CriteriaInvalid
from tests.support.classic import a_classic
from tests.support.subscriptions import a_subscription, filters, headers

BOTH = pytest.mark.parametrize("codec", [R4Codec(), R4BCodec()], ids=["R4", "R4B"])
R4 = R4Codec()


_NOTHING = ("", PayloadContent.EMPTY)
_RESOURCES = tuple(
    (mime, PayloadContent.FULL_RESOURCE)
    for mime in (
        "application/fhir+json",
        "application/json",
        "application/fhir+json; charset=UTF-8",
    )
)
_PAYLOADS = {
    ChannelType.REST_HOOK: (_NOTHING, *_RESOURCES),
    ChannelType.WEBSOCKET: (_NOTHING,),
    ChannelType.EMAIL: (
        _NOTHING,
        *_RESOURCES,
        ("text/plain", PayloadContent.ID_ONLY),
        ("Text/Plain; charset=utf-8", PayloadContent.ID_ONLY),
    ),
}
_ENDPOINTS = {
    ChannelType.REST_HOOK: "https://example.org/hook",
    ChannelType.EMAIL: "mailto:ward@example.org",
}


@st.composite
def classics(draw: st.DrawFn, codec: BackportCodec) -> Subscription:
    kind = draw(st.sampled_from(["Task", "Patient"]))
    channel = draw(
        st.sampled_from([ChannelType.REST_HOOK, ChannelType.WEBSOCKET, ChannelType.EMAIL])
    )
    payload, content = draw(st.sampled_from(_PAYLOADS[channel]))
    endpoint = _ENDPOINTS.get(channel)
    return a_subscription(
        codec.release,
        id=draw(st.sampled_from(["", "s1"])),
        status=draw(st.sampled_from(["requested", "active", "error", "off"]).map(_status)),
        topic=kind,
        filter_by=tuple(
            FilterBy(
                filter_parameter=each.filter_parameter,
                value=each.value,
                resource_type=kind,
                modifier=each.modifier,
            )
            for each in draw(st.lists(filters(codec.release), max_size=3))
        ),
        channel_type=channel,
        endpoint=endpoint,
        content=content,
        content_type=payload,
        parameter=tuple(draw(st.lists(headers(), max_size=2))) if endpoint else (),
        end=draw(st.none() | st.just(datetime(2030, 1, 1, tzinfo=UTC))),
        suppress_echo=draw(st.booleans()),
    )


def _status(code: str) -> SubscriptionStatusCode:
    return SubscriptionStatusCode(code)


@BOTH
@given(data=st.data())
def test_what_is_encoded_is_decoded_again(codec: BackportCodec, data: st.DataObject) -> None:
    subscription = data.draw(classics(codec))
    resource = codec.encode_subscription(subscription)
    fhir.resources.R4B.subscription.Subscription.model_validate_json(orjson.dumps(resource))
    assert "meta" not in resource
    assert codec.decode_subscription(resource) == subscription


@BOTH
@given(data=st.data())
def test_amending_changes_only_what_the_hub_governs(
    codec: BackportCodec, data: st.DataObject
) -> None:
    sent = data.draw(classics(codec))
    resource = codec.encode_subscription(sent)
    before = copy.deepcopy(resource)
    own = codec.amend_subscription(resource, sent, masked=False, error=None)
    assert own == {**resource, "id": sent.id}
    masked = codec.amend_subscription(resource, sent, masked=True, error="no answer")
    assert masked["error"] == "no answer"
    assert all(line.endswith(": ***") for line in masked["channel"].get("header", ()))
    assert resource == before


def test_the_criteria_are_read_and_stay_as_they_were_written() -> None:
    text = "/Task?owner=Organization%2Flab&status:not=draft,x\\,y&_sort=-modified&_format=json"
    resource = a_classic(
        text,
        endpoint="https://ehr.example.org/fhir",
        payload="application/fhir+json; fhirVersion=4.0",
        header=["Authorization: Bearer a:b"],
        id="s1",
        meta={"profile": [PROFILE]},
    )
    found = R4.decode_subscription(resource)
    assert found == a_subscription(
        R4.release,
        id="s1",
        status=SubscriptionStatusCode.REQUESTED,
        topic="Task",
        filter_by=(
            FilterBy(filter_parameter="owner", value="Organization/lab", resource_type="Task"),
            FilterBy(
                filter_parameter="status",
                value="draft,x\\,y",
                resource_type="Task",
                modifier="not",
            ),
        ),
        endpoint="https://ehr.example.org/fhir",
        content=PayloadContent.FULL_RESOURCE,
        content_type="application/fhir+json; fhirVersion=4.0",
        parameter=(("Authorization", "Bearer a:b"),),
    )
    assert found.is_classic
    assert R4.amend_subscription(resource, found, masked=False, error=None)["criteria"] == text


@pytest.mark.parametrize("text", ["Patient", "/Patient", "Patient?", "/Patient?", "Patient?&"])
def test_a_type_alone_is_every_resource_of_it(text: str) -> None:
    assert read_criteria(text) == ("Patient", ())


@pytest.mark.parametrize(
    ("criteria", "search"),
    [
        ("Task?status=requested", True),
        ("Observation?code:in=http://loinc.org/vs", True),
        ("admission", True),
        ("http://example.org/topic", False),
        ("urn:oid:1.2.3", False),
        ("http://example.org/a b", False),
        ("ftp://example.org/a", False),
        (None, False),
        ({}, False),
    ],
)
def test_the_form_of_criteria_tells_what_they_are(criteria: Any, search: bool) -> None:
    assert is_search(criteria) is search


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("encounter-complete", "neither the canonical URL of a topic nor a search"),
        ("", "neither"),
        ("Task/1", "neither"),
        ("Task?status", "can't be read: 'status' is no search condition"),
        ("Task?status=%ff", "not UTF-8"),
    ],
)
def test_what_is_no_search_is_refused(text: str, words: str) -> None:
    with pytest.raises(CriteriaInvalid, match=words) as refusal:
        read_criteria(text)
    assert refusal.value.expression == "Subscription.criteria"
