"""Whether a write changes anything: what the hub sets itself doesn't count."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from hub.core.json_text import same
from hub.core.release import Resource
from hub.engine.write import content, says_the_same

VALUES = st.sampled_from(
    ["a", "b", 1, True, Decimal("1.10"), Decimal("1.1"), ["a"], [], {"id": "a"}, {"id": "b"}]
)
META = st.fixed_dictionaries(
    {}, optional={"versionId": st.sampled_from("12"), "source": st.sampled_from("ab")}
)
RESOURCES = st.fixed_dictionaries(
    {"resourceType": st.just("Task")},
    optional={"id": st.sampled_from("ab"), "status": VALUES, "input": VALUES, "meta": META},
)


@given(RESOURCES, RESOURCES)
def test_two_states_say_the_same_if_their_contents_do(left: Resource, right: Resource) -> None:
    assert says_the_same(left, right) is same(content(left), content(right))


@given(RESOURCES, st.sampled_from("ab"))
def test_what_the_hub_sets_does_not_count(resource: Resource, id: str) -> None:
    meta = resource.get("meta", {}) | {"versionId": "9", "lastUpdated": "2026-01-01T00:00:00Z"}
    changed = resource | {"id": id, "meta": meta}
    assert says_the_same(resource, changed)
    assert says_the_same(changed, resource)
