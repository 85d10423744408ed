"""``near``: distances on the earth, and the box that the index looks in."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hub.core.release import Resource
from hub.core.search import parse_query
from hub.core.search_index import index_entry, plan, selects
from hub.errors import InvalidSearch
from tests.support.searches import R4, R5, asks

BERN = {"latitude": Decimal("46.948"), "longitude": Decimal("7.4474")}
ZURICH = "47.3769|8.5417"
"""95.4 km from Bern."""


def a_location(position: Any) -> Resource:
    return {"resourceType": "Location", "id": "1", "position": position}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f"{ZURICH}|95|km", False),
        (f"{ZURICH}|96|km", True),
        (f"{ZURICH}|96", True),
        (f"{ZURICH}|95000|m", False),
        (f"{ZURICH}|96000|m", True),
        (f"{ZURICH}|59|[mi_us]", False),
        (f"{ZURICH}|60|[mi_us]", True),
        (ZURICH, False),
        ("46.9|7.4", True),
        ("46.9|7.4||", True),
        ("46.948|7.4474|0|m", True),
        ("0|0|1,46.9|7.4|9", True),
        ("0|0|99999999999|km", True),
    ],
)
def test_a_location_is_near_within_the_distance(value: str, expected: bool) -> None:
    assert asks("near", value, a_location(BERN)) is expected
    assert asks("near", value, a_location(BERN), parameters=R5) is expected


@pytest.mark.parametrize("position", [None, [], {"latitude": 1}, {"longitude": 1}, "here"])
def test_a_location_without_a_position_is_near_nothing(position: Any) -> None:
    location = a_location(position)
    assert not asks("near", "0|0|30000|km", location)
    assert asks("near:missing", "true", location)
    assert asks("near:missing", "false", a_location(BERN))


def test_the_date_line_and_the_poles_are_no_borders() -> None:
    assert asks(
        "near", "0|-179.9|30|km", a_location({"latitude": 0, "longitude": Decimal("179.9")})
    )
    assert asks("near", "89.9|0|30|km", a_location({"latitude": Decimal("89.9"), "longitude": 180}))


@pytest.mark.parametrize(
    "value",
    ["1", "1|2|3|ft", "91|0", "0|181", "a|b", "1|2|-1", "1|2|x", "1|2|3|km|5", "1|2||ft|", "|"],
)
def test_other_values_are_refused_with_what_is_allowed(value: str) -> None:
    if value == "1|2||ft|":  # units mean nothing without a distance
        assert not asks("near", value, a_location(BERN))
        return
    with pytest.raises(InvalidSearch, match=r"latitude\|longitude, and \|distance"):
        asks("near", value, a_location(BERN))


def test_no_modifier_but_missing_is_taken() -> None:
    with pytest.raises(InvalidSearch, match="no modifier, or missing"):
        asks("near:exact", "1|2", a_location(BERN))


def test_equal_questions_have_one_spelling() -> None:
    spelled = [
        parse_query(R4, "Location", [("near", value)]).canonical
        for value in ("1|2|3", "1.0|2|3|km", "1|2|3000|m", "1|2|3|[mi_us]")
    ]
    assert spelled[0] == spelled[1] == spelled[2] != spelled[3]


latitudes = st.decimals(-90, 90, places=4) | st.sampled_from((90, -90, 0))
longitudes = st.decimals(-180, 180, places=4) | st.sampled_from((180, -180, 0))


@given(latitudes, longitudes, latitudes, longitudes, st.integers(0, 21_000_000))
@example(46, 8, 46, 8, 0)
@example(0, 179, 0, -179, 223_000)
def test_the_index_finds_all_that_is_near(
    south: Any, west: Any, north: Any, east: Any, metres: int
) -> None:
    location = a_location({"latitude": north, "longitude": east})
    query = parse_query(R4, "Location", [("near", f"{south}|{west}|{metres}|m")])
    expression, exact = plan(query, R4)
    assert not exact
    assert selects(expression, index_entry(R4, location)) or not query.matches(location)


def test_the_index_leaves_out_what_is_far() -> None:
    entry = index_entry(R4, a_location(BERN))
    for value, selected in ((f"{ZURICH}|50", False), (f"{ZURICH}|96", True), ("46.9|120", False)):
        expression, _ = plan(parse_query(R4, "Location", [("near", value)]), R4)
        assert selects(expression, entry) is selected
