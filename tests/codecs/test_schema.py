from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.codecs.conformance import issues_of
from hub.codecs.schema import compile_schema
from hub.codecs.tables import elements, resource_types
from hub.core.release import FhirRelease
from tests.support.resources import spoiled, valid_resource

R4 = FhirRelease.R4
kinds = st.sampled_from(
    [(release, kind) for release in FhirRelease for kind in sorted(resource_types(release))]
)
compiled = cache(lambda release, kind: compile_schema(elements(release), kind))
hollow = kinds.filter(lambda which: which[1] not in ("Bundle", "Parameters"))
"""Types that hold other resources only as contained ones: a schema does not look into those."""
luck = st.randoms(use_true_random=True)


@given(which=kinds, luck=luck)
def test_a_resource_that_follows_its_definition_is_accepted(
    which: tuple[FhirRelease, str], luck: Any
) -> None:
    release, kind = which
    resource = valid_resource(elements(release), kind, luck)
    assert list(issues_of(resource, release)) == []
    assert compiled(release, kind).is_valid(resource)


@given(which=hollow, luck=luck)
def test_a_schema_accepts_only_what_has_no_issue(which: tuple[FhirRelease, str], luck: Any) -> None:
    release, kind = which
    resource = valid_resource(elements(release), kind, luck)
    resource.pop("contained", None)
    resource["id"] = "x"
    schema = compiled(release, kind)
    for _ in range(5):
        other = spoiled(resource, luck)
        if schema.is_valid(other):
            assert list(issues_of(other, release)) == []


def test_a_type_that_does_not_exist_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        compile_schema(elements(R4), "Nothing")


@pytest.mark.parametrize("release", list(FhirRelease))
def test_no_element_is_listed_beside_the_choice_that_it_belongs_to(release: FhirRelease) -> None:
    table = elements(release)
    seen: set[str] = set()
    waiting = set(table.resource_types)
    while waiting:
        kind = waiting.pop()
        seen.add(kind)
        names = [name for element in table.of(kind) for name in element.json_names]
        assert len(names) == len(set(names)), kind
        parts = {part for element in table.of(kind) for part in element.types if part in table}
        waiting |= parts - seen
    assert len(seen) > 400
