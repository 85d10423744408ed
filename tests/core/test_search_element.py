from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.codecs.tables.search import search_parameters
from hub.core.release import FhirRelease, Resource
from hub.core.search_element import Part, Ranges, read_elements, read_values
from hub.core.search_parameter import SearchParameters
from hub.core.search_path import branches

BASE = "http://hub/fhir/r4"
R4 = search_parameters(FhirRelease.R4, BASE)
R5 = search_parameters(FhirRelease.R5, BASE)

TEXT = st.sampled_from(
    [
        "",
        "a",
        "b|",
        "phone",
        "http://a",
        "urn:a|1",
        "2024-05",
        "2024-05-01T10:00:00Z",
        "\ud800",
        "#x",
    ]
)
LITERAL = st.sampled_from(
    [
        "Patient/1",
        "Group/1",
        "Patient/Group",
        f"{BASE}/Patient/1",
        "Patient/1/_history/2",
        "http://a/Patient/1",
        "#x",
        "#y",
        "urn:a",
        "Patient/1\n",
        "",
    ]
)
PART = TEXT | st.none() | st.booleans() | st.integers(0, 1) | st.just(Decimal("0.5"))
CODING = st.fixed_dictionaries(
    {},
    optional={
        "system": PART,
        "code": PART,
        "display": PART,
        "version": PART,
        "value": PART,
        "use": PART,
        "type": PART | st.just({"coding": [{"code": "a"}], "text": "b"}),
        "concept": st.just({"text": "c"}),
    },
)
CONCEPT = st.fixed_dictionaries(
    {"coding": st.lists(CODING | TEXT, max_size=2) | TEXT},
    optional={"text": PART, "display": TEXT, "code": TEXT},
)
REFERENCE = st.fixed_dictionaries(
    {},
    optional={
        "reference": LITERAL | PART | st.just({"reference": "Patient/2"}),
        "display": PART,
        "type": st.just("Patient") | PART,
        "resourceType": st.just("Patient"),
        "identifier": CODING,
    },
)
PERIOD = st.fixed_dictionaries({}, optional={"start": TEXT, "end": TEXT})
QUANTITY = st.fixed_dictionaries({"value": PART}, optional={"system": TEXT, "code": TEXT})
ITEM = TEXT | LITERAL | PART | CODING | CONCEPT | REFERENCE | PERIOD | QUANTITY
VALUE = ITEM | st.lists(ITEM, max_size=3) | st.lists(st.lists(ITEM, max_size=1), max_size=1)


def read_plainly(
    parameters: SearchParameters, resource_type: str, resource: Resource
) -> tuple[list[str], Ranges]:
    terms: list[str] = []
    ranges: Ranges = []
    for code, parameter in parameters.of(resource_type).items():
        if code not in ("_type", "_lastUpdated"):
            read_values(parameter, resource_type, resource, terms, ranges)
    return terms, ranges


def put(resource: dict[str, Any], names: list[str], value: Any, *, in_list: bool) -> None:
    """Put ``value`` where ``names`` lead to, among what is there already."""
    name, *inside = names
    if inside:
        there = resource.setdefault(name, [{}] if in_list else {})
        parent = there[0] if isinstance(there, list) and there else there
        if isinstance(parent, dict):
            put(parent, inside, value, in_list=not in_list)
    else:
        resource[name] = value


@st.composite
def resources(draw: st.DrawFn, parameters: SearchParameters, resource_type: str) -> Resource:
    known = [each for each in parameters.of(resource_type).values() if each.has_values]
    resource: Resource = {"resourceType": resource_type}
    for parameter in draw(st.lists(st.sampled_from(known), max_size=6)):
        steps = draw(st.sampled_from(branches(parameter.path)))
        names = [name for name, _ in steps]
        put(resource, names, draw(VALUE), in_list=draw(st.booleans()))
    if draw(st.booleans()):
        resource["contained"] = [{"resourceType": "Patient", "id": "x"}]
    return resource


