"""Subscriptions and notifications by others: read by the codec of their release, or refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hub.cli.arrival import NotANotification, read_arrival
from hub.codecs.filter_criteria import read_filters
from hub.codecs.topic import from_json
from hub.core.compiled_topic import CompiledTopic, compile_topic
from hub.core.filters import Filters, accept_filters
from hub.core.json_text import parse
from hub.core.release import FhirRelease, Resource
from hub.core.subscription import FilterBy
from hub.core.topic import parse_topic
from hub.errors import (
    ChannelNotSupported,
    FilterInvalid,
    FilterNotAllowed,
    HubError,
    MalformedJson,
    SubscriptionRefused,
)
from tests.reference.conftest import reference_data
from tests.support.notifications import CODECS
from tests.support.search_tables import PARAMETERS

SHARED = reference_data() or Path()
DATA = SHARED / "real-topics"
R4, R4B, R5 = FhirRelease.R4, FhirRelease.R4B, FhirRelease.R5
ENCOUNTERS = "fhir-candle/r4b-SubscriptionTopic-encounter-complete.json"


def load(name: str) -> Resource:
    return parse((DATA / name).read_bytes()).value


def topic(name: str, release: FhirRelease) -> CompiledTopic:
    return compile_topic(parse_topic(from_json(load(name))), PARAMETERS[release])


@pytest.mark.parametrize(
    ("name", "release", "of", "filters"),
    [
        (
            "davinci-cdex/Subscription-cdex-task-requested.json",
            R4,
            "davinci-hrex/SubscriptionTopic-Task.json",
            "",
        ),
        (
            "davinci-cdex/Subscription-cdex-task-active.json",
            R4,
            "davinci-hrex/SubscriptionTopic-Task.json",
            "",
        ),
        (
            "fhir-candle/r5-Subscription-encounter-complete.json",
            R5,
            "fhir-candle/r5-SubscriptionTopic-encounter-complete.json",
            "Encounter?patient=Patient/example",
        ),
    ],
)
def test_a_subscription_is_read_and_accepted_by_its_topic(
    name: str, release: FhirRelease, of: str, filters: str
) -> None:
    subscription = CODECS[release].decode_subscription(load(name))
    compiled = topic(of, release)
    assert subscription.topic == compiled.topic.url
    accepted = accept_filters(compiled, subscription.filter_by, PARAMETERS[release])
    assert accepted.canonical == filters


def test_a_byte_order_mark_is_refused() -> None:
    with pytest.raises(MalformedJson, match="byte order mark"):
        load("fhir-candle/r4-Subscription-encounter-complete.json")


@pytest.mark.parametrize(
    ("name", "release"),
    [
        ("fhir-candle/r4-Subscription-encounter-complete.json", R4),
        ("fhir-candle/r4b-Subscription-encounter-complete.json", R4B),
    ],
)
def test_a_heartbeat_of_the_wrong_type_and_a_filter_that_is_not_offered_are_refused(
    name: str, release: FhirRelease
) -> None:
    resource = parse((DATA / name).read_bytes().removeprefix(b"\xef\xbb\xbf")).value
    with pytest.raises(SubscriptionRefused, match="must have a valueUnsignedInt") as caught:
        CODECS[release].decode_subscription(resource)
    assert caught.value.expression == "Subscription.channel.extension[0]"
    (heartbeat,) = resource["channel"]["extension"]
    heartbeat["valueUnsignedInt"] = heartbeat.pop("valueInteger")
    subscription = CODECS[release].decode_subscription(resource)
    with pytest.raises(FilterNotAllowed, match=r"Encounter\?patient'.*offered: _in, length, subj"):
        accept_filters(topic(ENCOUNTERS, release), subscription.filter_by, PARAMETERS[release])


@pytest.mark.parametrize("release", [R4, R4B, R5])
def test_the_group_filter_takes_lists_and_says_why_an_encounter_is_in_no_group(
    release: FhirRelease,
) -> None:
    def accept(value: str) -> Filters:
        wanted = FilterBy(filter_parameter="_in", resource_type="Encounter", value=value)
        return accept_filters(topic(ENCOUNTERS, release), [wanted], PARAMETERS[release])

    assert accept("List/1").canonical == "Encounter?_in=List/1"
    with pytest.raises(FilterInvalid, match=r"is no member of a Group; .*patient\._in"):
        accept("Group/1")


@pytest.mark.parametrize("release", [R4B, R5])
def test_a_subscription_of_another_release_is_refused(release: FhirRelease) -> None:
    name = "fhir-candle/r5-Subscription-encounter-complete.json"
    if release is R5:
        name = "davinci-cdex/Subscription-cdex-task-requested.json"
    with pytest.raises(HubError):
        CODECS[release].decode_subscription(load(name))


def test_a_channel_that_the_hub_has_not_is_refused() -> None:
    name = "../spec-examples/backport-1.2-master/subscription/Subscription-subscription-zulip.json"
    with pytest.raises(ChannelNotSupported, match="zulip"):
        CODECS[R4].decode_subscription(load(name))


@pytest.mark.parametrize(
    ("source", "of", "refusal"),
    [
        (
            "davinci-pas/Examples-subscription-excerpt.fsh",
            "davinci-pas/SubscriptionTopic-PAS.json",
            "filter 'orgIdentifier' does not exist in R4",
        ),
        (
            "subscriptions-backport/BackportSubscription.fsh",
            "converted/hl7-core-subscriptiontopic-example-admission.json",
            "filter 'Patient[?]id' is for a type that the topic does not trigger on",
        ),
    ],
)
def test_a_filter_beyond_the_topic_is_refused(source: str, of: str, refusal: str) -> None:
    text = (DATA / source).read_text(encoding="utf-8")
    written = re.findall(r'filterCriteria\]\.valueString\s+= "(.*)"', text)
    filters = [one for line in written for one in read_filters(line, "Subscription.criteria")]
    with pytest.raises(FilterNotAllowed, match=refusal):
        accept_filters(topic(of, R4), filters, PARAMETERS[R4])


def test_a_group_can_not_be_asked_for_although_a_topic_offers_it() -> None:
    compiled = topic("converted/hl7-core-subscriptiontopic-example-admission.json", R5)
    filters = read_filters("Encounter?patient:in=Group/1", "Subscription.filterBy[0]")
    with pytest.raises(FilterInvalid, match="patient:in=Group/1: allowed: no modifier"):
        accept_filters(compiled, filters, PARAMETERS[R5])


@pytest.mark.parametrize(
    ("name", "kind", "numbers", "focus"),
    [
        (
            "davinci-cdex/Bundle-cdex-task-notification.json",
            "event-notification",
            "#17",
            "Task/cdex-task-example2",
        ),
        ("fhir-candle/r4b-Bundle-notification-handshake.json", "handshake", "", None),
        ("fhir-candle/r5-Bundle-notification-handshake.json", "handshake", "", None),
    ],
)
def test_a_notification_is_read(name: str, kind: str, numbers: str, focus: str | None) -> None:
    arrival = read_arrival(load(name))
    assert (arrival.type, arrival.numbers, arrival.status) == (kind, numbers, "active")
    assert [event.focus for event in arrival.events] == ([focus] if focus else [])


@pytest.mark.parametrize("kind", ["handshake", "id"])
def test_a_notification_whose_subscription_is_no_reference_is_told_to_be_none(kind: str) -> None:
    with pytest.raises(NotANotification, match="unreadable status"):
        read_arrival(load(f"fhir-candle/r4-Bundle-notification-{kind}.json"))
