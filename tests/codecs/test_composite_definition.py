from __future__ import annotations

from typing import Any

import pytest

from hub.codecs.composite_definition import composite_entry
from hub.codecs.search_definition import OFFICIAL, LeftOut
from hub.codecs.tables import elements
from hub.codecs.tables.search import standard_table
from hub.core.release import FhirRelease

R4 = elements(FhirRelease.R4)
KNOWN = standard_table(FhirRelease.R4)["types"]["Observation"]
DEFINITIONS: dict[str, Any] = {
    "http://d/code": {"url": "http://d/code", "code": "combo-code", "type": "token"},
    "http://d/value": {"url": "http://d/value", "code": "other", "type": "quantity"},
}


def entry(expression: str, *parts: tuple[str, str]) -> dict[str, Any]:
    components = [{"definition": f"http://d/{name}", "expression": text} for name, text in parts]
    definition = {"url": OFFICIAL + "c", "expression": expression, "component": components}
    return composite_entry(definition, "Observation", R4, DEFINITIONS, KNOWN)


def test_components_are_read_inside_each_element_that_the_expression_selects() -> None:
    found = entry(
        "Observation | Observation.component | Patient.contact",
        ("code", "code"),
        ("value", "value.as(Quantity) | value.as(Range)"),
    )
    assert (found["type"], found["url"], found["path"]) == ("composite", "c", "|component")
    assert [group["path"] for group in found["groups"]] == ["", "component"]
    for group in found["groups"]:
        code, value = group["components"]
        assert (code["path"], code["form"], code["code"]) == ("code", "coded", "combo-code")
        assert (value["path"], value["code"]) == ("valueQuantity|valueRange", "")


@pytest.mark.parametrize(
    ("expression", "part", "words"),
    [
        ("Patient", ("code", "code"), "about other types"),
        ("Observation.where(a)", ("code", "code"), "a composite is not read from it"),
        ("Observation", ("gone", "code"), "http://d/gone is not defined or not evaluated"),
        ("Observation", ("code", "%resource.code"), "can't be said"),
        ("Observation", ("value", "value.as(Quantity) | value.as(SampledData)"), "SampledData"),
    ],
)
def test_what_can_not_be_said_is_left_out_with_the_reason(
    expression: str, part: tuple[str, str], words: str
) -> None:
    with pytest.raises(LeftOut, match=words):
        entry(expression, part)
