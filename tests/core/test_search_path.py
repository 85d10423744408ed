from __future__ import annotations

from typing import Any

import pytest

from hub.core.search_path import compile_path, contained, type_of

RESOURCE: dict[str, Any] = {
    "resourceType": "Example",
    "status": "active",
    "_status": {"extension": [{"url": "urn:a", "valueCode": "x"}, {"url": "urn:b"}]},
    "telecom": [
        {"system": "phone", "value": "1"},
        {"system": "email", "value": "2"},
        "no element",
    ],
    "part": [{"name": "a"}, {"name": ["b", "c"]}, {}, "no element"],
    "subject": {"reference": "Patient/1"},
    "actor": [
        {"reference": "http://other/fhir/Patient/2/_history/3"},
        {"reference": "Group/3"},
        {"reference": "#inside"},
        {"reference": "#absent"},
        {"reference": "urn:uuid:1"},
        {"type": "Patient", "identifier": {"value": "x"}},
        {"identifier": {"value": "y"}},
        "no reference",
    ],
    "contained": [{"resourceType": "Patient", "id": "inside"}, "no resource"],
    "deceasedBoolean": False,
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("status", ["active"]),
        ("absent", []),
        ("part.name", ["a", "b", "c"]),
        ("_status.extension{url=urn:a}.valueCode", ["x"]),
        ("part.absent.deeper", []),
        ("status|part.name", ["active", "a", "b", "c"]),
        ("part{0}.name", ["a"]),
        ("telecom{system=phone}.value", ["1"]),
        ("telecom{system=phone}{0}", [{"system": "phone", "value": "1"}]),
        ("subject{:Patient}", [{"reference": "Patient/1"}]),
        ("subject{:Group}", []),
        ("?deceasedBoolean|deceasedDateTime", [False]),
        ("?absent", [False]),
        ("?subject{:Patient}", [True]),
        ("?subject{:Group}", [False]),
        ("absent{:Patient}", []),
        ("?status", [True]),
    ],
)
def test_a_path_selects_these_elements(path: str, found: list[Any]) -> None:
    assert list(compile_path(path)(RESOURCE)) == found


def test_a_reference_is_kept_if_its_type_can_be_told_from_the_resource() -> None:
    actors = RESOURCE["actor"]
    assert list(compile_path("actor{:Patient}")(RESOURCE)) == [actors[0], actors[2], actors[5]]


@pytest.mark.parametrize("path", ["", "a.", "a|", "a b", "a{b", "a{1}", "1a", "a..b"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        compile_path(path)


def test_a_list_at_the_top_is_selected_item_by_item() -> None:
    assert list(compile_path("part")(RESOURCE)) == RESOURCE["part"]


def test_contained_resources_are_found_by_id() -> None:
    assert contained(RESOURCE, "inside") == {"resourceType": "Patient", "id": "inside"}
    assert contained(RESOURCE, "absent") is None
    assert contained({"contained": "no list"}, "inside") is None


def test_a_contained_resource_that_names_no_type_has_none() -> None:
    root = {"contained": [{"id": "x"}]}
    assert type_of({"reference": "#x"}, root) is None
    assert type_of("Patient/1", root) is None
