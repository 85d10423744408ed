"""Filters: checked against the topic, compiled, applied."""

from __future__ import annotations

from typing import Any

import pytest

from hub.core.compiled_topic import CompiledTopic
from hub.core.filters import MOST_FILTERS, Filters, accept_filters
from hub.core.release import FhirRelease, Resource
from hub.core.search import NOWHERE
from hub.core.subscription import FilterBy
from hub.errors import FilterInvalid, FilterNotAllowed, FiltersTooCostly
from tests.support.copies import Copies
from tests.support.search_tables import PARAMETERS
from tests.support.topics import change, compiled, task

CAN_FILTER_BY: list[dict[str, Any]] = [
    {"filterParameter": "owner", "resource": "Task", "modifier": ["not", "identifier", "missing"]},
    {"filterParameter": "requester", "resource": "http://hl7.org/fhir/StructureDefinition/Task"},
    {"filterParameter": "status", "resource": "Task", "modifier": ["not", "in"]},
    {"filterParameter": "modified", "resource": "Task", "comparator": ["gt", "le"]},
    {"filterParameter": "authored-on", "resource": "Task", "modifier": ["=", "ge"]},
    {"filterParameter": "_tag"},
    {"filterParameter": "patient"},
    {"filterParameter": "owner:PractitionerRole.organization", "resource": "Task"},
    {"filterParameter": "requester.organization", "resource": "Task"},
    {"filterParameter": "_has:Task:part-of:owner", "resource": "Task"},
    {"filterParameter": "requestedperformer-reference", "resource": "Task"},
    {"filterParameter": "length", "resource": "Encounter", "comparator": ["gt"]},
]
TOPIC = compiled({}, {"resource": "Encounter"}, canFilterBy=CAN_FILTER_BY)
ANY = compiled(
    {"resource": "Resource"},
    canFilterBy=[
        {"filterParameter": "_id"},
        {"filterParameter": "patient", "modifier": ["not"]},
        {"filterParameter": "owner", "resource": "Task"},
    ],
)


def by(parameter: str, value: str, **others: str) -> FilterBy:
    return FilterBy(filter_parameter=parameter, value=value, **others)


def accept(*filter_by: FilterBy, topic: CompiledTopic = TOPIC) -> Filters:
    return accept_filters(topic, filter_by, PARAMETERS[FhirRelease.R4])


def passes(filters: Filters, state: Resource) -> bool:
    return filters.accepts(change(None, state), NOWHERE)


def owned(reference: str) -> Resource:
    return task(owner={"reference": reference})


def encounter(**elements: Any) -> Resource:
    return {"resourceType": "Encounter", "id": "e", "status": "planned", **elements}


def test_no_filter_accepts_everything() -> None:
    filters = accept()
    assert passes(filters, task())
    assert filters.canonical == ""


def test_filters_of_one_type_are_joined_by_and_a_comma_is_or() -> None:
    filters = accept(by("owner", "Organization/a,Organization/b"), by("status", "requested"))
    assert passes(filters, owned("Organization/b"))
    assert not passes(filters, owned("Organization/c"))
    assert not passes(filters, {**owned("Organization/a"), "status": "draft"})


def test_a_filter_for_one_type_leaves_the_others_alone() -> None:
    assert passes(accept(by("owner", "Organization/a")), encounter())


def test_a_filter_without_type_applies_to_every_type_that_offers_it() -> None:
    filters = accept(by("_tag", "x"))
    assert set(filters.by_type) == {"Task", "Encounter"}
    assert not passes(filters, encounter())
    assert passes(filters, encounter(meta={"tag": [{"code": "x"}]}))


def test_a_type_may_be_given_as_name_or_url() -> None:
    for spelling in ("Task", "http://hl7.org/fhir/StructureDefinition/Task"):
        filters = accept(by("_tag", "x", resource_type=spelling))
        assert set(filters.by_type) == {"Task"}
    assert set(accept(by("_tag", "x", resource_type="Resource")).by_type) == {"Task", "Encounter"}


