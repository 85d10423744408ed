"""Filters that name a party: whoever an update takes the resource from is told, once."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hub.core.filter_index import FilterIndex
from hub.core.filters import Filters, accept_filters
from hub.core.registry import Registry
from hub.core.release import FhirRelease, Resource
from hub.core.search import NOWHERE
from hub.core.state import States
from hub.core.stream import Stream
from hub.core.subscription import FilterBy
from hub.core.topic import PARTY_FILTER, parse_topic
from tests.support.copies import Copies
from tests.support.search_tables import PARAMETERS
from tests.support.topics import change, compiled, task, topic_json

R4 = FhirRelease.R4
PARTY = [{"url": PARTY_FILTER, "valueBoolean": True}]
CAN_FILTER_BY = [
    {"filterParameter": "owner", "modifier": ["not", "missing"], "extension": PARTY},
    {"filterParameter": "requester", "extension": PARTY},
    {"filterParameter": "status"},
    {"filterParameter": "_tag", "resource": "Resource", "extension": PARTY},
]
TASKS = compiled({}, canFilterBy=CAN_FILTER_BY[:3])
ANY = compiled({"resource": "Resource"}, {}, canFilterBy=CAN_FILTER_BY)
PARTIES = ["Organization/a", "Organization/b", "Organization/c"]


def filters_of(*entries: FilterBy, topic: Any = TASKS) -> Filters:
    return accept_filters(topic, entries, PARAMETERS[R4])


def by(parameter: str, value: str, modifier: str | None = None) -> FilterBy:
    kind = None if parameter == "_tag" else "Task"
    return FilterBy(filter_parameter=parameter, value=value, modifier=modifier, resource_type=kind)


def owned(owner: str | None, status: str = "accepted", **elements: Any) -> Resource:
    there: Resource = {} if owner is None else {"owner": {"reference": owner}}
    return task(status, **there, **elements)


def loses(before: Resource | None, after: Resource | None, *entries: FilterBy) -> bool:
    return filters_of(*entries).loses(change(before, after), NOWHERE)


A, B, C = PARTIES
OWNER = by("owner", A)


def test_who_had_it_before_and_has_it_no_more_loses_it() -> None:
    assert loses(owned(A), owned(B), OWNER)
    assert loses(owned(A), owned(None), OWNER)
    assert not loses(owned(B), owned(A), OWNER), "has it now: an event like any other"
    assert not loses(owned(A), owned(A, "completed"), OWNER)
    assert not loses(owned(B), owned(C), OWNER)


def test_only_an_update_takes_something_away() -> None:
    assert not loses(None, owned(B), OWNER)
    assert not loses(owned(A), None, OWNER), "a delete is judged by the state before anyway"


def test_all_other_filters_look_at_the_state_after() -> None:
    assert loses(owned(A, "draft"), owned(B), OWNER, by("status", "accepted"))
    assert not loses(owned(A), owned(B, "draft"), OWNER, by("status", "accepted"))
    asked: Resource = {"requester": {"reference": C}}
    assert loses(owned(A, **asked), owned(B), OWNER, by("requester", C))
    assert not loses(owned(A), owned(B, **asked), OWNER, by("requester", C))


def test_who_is_named_by_a_negation_is_nobody() -> None:
    assert not loses(owned(B), owned(A), by("owner", A, "not"))
    assert not loses(owned(None), owned(A), by("owner", "true", "missing"))
    assert not loses(owned(A), owned(A, "draft"), by("status", "accepted")), "no party at all"


def test_only_true_declares_a_party() -> None:
    for value in ({"valueBoolean": False}, {"valueString": "true"}, {}):
        plain = {"filterParameter": "owner", "extension": [{"url": PARTY_FILTER, **value}]}
        topic = compiled({}, canFilterBy=[plain])
        assert not topic.filters["Task", "owner"].party
    topic = compiled({}, canFilterBy=[{"filterParameter": "owner", "extension": "?"}])
    assert not topic.filters["Task", "owner"].party


entries = st.one_of(
    st.builds(
        by,
        st.sampled_from(["owner", "requester"]),
        st.sampled_from([*PARTIES, ",".join(PARTIES[:2])]),
    ),
    st.builds(by, st.just("owner"), st.sampled_from(PARTIES), st.just("not")),
    st.builds(by, st.just("status"), st.sampled_from(["accepted", "draft"])),
)
any_entries = st.one_of(entries, st.builds(by, st.just("_tag"), st.sampled_from(["x", "y"])))


@st.composite
def states(draw: st.DrawFn) -> Resource:
    requester = draw(st.sampled_from([None, *PARTIES]))
    there: Resource = {} if requester is None else {"requester": {"reference": requester}}
    tag = draw(st.sampled_from([None, "x", "y"]))
    if tag is not None:
        there["meta"] = {"tag": [{"code": tag}]}
    return owned(
        draw(st.sampled_from([None, *PARTIES])),
        draw(st.sampled_from(["accepted", "draft"])),
        **there,
    )


@given(st.data(), st.sampled_from([TASKS, ANY]), states(), states(), st.sets(st.integers(0, 9)))
def test_the_index_finds_the_losers_that_a_plain_scan_finds(
    data: st.DataObject, topic: Any, before: Resource, after: Resource, gone: set[int]
) -> None:
    each = entries if topic is TASKS else any_entries
    asked = data.draw(st.lists(st.lists(each, max_size=4), max_size=10))
    index = FilterIndex()
    held = {key: filters_of(*found, topic=topic) for key, found in enumerate(asked)}
    for key, filters in held.items():
        index.add(key, filters)
    for key in gone & held.keys():
        index.remove(key)
        del held[key]
    for what in (change(before, after), change(None, after), change(before, None)):
        losers = [key for key, filters in held.items() if filters.loses(what, NOWHERE)]
        assert sorted(index.losers(States(what, NOWHERE))) == losers
        assert not {*losers} & index.match(States(what, NOWHERE)), "told once"
        assert {*losers} <= index.may_match(what)


def test_a_party_that_is_reached_through_another_resource_loses_it_too() -> None:
    topic = compiled(
        {},
        canFilterBy=[
            {"filterParameter": "owner:Organization.name", "extension": PARTY},
            {"filterParameter": "requester", "extension": PARTY},
        ],
    )
    named = FilterBy(filter_parameter="owner:Organization.name", value="north")
    index = FilterIndex()
    index.add(1, filters_of(named, FilterBy(filter_parameter="requester", value=C), topic=topic))
    copies = Copies(
        {"resourceType": "Organization", "id": "a", "name": "North"},
        {"resourceType": "Organization", "id": "b", "name": "South"},
    )
    asked: Resource = {"requester": {"reference": C}}
    for before, after, expected in ((A, B, {1}), (B, A, set()), (A, A, set()), (B, None, set())):
        moved = change(owned(before, **asked), owned(after, **asked))
        assert index.losers(States(moved, copies)) == expected


def test_nobody_loses_what_is_of_a_type_without_parties() -> None:
    index = FilterIndex()
    index.add(1, filters_of(OWNER, topic=ANY))
    encounter = {"resourceType": "Encounter", "id": "e", "status": "planned"}
    moved = change(encounter, {**encounter, "status": "finished"})
    assert index.losers(States(moved, NOWHERE)) == set()


def test_the_registry_tells_a_loss_from_other_events() -> None:
    made = Registry()
    made.add_topic(parse_topic(topic_json({}, canFilterBy=CAN_FILTER_BY[:3])), PARAMETERS)
    topic = made.topics(R4)[0]
    for id, party in enumerate(PARTIES):
        found = accept_filters(topic, [by("owner", party)], PARAMETERS[R4])
        made.add_stream(
            Stream(id=id, release=R4, topic=topic.topic.canonical, filters=found, visibility="")
        )
    what = change(owned(B), owned(A))
    told = [(match.stream.id, match.lost) for match in made.match(what, NOWHERE)]
    assert told == [(0, False), (1, True)]
    assert made.may_count(what) == {0, 1}
