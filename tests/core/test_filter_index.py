"""The index finds exactly the filters that accept a change."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hub.core.condition_index import MAX_PATHS
from hub.core.filter_index import FilterIndex
from hub.core.filters import Filters, accept_filters
from hub.core.release import FhirRelease, Resource
from hub.core.search import NOWHERE
from hub.core.state import States
from hub.core.subscription import FilterBy
from tests.support.search_tables import PARAMETERS
from tests.support.topics import change, compiled, task

TASKS = compiled(
    {},
    {"resource": "Encounter"},
    canFilterBy=[
        {"filterParameter": "owner", "modifier": ["not", "missing", "identifier"]},
        {"filterParameter": "status", "modifier": ["not"]},
        {"filterParameter": "code"},
        {"filterParameter": "_tag"},
        {"filterParameter": "modified", "comparator": ["gt", "lt"]},
    ],
)
ANY = compiled(
    {"resource": "Resource"},
    canFilterBy=[
        {"filterParameter": "_tag"},
        {"filterParameter": "patient"},
        {"filterParameter": "status", "resource": "Task"},
        {"filterParameter": "status", "resource": "Encounter"},
    ],
)

OWNERS = ["Organization/a", "Organization/b"]
CODES = ["a", "b", "c", "urn:x|a"]
filter_by = st.one_of(
    st.builds(
        FilterBy,
        filter_parameter=st.just("owner"),
        value=st.sampled_from([*OWNERS, ",".join(OWNERS)]),
        modifier=st.sampled_from([None, "not"]),
    ),
    st.just(FilterBy(filter_parameter="owner", value="true", modifier="missing")),
    st.builds(
        FilterBy,
        filter_parameter=st.just("status"),
        value=st.sampled_from(["requested", "accepted", "requested,accepted"]),
        modifier=st.sampled_from([None, "not"]),
        resource_type=st.sampled_from([None, "Task", "Encounter"]),
    ),
    st.builds(
        FilterBy,
        filter_parameter=st.sampled_from(["code", "_tag"]),
        value=st.lists(st.sampled_from(CODES), min_size=1, max_size=3).map(",".join),
    ),
    st.builds(
        FilterBy,
        filter_parameter=st.just("modified"),
        value=st.sampled_from(["gt2025-01-01", "lt2025-01-01"]),
    ),
)
any_filter_by = st.one_of(
    st.just(FilterBy(filter_parameter="patient", value="Patient/p")),
    st.builds(FilterBy, filter_parameter=st.just("_tag"), value=st.sampled_from(CODES)),
    st.builds(
        FilterBy,
        filter_parameter=st.just("status"),
        value=st.sampled_from(["requested", "planned"]),
        resource_type=st.sampled_from([None, "Task", "Encounter"]),
    ),
)


def filters_of(*entries: FilterBy, topic: Any = TASKS) -> Filters:
    parameters = PARAMETERS[FhirRelease.R4]
    usable = [
        entry
        for entry in entries
        if entry.resource_type is None
        or (entry.resource_type, entry.filter_parameter) in topic.filters
    ]
    return accept_filters(topic, usable, parameters)


codings = st.lists(
    st.sampled_from([{"code": "a"}, {"code": "b"}, {"system": "urn:x", "code": "a"}]), max_size=3
)


@st.composite
def states(draw: st.DrawFn) -> Resource:
    tags = draw(codings)
    meta = {"meta": {"tag": tags}} if tags else {}
    kind = draw(st.sampled_from(["Task", "Encounter", "Organization"]))
    if kind == "Organization":
        return {"resourceType": kind, "id": "o", **meta}
    if kind == "Encounter":
        subject = draw(st.sampled_from([{}, {"subject": {"reference": "Patient/p"}}]))
        return {"resourceType": kind, "id": "e", "status": "planned", **subject, **meta}
    owner = draw(st.sampled_from([None, *OWNERS]))
    return task(
        draw(st.sampled_from(["requested", "accepted", "draft"])),
        **({"owner": {"reference": owner}} if owner else {}),
        code={"coding": draw(codings)},
        lastModified=draw(st.sampled_from(["2024-06-01", "2025-06-01"])),
        **meta,
    )


def check(entries: list[list[FilterBy]], gone: set[int], state: Resource, topic: Any) -> None:
    index = FilterIndex()
    held: dict[int, Filters] = {}
    for key, each in enumerate(entries):
        held[key] = filters_of(*each, topic=topic)
        index.add(key, held[key])
    for key in gone:
        index.remove(key)
        held.pop(key, None)
    for what in (change(None, state), change(state, None)):
        plain = [key for key, filters in held.items() if filters.accepts(what, NOWHERE)]
        assert sorted(index.match(States(what, NOWHERE))) == plain
    assert len(index) == len(held)
    for key in list(held):
        index.remove(key)
    assert index.match(States(change(None, state), NOWHERE)) == set()


@given(
    st.lists(st.lists(filter_by, max_size=4), max_size=12),
    st.sets(st.integers(0, 14), max_size=6),
    states(),
)
def test_the_index_equals_a_plain_scan(
    entries: list[list[FilterBy]], gone: set[int], state: Resource
) -> None:
    check(entries, gone, state, TASKS)


@given(
    st.lists(st.lists(any_filter_by, max_size=3), max_size=12),
    st.sets(st.integers(0, 14), max_size=6),
    states(),
)
def test_the_index_equals_a_plain_scan_for_topics_on_any_resource(
    entries: list[list[FilterBy]], gone: set[int], state: Resource
) -> None:
    check(entries, gone, state, ANY)


def test_adding_a_key_again_replaces_it() -> None:
    index = FilterIndex()
    index.add(1, filters_of(FilterBy(filter_parameter="status", value="draft")))
    index.add(1, filters_of(FilterBy(filter_parameter="status", value="requested")))
    assert index.match(States(change(None, task("requested")), NOWHERE)) == {1}
    assert index.match(States(change(None, task("draft")), NOWHERE)) == set()


def test_what_two_filters_ask_alike_is_tried_once() -> None:
    index = FilterIndex()
    for key, status in enumerate(("requested", "accepted,requested")):
        index.add(
            key,
            filters_of(
                FilterBy(filter_parameter="status", value=status, resource_type="Task"),
                FilterBy(filter_parameter="owner", value="false", modifier="missing"),
            ),
        )
    owned = task(owner={"reference": OWNERS[0]})
    assert index.match(States(change(None, owned), NOWHERE)) == {0, 1}
    assert index.match(States(change(None, task()), NOWHERE)) == set()


def test_a_filter_with_many_alternatives_is_held_in_a_bounded_number_of_places() -> None:
    many = ",".join(f"c{number}" for number in range(100))
    wide = filters_of(
        FilterBy(filter_parameter="code", value=many),
        FilterBy(filter_parameter="_tag", value=many),
        FilterBy(filter_parameter="status", value="requested,accepted", resource_type="Task"),
    )
    index = FilterIndex()
    index.add(1, wide)
    shelf = index._shelves["Task"]
    assert sum(map(_leaves, (s.root for s in shelf._signatures.values()))) <= MAX_PATHS
    state = task(code={"coding": [{"code": "c7"}]}, meta={"tag": [{"code": "c8"}]})
    assert index.match(States(change(None, state), NOWHERE)) == {1}
    assert index.match(States(change(None, task()), NOWHERE)) == set()


def _leaves(node: dict[Any, Any]) -> int:
    return sum(_leaves(inner) if isinstance(inner, dict) else 1 for inner in node.values())