def test_a_delete_is_judged_by_the_state_before_and_an_update_by_the_state_after() -> None:
    filters = accept(by("owner", "Organization/a"))
    mine, other = owned("Organization/a"), owned("Organization/b")
    assert filters.accepts(change(mine, None), NOWHERE)
    assert filters.accepts(change(other, mine), NOWHERE)
    assert not filters.accepts(change(mine, other), NOWHERE)


def test_two_spellings_of_one_meaning_have_one_canonical() -> None:
    own = f"{PARAMETERS[FhirRelease.R4].base_url}/Organization/a"
    first = accept(by("status", "requested,draft"), by("owner", "Organization/a"))
    second = accept(
        by("owner", own, resource_type="Task", comparator="eq"),
        by("status", "draft,requested", modifier="="),
        by("status", "requested,draft"),
    )
    assert first.canonical == second.canonical
    assert first.canonical != accept(by("owner", "Organization/b")).canonical


def test_modifiers_that_the_topic_lists_are_applied() -> None:
    filters = accept(
        by("owner", "urn:x|1", modifier="identifier"), by("status", "d", modifier="not")
    )
    assert passes(filters, task(owner={"identifier": {"system": "urn:x", "value": "1"}}))
    assert not passes(filters, owned("Organization/a"))


def test_chains_and_has_are_resolved_in_the_copy() -> None:
    role = {
        "resourceType": "PractitionerRole",
        "id": "r",
        "organization": {"reference": "Organization/a"},
    }
    step = {
        **task(),
        "id": "t2",
        "partOf": [{"reference": "Task/t1"}],
        "owner": {"reference": "Organization/b"},
    }
    copies = Copies(role, step)
    mine = change(None, owned("PractitionerRole/r"))
    for spelling in ("owner:PractitionerRole.organization", "owner.organization"):
        filters = accept(by(spelling, "Organization/a"))
        assert filters.accepts(mine, copies)
        assert not filters.accepts(mine, NOWHERE)
    has = accept(by("_has:Task:part-of:owner", "Organization/b"))
    assert has.accepts(change(None, task()), copies)


def test_a_chain_may_name_the_type_that_the_topic_leaves_open() -> None:
    filters = accept(by("requester:PractitionerRole.organization", "Organization/a"))
    assert "PractitionerRole" in filters.canonical


@pytest.mark.parametrize(
    ("filter_by", "passing", "failing"),
    [
        (by("modified", "gt2025-01-01"), "2025-02-01", "2024-01-01"),
        (by("modified", "2025-01-01", comparator="gt"), "2025-02-01", "2024-01-01"),
        (by("modified", "2025-01-01", comparator="eq"), "2025-01-01", "2024-01-01"),
        (by("modified", "eq2025-01-01"), "2025-01-01", "2024-01-01"),
        (by("modified", "le2023,gt2025"), "2026-01-01", "2024-01-01"),
        (by("modified", "2023,2022", comparator="le"), "2022-01-01", "2024-01-01"),
    ],
)
def test_comparators_stand_beside_or_before_the_value(
    filter_by: FilterBy, passing: str, failing: str
) -> None:
    filters = accept(filter_by)
    assert passes(filters, task(lastModified=passing))
    assert not passes(filters, task(lastModified=failing))


def test_a_comparator_among_the_modifiers_is_one() -> None:
    filters = accept(by("authored-on", "2025", comparator="ge"))
    assert passes(filters, task(authoredOn="2025-03-01"))


