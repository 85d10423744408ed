"""Chains and reverse chains."""

from __future__ import annotations

import pytest

from hub.core.release import Resource
from tests.support.searches import ORDER, ORGANIZATION, ROLE, SHELF, TASK, asks


@pytest.mark.parametrize(
    ("resource", "name", "value"),
    [
        (TASK, "owner:PractitionerRole.organization", "Organization/3"),
        (TASK, "owner.organization", "3"),
        (TASK, "owner:PractitionerRole.organization.name", "lab"),
        (TASK, "owner._has:Task:owner:_id", "81"),
        (TASK, "focus.subject:Patient._id", "1"),
        (TASK, "focus:ServiceRequest.requester", "Patient/1"),
        (TASK, "focus.requester", "Patient/1"),
        (TASK, "focus._has:Task:focus:status", "requested"),
        (ORDER, "_has:Task:focus:owner", "PractitionerRole/7"),
        (ORDER, "_has:Task:focus:owner.organization", "Organization/3"),
        (ORDER, "_has:Task:focus:status:not", "draft"),
        (ROLE, "_has:Task:owner:_id", "81"),
        (ORGANIZATION, "_has:PractitionerRole:organization:_has:Task:owner:_id", "81"),
    ],
)
def test_chains_are_resolved_in_the_hubs_own_copy(
    resource: Resource, name: str, value: str
) -> None:
    assert asks(name, value, resource, resolver=SHELF)
    assert not asks(name, value, resource)
    assert not asks(name, "other", resource, resolver=SHELF) or ":not" in name


def test_nothing_refers_to_a_resource_without_an_id() -> None:
    order = {"resourceType": "ServiceRequest"}
    assert not asks("_has:Task:focus:status", "requested", order, resolver=SHELF)
