"""What is about the hub itself neither triggers nor is included."""

from __future__ import annotations

from typing import Any

import pytest

from hub.core.excluded import is_excluded, is_topic_basic

CODE = {"system": "http://hl7.org/fhir/fhir-types", "code": "SubscriptionTopic"}


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ({"resourceType": "Subscription"}, True),
        ({"resourceType": "SubscriptionTopic"}, True),
        ({"resourceType": "SubscriptionStatus"}, True),
        ({"resourceType": "AuditEvent"}, True),
        ({"resourceType": "Basic", "code": {"coding": [CODE]}}, True),
        ({"resourceType": "Basic", "code": {"coding": [{"code": "x"}, CODE]}}, True),
        ({"resourceType": "Basic", "code": {"coding": [{"code": "x"}, 3]}}, False),
        ({"resourceType": "Basic", "code": {"text": "x"}}, False),
        ({"resourceType": "Basic", "code": "x"}, False),
        ({"resourceType": "Task", "code": {"coding": [CODE]}}, False),
        ({}, False),
    ],
)
def test_the_hub_s_own_resources_are_recognised(resource: dict[str, Any], expected: bool) -> None:
    assert is_excluded(resource) is expected
    assert is_topic_basic(resource) is (expected and resource["resourceType"] == "Basic")
