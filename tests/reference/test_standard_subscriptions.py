"""The Subscriptions that the standard shows, and what its operations answer."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub.core.notification import NotificationType, StatusError, build_notification
from hub.core.release import FhirRelease, Resource
from hub.core.subscription import SubscriptionStatusCode
from tests.reference.conftest import reference_data
from tests.support.example_differences import (
    Difference,
    searchset_has_total_and_link,
    searchset_is_not_a_thing_with_time,
    without_ids,
)
from tests.support.notification_rules import check_model
from tests.support.notifications import CODECS
from tests.support.subscriptions import a_subscription

DATA = (reference_data() or Path()) / "spec-examples"


def load(file: str) -> Resource:
    resource: Resource = json.loads((DATA / file).read_text(encoding="utf-8"))
    return resource


@pytest.mark.parametrize("release", [FhirRelease.R4, FhirRelease.R4B])
def test_the_token_of_the_standard_is_written_alike(release: FhirRelease) -> None:
    example = load(f"constructed-not-from-hl7/{release.path}/get-ws-binding-token-response.json")
    values = [
        (one["name"], kind, value)
        for one in example["parameter"]
        for kind, value in one.items()
        if kind != "name"
    ]
    assert CODECS[release].encode_parameters(values) == example


SUBSCRIPTIONS = [
    ("backport-1.2-master/subscription/Subscription-subscription-admission.json", FhirRelease.R4),
    (
        "backport-1.2-master/subscription/Subscription-subscription-multi-resource.json",
        FhirRelease.R4B,
    ),
    ("constructed-not-from-hl7/r5/subscription-all-elements.json", FhirRelease.R5),
]


@pytest.mark.parametrize(("file", "release"), SUBSCRIPTIONS, ids=str)
def test_a_subscription_of_the_standard_is_read_and_comes_back_as_it_was(
    file: str, release: FhirRelease
) -> None:
    example = load(file)
    codec = CODECS[release]
    subscription = codec.decode_subscription(example)
    assert subscription.filter_by
    assert codec.amend_subscription(example, subscription, masked=False, error=None) == example
    assert codec.decode_subscription(codec.encode_subscription(subscription)) == subscription


@pytest.mark.parametrize(
    ("file", "release", "differences"),
    [
        (
            "constructed-not-from-hl7/r4/status-operation-response.json",
            FhirRelease.R4,
            (searchset_is_not_a_thing_with_time,),
        ),
        (
            "constructed-not-from-hl7/r4b/status-operation-response.json",
            FhirRelease.R4B,
            (searchset_is_not_a_thing_with_time,),
        ),
        (
            "core-r5/operation-status-response.json",
            FhirRelease.R5,
            (searchset_is_not_a_thing_with_time, searchset_has_total_and_link),
        ),
    ],
    ids=["R4", "R4B", "R5"],
)
def test_the_answer_of_the_status_operation_is_that_of_the_standard(
    file: str, release: FhirRelease, differences: tuple[Difference, ...]
) -> None:
    example = load(file)
    for difference in differences:
        difference(example)
    r5 = release is FhirRelease.R5
    base = "http://example.org/FHIR/R5" if r5 else "https://example.org/fhir"
    status = build_notification(
        a_subscription(
            release,
            id="123" if r5 else "admission",
            status=SubscriptionStatusCode.ACTIVE if r5 else SubscriptionStatusCode.ERROR,
            topic="http://example.org/FHIR/R5/SubscriptionTopic/admission"
            if r5
            else "http://hl7.org/SubscriptionTopic/admission",
        ),
        NotificationType.QUERY_STATUS,
        total=310 if r5 else 28,
        timestamp=datetime(2024, 1, 1, tzinfo=UTC),
        errors=() if r5 else [StatusError("error-response", "HTTP 503 from endpoint")],
    )
    self_url = f"{base}/Subscription/{status.subscription_id}/$status"
    written = json.loads(CODECS[release].encode_statuses([status], base, self_url))
    check_model(written, release)
    assert without_ids(written) == without_ids(example)
