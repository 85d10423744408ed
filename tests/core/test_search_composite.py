"""Composite parameters: parts that stand in one element."""

from __future__ import annotations

from hub.core.release import Resource
from hub.core.search import parse_condition
from tests.support.searches import R4, asks


def _component(code: str, value: int) -> Resource:
    return {
        "code": {"coding": [{"system": "http://s", "code": code}]},
        "valueQuantity": {"value": value},
    }


def test_the_parts_of_a_composite_stand_in_one_element() -> None:
    pressure = {
        "resourceType": "Observation",
        "component": [_component("sys", 140), _component("dia", 90)],
    }
    name = "component-code-value-quantity"
    assert asks(name, "http://s|sys$gt130", pressure)
    assert asks(name, "http://s|dia$gt130,dia$lt100", pressure)
    assert not asks(name, "http://s|dia$gt130", pressure)
    assert not asks(name, "sys$gt130", {"resourceType": "Observation"})
    single = {"resourceType": "Observation", **_component("sys", 140)}
    assert asks("code-value-quantity", "sys$140", single)
    assert not asks("code-value-quantity", "sys$140", pressure)
    for observation in (single, pressure):
        assert asks("combo-code-value-quantity", "sys$140", observation)
        assert not asks("combo-code-value-quantity", "sys$90", observation)


def test_a_composite_has_one_spelling_for_equal_meanings() -> None:
    one, other = (
        parse_condition(R4, "Observation", "combo-code-value-quantity", value)
        for value in ("a$5,b$6", "b$6,a$5")
    )
    assert one == other
    assert one.keys() is None
    assert one != parse_condition(R4, "Observation", "combo-code-value-quantity", "a$6,b$5")
