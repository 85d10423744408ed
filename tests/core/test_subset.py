from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hub.core.json_text import dumps, parse
from hub.core.release import Resource
from hub.core.subset import ALWAYS, SUBSETTED, subset

NAMES = st.sampled_from(("status", "_status", "valueQuantity", "text", "code", "contained"))
ASKED = st.sets(st.sampled_from(("status", "valueQuantity", "text", "code", "contained")))
RESOURCES = st.dictionaries(NAMES, st.integers(-(10**17), 10**17) | st.text()).flatmap(
    lambda members: st.fixed_dictionaries(
        {
            "resourceType": st.just("Task"),
            **{name: st.just(value) for name, value in members.items()},
        },
        optional={
            "id": st.just("1"),
            "modifierExtension": st.just([{"url": "u"}]),
            "meta": st.sampled_from(
                (
                    {},
                    {"versionId": "1"},
                    {"tag": [{"code": "a"}]},
                    {"tag": [SUBSETTED | {"display": "part"}]},
                )
            ),
        },
    )
)


@given(RESOURCES, ASKED)
def test_a_part_has_what_is_named_as_it_was_and_says_that_it_is_a_part(
    resource: Resource, names: set[str]
) -> None:
    before = dumps(resource)
    found = subset(resource, names)
    assert dumps(resource) == before
    assert set(found) <= set(resource) | {"meta"}
    assert all((name.removeprefix("_") in ALWAYS | names) == (name in found) for name in resource)
    assert {name.removeprefix("_") for name in found} <= names | ALWAYS
    others = set(found) - {"meta"}
    assert all(found[name] == resource[name] for name in others)
    assert sum(SUBSETTED.items() <= tag.items() for tag in found["meta"]["tag"]) == 1
    was: dict[str, Any] = resource.get("meta", {})
    assert {**found["meta"], "tag": 0} == {**was, "tag": 0}
    assert found["meta"]["tag"][: len(was.get("tag", []))] == was.get("tag", [])


@given(RESOURCES, ASKED)
def test_a_part_of_a_part_is_that_part(resource: Resource, names: set[str]) -> None:
    once = subset(resource, names)
    assert subset(once, names) == once


def test_numbers_keep_their_spelling() -> None:
    text = b'{"resourceType":"Observation","valueQuantity":{"value":1.10e0},"status":"final"}'
    found = dumps(subset(parse(text).value, {"valueQuantity"}))
    assert b'"value":1.10e0' in found
    assert b"final" not in found
