from __future__ import annotations

from typing import Any

import pytest

from hub.codecs.search_definition import LeftOut, table_entry
from hub.codecs.tables import elements
from hub.core.release import FhirRelease

R4 = elements(FhirRelease.R4)


def entry(expression: str | None, kind: str = "token", base: str = "Task", **more: Any) -> Any:
    definition = {"url": "http://x.org/p", "type": kind, "expression": expression, **more}
    return table_entry(definition, base, R4)


@pytest.mark.parametrize(
    ("expression", "kind", "path"),
    [
        ("Task.status", "token", "status"),
        ("status", "token", "status"),
        ("Task.code | Task.priority", "token", "code|priority"),
        ("Task.input.value as Coding", "token", "input.valueCoding"),
        ("(Task.input.value as Coding)", "token", "input.valueCoding"),
        ("Task.input.value.ofType(Coding)", "token", "input.valueCoding"),
        ("Task.input[0].type", "token", "input{0}.type"),
        ("Task.for.where(resolve() is Patient)", "reference", "for{:Patient}"),
        ("Task.extension('http://e').value.as(code)", "token", "extension{url=http://e}.valueCode"),
        (
            "Task.extension.where(url = 'http://e').value.ofType(Coding)",
            "token",
            "extension{url=http://e}.valueCoding",
        ),
        (
            "Task.doNotPerform.exists() and Task.doNotPerform != false | Task.status",
            "token",
            "status",
        ),
        ("Patient.active | Task.status", "token", "status"),
    ],
)
def test_an_expression_becomes_a_path(expression: str, kind: str, path: str) -> None:
    assert entry(expression, kind)[0]["path"] == path


def test_presence_becomes_a_boolean() -> None:
    expression = "Patient.deceased.exists() and Patient.deceased != false"
    found, reasons = entry(expression, base="Patient")
    assert found["path"] == "?deceasedBoolean|deceasedDateTime"
    assert found["form"] == "bare" and not reasons


def test_a_parameter_of_every_resource_is_on_what_every_resource_has() -> None:
    assert entry("Resource.meta.tag", base="Resource")[0]["form"] == "coded"


def test_targets_are_types_of_the_release() -> None:
    assert entry("Task.for", "reference", target=["Patient", "Gone"])[0]["targets"] == ["Patient"]
    assert entry("Task.for", "reference", target=sorted(R4.resource_types))[0]["targets"] == "*"
    assert entry("Task.for", "reference")[0]["targets"] == []
    only = entry("Task.for.where(resolve() is Patient)", "reference")[0]
    assert only["targets"] == ["Patient"]


def test_a_part_that_can_t_be_said_is_told_and_the_rest_is_taken() -> None:
    found, reasons = entry("Task.status | Task.input.first()")
    assert found["path"] == "status"
    assert reasons == ("Task.input.first(): .first() can't be said",)


@pytest.mark.parametrize(
    ("expression", "changes", "words"),
    [
        ("Task.status", {"kind": "composite"}, "type composite"),
        ("Task.status", {"base": "Nothing"}, "Nothing is no resource type"),
        (None, {}, "no expression"),
        ("Task.status" + " " * 20_000, {}, "longer than 20000"),
        ("Patient.active", {}, "about other types"),
        ("Task.colour", {}, "Task has no element colour"),
        ("Task.status.colour", {}, "code has no element colour"),
        ("Task.status", {"kind": "date"}, "a date is not read from code"),
        ("Task.code as Coding", {}, "code is CodeableConcept, never Coding"),
        ("Task.input.where(type.exists())", {}, "can't be said"),
        ("[0]", {}, "can't be said"),
        ("", {"kind": "token"}, "no expression"),
        ("Task.status |", {"kind": "date"}, "an empty part can't be said"),
        ("Task.input.value.extension", {}, "has no element extension"),
        ("Task.extension(url)", {}, "extension(url) can't be said"),
    ],
)
def test_what_can_t_be_evaluated_is_left_out_with_the_reason(
    expression: str | None, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(LeftOut) as caught:
        entry(expression, **changes)
    assert words in str(caught.value)


def test_a_resource_inside_another_is_taken_by_its_type() -> None:
    expression = "Bundle.entry[0].resource.as(Composition).status"
    found, _ = entry(expression, base="Bundle")
    assert found["path"] == "entry{0}.resource{:Composition}.status"
