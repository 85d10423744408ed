"""``resolve()``: references are followed in the hub's own copy, within the budget."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from hub.core.fhirpath import FhirPathError, compile_fhirpath
from hub.core.release import FhirRelease, Resource
from hub.core.search import NOWHERE
from tests.support.search_tables import BASE_URL
from tests.support.topics import change, compiled, task

BASE = f"{BASE_URL}/r4"


class Copy:
    """The resources that the hub holds; counts what is read."""

    now = datetime(2026, 1, 1, tzinfo=UTC)

    def __init__(self, *resources: Resource) -> None:
        self.held = {(each["resourceType"], each["id"]): each for each in resources}
        self.reads = 0

    def read(self, resource_type: str, id: str) -> Resource | None:
        self.reads += 1
        return self.held.get((resource_type, id))

    def referrers(
        self, resource_type: str, code: str, target_type: str, target_id: str
    ) -> Iterable[Resource]:
        return ()


ORGANIZATION = {"resourceType": "Organization", "id": "lab", "name": "Lab"}
ROLE = {
    "resourceType": "PractitionerRole",
    "id": "role",
    "organization": {"reference": "#inside"},
    "contained": [
        {"resourceType": "Organization", "id": "other"},
        {"resourceType": "Organization", "id": "inside", "name": "Inside the role"},
    ],
}
COPY = Copy(ORGANIZATION, ROLE)


def owned(reference: str, **elements: Any) -> Resource:
    return task(owner={"reference": reference}, **elements)


def answer(
    expression: str, previous: Resource | None, current: Resource | None
) -> bool | FhirPathError:
    return compile_fhirpath(expression, FhirRelease.R4, BASE).evaluate(previous, current, COPY)


@pytest.mark.parametrize(
    "reference",
    ["Organization/lab", "Organization/lab/_history/7", f"{BASE}/Organization/lab"],
)
def test_a_reference_to_what_the_hub_holds_is_followed(reference: str) -> None:
    expression = "%current.owner.resolve().name = 'Lab' and owner.resolve() is Organization"
    assert answer(expression, None, owned(reference)) is True


@pytest.mark.parametrize(
    "owner",
    [
        {"reference": "Organization/unknown"},
        {"reference": "http://elsewhere.example/fhir/Organization/lab"},
        {"reference": "urn:uuid:915c2040-b0a8-4935-adf8-94d6e1a74052"},
        {"reference": 7},
        {"identifier": {"value": "lab"}},
        {"reference": "#nobody"},
    ],
)
def test_what_can_not_be_followed_is_left_out(owner: object) -> None:
    assert answer("%current.owner.resolve().empty()", None, task(owner=owner)) is True


def test_a_canonical_or_url_is_followed_like_a_reference() -> None:
    assert answer("'Organization/lab'.resolve().name = 'Lab'", None, task()) is True
    assert answer("'#lab'.resolve().empty()", None, task()) is True


def test_a_fragment_names_what_is_contained_in_the_resource_that_it_stands_in() -> None:
    def holding(name: str) -> Resource:
        return owned(
            "#org", contained=[{"resourceType": "Organization", "id": "org", "name": name}]
        )

    expression = "%previous.owner.resolve().name = 'old' and %current.owner.resolve().name = 'new'"
    assert answer(expression, holding("old"), holding("new")) is True
    inside_another = "%current.owner.resolve().organization.resolve().name = 'Inside the role'"
    assert answer(inside_another, None, owned("PractitionerRole/role")) is True


def test_a_lone_hash_names_the_container() -> None:
    part = {"resourceType": "Provenance", "id": "p", "target": [{"reference": "#"}]}
    state = task(contained=[part])
    assert answer("%current.contained.target.resolve().id = 't1'", None, state) is True


def test_following_references_is_paid_from_the_budget() -> None:
    copy = Copy(ORGANIZATION)
    state = task(note=[{"reference": "Organization/lab"}] * 5_000)
    criteria = compile_fhirpath("%current.note.resolve().exists()", FhirRelease.R4)
    result = criteria.evaluate(None, state, copy)
    assert isinstance(result, FhirPathError)
    assert "too costly" in result.reason
    assert copy.reads < 1_000


def test_a_trigger_follows_references_with_the_resolver_of_the_change() -> None:
    topic = compiled({"fhirPathCriteria": "%current.owner.resolve().name = 'Lab'"})
    moved = change(None, owned(f"{BASE}/Organization/lab"))
    assert topic.fires(moved, COPY) == (0,)
    assert topic.fires(moved, NOWHERE) == ()
