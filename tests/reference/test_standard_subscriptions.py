"""The Subscriptions that the standard shows, and what its operations answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hub.core.release import FhirRelease, Resource
from tests.reference.conftest import reference_data
from tests.support.notifications import CODECS

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
