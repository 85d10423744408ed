from __future__ import annotations

from datetime import date
from decimal import Decimal

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.codecs.primitive import PRIMITIVES, reason
from hub.core.json_text import SpelledDecimal
from hub.core.release import Json
from tests.support.resources import EXAMPLES

WRONG: dict[str, list[Json]] = {
    "base64Binary": ["", "a", "abc", "ab=c", "====", "aGVsbG8", "aGVs bG8=!"],
    "boolean": ["true", 1, 0, None],
    "canonical": ["", "a b", 1],
    "code": ["", " a", "a ", "a  b", "a\tb", "a\n", 1, True],
    "date": [
        "24", "0000", "2024-13", "2024-00", "2024-1-1", "2024-02-30", "2023-02-29", "1900-02-29",
        "2024-04-31", "2024-01-32", "2024-01-00", "2024-01-01T00:00:00Z", "2024-01-01\n", "٢٠٢٤",
        2024,
    ],
    "dateTime": [
        "2024-02-30T00:00:00Z", "2024-01-01T00:00:00", "2024-01-01T00:00Z", "2024-01-01T24:00:00Z",
        "2024-01-01T00:60:00Z", "2024-01-01T00:00:61Z", "2024-01-01T00:00:00+14:01",
        "2024-01-01T00:00:00.Z", "2024-01-01 00:00:00Z", "2024-01-01t00:00:00z",
        "2024-01T00:00:00Z",
    ],
    "decimal": ["1.0", True, None],
    "id": ["", "a b", "a_b", "x" * 65, "é", "a\n", 1],
    "instant": ["2024", "2024-01-01", "2024-01-01T00:00:00", "2023-02-29T00:00:00Z"],
    "integer": [2**31, -(2**31) - 1, Decimal("1.0"), SpelledDecimal("1E0"), "1", True, 10**40],
    "integer64": ["", "01", "-0", "1.0", "9223372036854775808", "-9223372036854775809", 1],
    "markdown": ["", 1],
    "oid": ["1.2.3", "urn:oid:3.1", "urn:oid:1", "urn:oid:1.02"],
    "positiveInt": [0, -1, 2**31, "1"],
    "string": ["", 1, True, None, [], {}],
    "time": ["24:00:00", "12:00", "12:00:00Z", "12:00:61"],
    "unsignedInt": [-1, 2**31, Decimal("0.0")],
    "uri": ["", " ", "a b", "a\n"],
    "url": ["", "a b"],
    "uuid": [
        "c757873d-ec9a-4326-a141-556f43239520", "urn:uuid:C757873D-EC9A-4326-A141-556F43239520",
        "urn:uuid:c757873d",
    ],
    "xhtml": ["", 1],
}  # fmt: skip

EDGES: dict[str, list[Json]] = {
    "date": ["0001", "9999-12-31", "2000-02-29", "2400-02-29", "1904-02-29"],
    "dateTime": ["2016-12-31T23:59:60Z", "2024-01-01T00:00:00.123456789-13:59"],
    "decimal": [SpelledDecimal("1.0e2"), Decimal("123456789012345678901234567890")],
    "id": ["x" * 64, "0"],
    "integer": [-(2**31), Decimal("-0")],
    "integer64": ["9223372036854775807", "-9223372036854775808"],
    "base64Binary": ["aGVs\nbG8=\n", "QQ=="],
    "uri": ["é:ü"],
}


def cases(table: dict[str, list[Json]]) -> list[tuple[str, Json]]:
    return [(code, value) for code, values in table.items() for value in values]


def quickly_valid(code: str, value: Json) -> bool:
    try:
        return jsonschema_rs.Draft4Validator(PRIMITIVES[code].schema()).is_valid(value)
    except ValueError:
        return False


def test_each_primitive_type_is_tried() -> None:
    assert EXAMPLES.keys() == WRONG.keys() == PRIMITIVES.keys()


@pytest.mark.parametrize(("code", "value"), cases(EXAMPLES))
def test_plain_values_are_accepted_both_quickly_and_slowly(code: str, value: Json) -> None:
    assert PRIMITIVES[code].accepts(value)
    assert quickly_valid(code, value)


@pytest.mark.parametrize(("code", "value"), cases(EDGES))
def test_values_at_the_edge_are_accepted(code: str, value: Json) -> None:
    assert PRIMITIVES[code].accepts(value)


@pytest.mark.parametrize(("code", "value"), cases(WRONG))
def test_wrong_values_are_refused_both_quickly_and_slowly(code: str, value: Json) -> None:
    assert not PRIMITIVES[code].accepts(value)
    assert not quickly_valid(code, value)


@given(
    code=st.sampled_from(sorted(PRIMITIVES)),
    value=st.text()
    | st.text("0123456789-:.TZ+=aZ \n", max_size=30)
    | st.integers()
    | st.booleans()
    | st.decimals(allow_nan=False, allow_infinity=False),
)
def test_what_is_quickly_accepted_is_accepted(code: str, value: Json) -> None:
    assert PRIMITIVES[code].accepts(value) or not quickly_valid(code, value)


@given(year=st.integers(1, 9999), month=st.integers(1, 13), day=st.integers(0, 32))
def test_a_day_is_accepted_if_the_calendar_has_it(year: int, month: int, day: int) -> None:
    try:
        date(year, month, day)
        exists = True
    except ValueError:
        exists = False
    text = f"{year:04}-{month:02}-{day:02}"
    assert PRIMITIVES["date"].accepts(text) is exists
    assert PRIMITIVES["instant"].accepts(f"{text}T00:00:00Z") is exists


def test_the_models_say_why_a_day_is_wrong() -> None:
    assert "day value is outside expected range" in (reason("date", "2024-02-30") or "")
    assert reason("date", "2024-02-29") is None
    assert reason("date", 2024) is None
    assert reason("code", " a") is None


@given(
    code=st.sampled_from(["date", "dateTime", "instant", "time"]),
    value=st.text() | st.text("0123456789-:.TZ+ ", max_size=30),
)
def test_the_models_never_fail_to_answer(code: str, value: str) -> None:
    assert isinstance(reason(code, value), str | None)