@pytest.mark.parametrize(
    ("filter_by", "words"),
    [
        (by("colour", "x"), "is not offered by http://example.org/topic; offered: _has"),
        (by("owner", "x", resource_type="Encounter"), "is not offered"),
        (
            by("owner", "x", resource_type="Patient"),
            "does not trigger on; offered: Encounter, Task",
        ),
        (by("requestedperformer-reference", "x"), "does not exist in R4"),
        (by("owner", "x", modifier="above"), "may not use :above; offered: identifier, missing"),
        (by("owner", "x", modifier="Organization"), "may not use :Organization"),
        (by("requester", "x", modifier="not"), "may not use :not; offered: nothing"),
        (by("modified", "lt2025"), "may not use 'lt'; offered: eq, gt, le"),
        (by("modified", "2025", comparator="lt"), "may not use 'lt'"),
        (by("status", "x", comparator="gt"), "has no order"),
        (by("owner:Organization.name", "x"), "is not offered"),
        (by("owner:CareTeam.organization", "x"), "is not offered"),
        (by("_has:Task:focus:owner", "x"), "is not offered"),
        (by("owner.organization.name", "x"), "is not offered"),
    ],
)
def test_what_the_topic_does_not_offer_is_refused_naming_what_it_does(
    filter_by: FilterBy, words: str
) -> None:
    with pytest.raises(FilterNotAllowed) as caught:
        accept(by("_tag", "a"), filter_by)
    assert words in caught.value.diagnostics
    assert filter_by.filter_parameter in caught.value.diagnostics
    assert caught.value.expression == "Subscription.filterBy[1]"


@pytest.mark.parametrize(
    ("filter_by", "words"),
    [
        (by("owner", ""), "has no value"),
        (by("modified", "gt2025", comparator="gt"), "a comparator twice"),
        (by("modified", "yesterday"), "can't be read"),
        (by("status", "x", modifier="in"), "can't be read"),
        (by("owner", "x", resource_type="http://example.org/Profile"), "names no resource type"),
    ],
)
def test_what_can_t_be_read_is_refused(filter_by: FilterBy, words: str) -> None:
    with pytest.raises(FilterInvalid) as caught:
        accept(filter_by)
    assert words in caught.value.diagnostics


def test_a_filter_on_any_resource_shuts_out_types_that_lack_the_parameter() -> None:
    filters = accept(by("patient", "Patient/p"), topic=ANY)
    assert passes(filters, task() | {"for": {"reference": "Patient/p"}})
    assert not passes(filters, {"resourceType": "Organization", "id": "o"})


def test_a_filter_on_any_resource_may_be_narrowed_to_one_type() -> None:
    filters = accept(by("patient", "Patient/p", resource_type="Task"), topic=ANY)
    assert set(filters.by_type) == {"Task"}
    assert passes(filters, {"resourceType": "Organization", "id": "o"})


def test_filters_on_one_type_and_on_any_must_both_hold() -> None:
    filters = accept(by("_id", "t1"), by("owner", "Organization/a"), topic=ANY)
    assert passes(filters, owned("Organization/a"))
    assert not passes(filters, owned("Organization/b"))
    assert passes(filters, {"resourceType": "Organization", "id": "t1"})
    assert not passes(filters, {"resourceType": "Organization", "id": "o"})


def test_an_unknown_type_is_no_way_around_the_list() -> None:
    with pytest.raises(FilterInvalid):
        accept(by("_id", "1", resource_type="Unheard"), topic=ANY)


def test_filters_are_bounded_in_number_and_length() -> None:
    one = by("owner", "Organization/1", resource_type="Task")
    assert accept(*[one] * MOST_FILTERS).canonical == accept(one).canonical
    with pytest.raises(FiltersTooCostly, match="1001 filters; allowed: 1000") as refused:
        accept(*[one] * (MOST_FILTERS + 1))
    assert refused.value.expression == "Subscription.filterBy"
    long = by("owner", "Organization/1," * 1000 + "Organization/2", resource_type="Task")
    with pytest.raises(FiltersTooCostly, match="longer than 8192") as refused:
        accept(one, long)
    assert refused.value.expression == "Subscription.filterBy[1]"