USUAL = ("Task", "Patient", "Observation", "Encounter", "Location", "ValueSet", "Composition")


def read_parts(
    parameters: SearchParameters, resource_type: str, resource: Resource
) -> tuple[list[str], Ranges]:
    content, of_content = read_elements(parameters, resource_type, resource, Part.CONTENT)
    version, of_version = read_elements(parameters, resource_type, resource, Part.VERSION)
    return content + version, of_content + of_version


def check(parameters: SearchParameters, resource_type: str, resource: Resource) -> None:
    """Fail unless the terms and ranges of the elements are those of each parameter."""
    terms, ranges = read_parts(parameters, resource_type, resource)
    expected_terms, expected_ranges = read_plainly(parameters, resource_type, resource)
    assert set(terms) == set(expected_terms)
    assert set(ranges) == set(expected_ranges)


@settings(max_examples=300)
@given(st.data(), st.sampled_from([R4, R5]))
def test_a_resource_has_the_terms_and_ranges_of_each_parameter(
    data: st.DataObject, parameters: SearchParameters
) -> None:
    types = st.sampled_from(USUAL) | st.sampled_from(sorted(parameters.types()))
    resource_type = data.draw(types)
    check(parameters, resource_type, data.draw(resources(parameters, resource_type)))


@pytest.mark.parametrize(
    "element",
    [
        None,
        "",
        "a|",
        "2024-05",
        "soon",
        Decimal("0.5"),
        ["a", {"reference": "Patient/1"}, ["b"], None],
        {},
        {"text": "t"},
        {"coding": [{"system": "s"}]},
        {"system": "s", "code": "c|"},
        {"coding": [{"system": "s", "code": "c"}, {"code": "d"}], "text": "t"},
        {"coding": [{"system": "s", "code": "c"}, {"code": "d"}]},
        {"coding": [{"system": "s", "code": "c"}, "d"]},
        {"coding": [{}, {}]},
        {"coding": [], "text": "t"},
        {"coding": "c"},
        {"coding": [{"code": "c"}, {"code": "d"}], "code": "e"},
        {"system": "s", "value": "v"},
        {"system": "phone", "value": "v"},
        {"start": "2024"},
        {"reference": "Patient/1", "display": "d"},
        {"reference": "Patient/1", "type": "Group"},
        {"reference": "Group/1"},
        {"reference": "#x"},
        {"reference": 1},
        {"reference": "Patient/1", "identifier": {"value": "v"}},
        {"identifier": {"value": "v"}},
    ],
)
def test_an_element_of_any_shape_is_read_in_every_place(element: Any) -> None:
    task = {"resourceType": "Task", "contained": [{"resourceType": "Patient", "id": "x"}]}
    tops = {step[0] for each in R4.of("Task").values() for (step, *_) in branches(each.path or "a")}
    check(R4, "Task", task | dict.fromkeys(tops - {"resourceType"}, element))
    check(R4, "Task", task | {"meta": dict.fromkeys(("lastUpdated", "tag", "source"), element)})


def test_what_a_path_does_not_keep_is_not_read() -> None:
    related = {"type": "depends-on", "resource": {"reference": "Library/1"}}
    measure = {"resourceType": "Measure", "relatedArtifact": [related]}
    check(R4, "Measure", measure)
    assert not R4.of("Measure")["composed-of"].values(measure)
    assert R4.of("Measure")["depends-on"].values(measure)


def test_a_code_without_system_and_value_is_there_if_it_has_a_text() -> None:
    for concept, count in (({"text": "t"}, 1), ({"coding": [{"display": "d"}]}, 1), ({}, 0)):
        assert len(read_parts(R4, "Task", {"code": concept})[0]) == count


def test_a_parameter_of_any_resource_is_asked_of_each() -> None:
    task = {"resourceType": "Task", "for": {"reference": "Patient/1"}}
    assert len(read_parts(R4, "Resource", task)[0]) == 2  # that it has a patient, and which
