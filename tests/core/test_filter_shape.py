"""Filters of one shape are held as if each was compiled by itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hub.core.classic_criteria import accept_criteria
from hub.core.compiled_topic import CompiledTopic
from hub.core.condition_index import MAX_PATHS
from hub.core.filter_index import FilterIndex
from hub.core.filter_shape import FilterShape, PlainFilters, shape_key
from hub.core.filters import LONGEST_FILTER, Filters, accept_filters
from hub.core.release import FhirRelease
from hub.core.subscription import FilterBy
from hub.core.topic import PARTY_FILTER
from hub.errors import HubError
from tests.support.search_tables import PARAMETERS
from tests.support.topics import compiled

R4 = PARAMETERS[FhirRelease.R4]
PARTY = [{"url": PARTY_FILTER, "valueBoolean": True}]
CAN_FILTER_BY = [
    {"filterParameter": "owner", "modifier": ["not", "missing"], "extension": PARTY},
    {"filterParameter": "requester", "extension": PARTY},
    {"filterParameter": "status", "modifier": ["not"]},
    {"filterParameter": "code"},
    {"filterParameter": "modified", "comparator": ["gt"]},
    {"filterParameter": "owner:Organization.name"},
]
TASKS = compiled({}, canFilterBy=CAN_FILTER_BY)
SEVERAL = compiled(
    {}, {"resource": "Encounter"}, canFilterBy=[*CAN_FILTER_BY[:4], {"filterParameter": "_tag"}]
)
ANY = compiled(
    {"resource": "Resource"}, {}, canFilterBy=[*CAN_FILTER_BY[:2], {"filterParameter": "_tag"}]
)
TOPICS = [TASKS, SEVERAL, ANY]

names = st.sampled_from(
    [
        *("owner", "requester", "status", "code", "modified", "_tag", "subject", "Task", ""),
        "owner:Organization.name",
    ]
)
values = st.lists(
    st.sampled_from(
        [
            *("Organization/a", "Organization/b", "http://hub.example/fhir/r4/Organization/a", "a"),
            *("requested", "draft", "urn:x|a", "|a", "a|b|c", "gt2025-01-01", "Nobody/a", "", "é"),
        ]
    ),
    min_size=1,
    max_size=4,
).map(",".join)
filter_by = st.builds(
    FilterBy,
    filter_parameter=names,
    value=values,
    resource_type=st.sampled_from([None, None, "Task", "Encounter", "Resource", "no type"]),
    modifier=st.sampled_from([None, None, None, "eq", "not", "missing"]),
    comparator=st.sampled_from([None, None, None, "eq", "gt"]),
)
usual = st.builds(
    FilterBy,
    filter_parameter=st.sampled_from(["owner", "requester", "status", "code"]),
    value=values,
    resource_type=st.sampled_from([None, "Task"]),
)
entries = st.lists(st.lists(usual, max_size=3) | st.lists(filter_by, max_size=3), max_size=8)


def held(index: FilterIndex) -> object:
    """Return all that an index has, but the filters themselves."""
    shelves = [
        {
            name: {
                codes: (signature.parameters, signature.root, signature.others)
                for codes, signature in shelf._signatures.items()
            }
            for name, shelf in shelves.items()
        }
        for shelves in (index._shelves, index._parties)
    ]
    return shelves, index._by_types, index._elsewhere


def accepted(
    accept: Callable[[tuple[FilterBy, ...]], Filters], asked: tuple[FilterBy, ...]
) -> Filters | HubError:
    try:
        return accept(asked)
    except HubError as error:
        return error


def by(*pairs: tuple[str, str]) -> list[FilterBy]:
    return [FilterBy(filter_parameter=name, value=value) for name, value in pairs]


def check(
    asked: list[list[FilterBy]],
    shape_of: Callable[[tuple[FilterBy, ...]], FilterShape],
    accept: Callable[[tuple[FilterBy, ...]], Filters],
) -> None:
    shapes: dict[object, FilterShape] = {}
    all_plain: dict[FilterShape, list[PlainFilters]] = {}
    one_by_one, by_shape = FilterIndex(), FilterIndex()
    for key, each in enumerate(map(tuple, asked)):
        shape = shapes.setdefault(shape_key(each), shape_of(each))
        expected = accepted(accept, each)
        plain = shape.plain(key, each)
        if isinstance(expected, HubError):
            assert plain is None
            with pytest.raises(type(expected)) as refused:
                shape.accept(each)
            assert str(refused.value) == str(expected)
            continue
        one_by_one.add(key, expected)
        if plain is None:
            filters = shape.accept(each)
            by_shape.add(key, filters)
        else:
            filters = plain.filters
            all_plain.setdefault(shape, []).append(plain)
        assert filters == expected
        assert filters.parties == expected.parties
        assert filters.is_local == expected.is_local
    for shape, several in all_plain.items():
        by_shape.add_all(shape, several)
    assert held(by_shape) == held(one_by_one)
    for key in list(one_by_one):
        by_shape.remove(key)
    assert held(by_shape) == held(FilterIndex())


@given(st.sampled_from(TOPICS), entries)
@example(TASKS, [by(("owner", "Organization/a")), by(("owner", "Organization/b"))])
@example(TASKS, [by(("owner", "a|b")), by(("owner", "Organization/b"), ("status", "draft"))])
@example(SEVERAL, [by(("status", "requested,draft"), ("owner", "a,Organization/a"))])
@example(ANY, [by(("owner", "Organization/a")), by(("_tag", "a"))])
def test_the_index_is_the_same_as_of_filters_that_are_compiled_one_by_one(
    topic: CompiledTopic, asked: list[list[FilterBy]]
) -> None:
    check(
        asked,
        lambda each: FilterShape.of_topic(topic, each, R4),
        lambda each: accept_filters(topic, each, R4),
    )


@given(st.sampled_from(["Task", "Encounter", "Subscription", "Resource", "NoType"]), entries)
@example("Task", [by(("owner", "Organization/a")), by(("owner", "Organization/b"))])
@example("Subscription", [by(("status", "active"))])
def test_so_it_is_with_classic_criteria(resource_type: str, asked: list[list[FilterBy]]) -> None:
    check(
        asked,
        lambda each: FilterShape.of_criteria(resource_type, each, R4),
        lambda each: accept_criteria(resource_type, each, R4),
    )


def test_what_is_plain_is_not_compiled_before_it_is_looked_at() -> None:
    asked = tuple(by(("owner", "Organization/a"), ("status", "requested,draft")))
    shape = FilterShape.of_topic(TASKS, asked, R4)
    plain = shape.plain(1, asked)
    assert plain is not None
    FilterIndex().add_all(shape, [plain])
    assert plain.filters._work is not None
    assert plain.filters.canonical == accept_filters(TASKS, asked, R4).canonical
    assert plain.filters._work is None


@pytest.mark.parametrize(
    "asked",
    [
        by(),
        by(("modified", "gt2025-01-01")),
        by(("owner:Organization.name", "a")),
        by(("owner", "Organization/a"), ("owner", "Organization/b")),
        by(*(("status", "draft") for _ in range(9))),
        [FilterBy(filter_parameter="owner", value="true", modifier="missing")],
        by(("code", ",".join(map(str, range(MAX_PATHS + 1))))),
        by(
            ("code", ",".join(map(str, range(MAX_PATHS)))),
            ("owner", "Organization/a,Organization/b"),
        ),
    ],
)
def test_what_is_not_plain_is_compiled_as_ever(asked: list[FilterBy]) -> None:
    shape = FilterShape.of_topic(TASKS, asked, R4)
    assert shape.plain(1, tuple(asked)) is None
    assert shape.accept(tuple(asked)) == accept_filters(TASKS, asked, R4)


def test_what_is_too_long_is_refused_as_ever() -> None:
    shape = FilterShape.of_topic(TASKS, by(("code", "a")), R4)
    long = tuple(by(("code", "x" * LONGEST_FILTER)))
    assert shape.plain(1, long) is None
    with pytest.raises(HubError, match="longer"):
        shape.accept(long)


def test_a_filter_for_several_types_is_held_once_for_each() -> None:
    asked = tuple(by(("_tag", ",".join(f"c{number}" for number in range(MAX_PATHS // 2)))))
    shape = FilterShape.of_topic(SEVERAL, asked, R4)
    plain = shape.plain(1, asked)
    assert plain is not None
    assert shape.types == {"Task", "Encounter"}
    index = FilterIndex()
    index.add_all(shape, [plain])
    index.add_all(shape, [])
    expected = FilterIndex()
    expected.add(1, accept_filters(SEVERAL, asked, R4))
    assert held(index) == held(expected)
