"""No expression on no resource takes long or grows without end."""

from __future__ import annotations

from resource import RUSAGE_SELF, getrusage
from typing import Any

import pytest

from hub.core.fhirpath import FhirPathError, compile_expression, compile_fhirpath
from hub.core.release import FhirRelease
from hub.errors import TopicRefused

WIDE: dict[str, Any] = {
    "resourceType": "Task",
    "n": list(range(3_000)),
    "text": "ab" * 50_000,
    "part": [
        {"part": [{"part": [{"x": i} for i in range(20)]} for _ in range(20)]} for _ in range(20)
    ],
}
KILOBYTES = 64 * 1024


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("(" * 200 + "true" + ")" * 200, "nested deeper than 20"),
        ("true" + ".not()" * 200, "at most 500"),
        ("true" + ".not()" * 90, "deeper than 60"),
        ("(%current.x = 1)" + " and true" * 100, "deeper than 60"),
        ("|".join(["a"] * 500), "at most 500"),
        (f"1 in ({'|'.join(['1'] * 240)})", "deeper than 60"),
        ("x" * 2_001, "at most 2000"),
        ("-" * 300 + "1", "more than 5 signs in a row"),
        ("-" * 300, "more than 5 signs in a row"),
        ("x[" * 21 + "0" + "]" * 21, "nested deeper than 20"),
        ("'" + "a" * 1_990 + "'.matches('" + "(" * 50, "at most 2000"),
        ("x.matches('" + "(a{1,900}){1,900}" + "')", "regular expression"),
    ],
)
def test_what_is_too_large_is_refused_when_loaded(expression: str, reason: str) -> None:
    with pytest.raises(TopicRefused, match=reason):
        compile_fhirpath(expression, FhirRelease.R5)


@pytest.mark.parametrize(
    "expression",
    [
        "'a'.repeat($this & 'a')",
        "1.repeat($this + 1)",
        "repeat(%current | %current.part)" + ".combine(descendants())" * 40,
        "n.repeat(%current.n.select($this + 1))",
        "n.aggregate($total.combine($total), 1)",
        "n.aggregate($total & $total, 'a')",
        "n.aggregate($total + $total, 'a')",
        "text" + ".replace('a', 'aa')" * 20,
        "text" + ".replace('', 'abcdefgh')" * 9,
        "text" + ".replaceMatches('a|b', '$0$0$0$0')" * 5,
        "n.select(%current.text).join(',')",
        "text.toChars().select(%current.text.indexOf('z'))",
        "text.toChars().select(%current.text.split('a').count())",
        "n.all(%current.text.matches('z'))",
        "descendants().select(%current.descendants().count())",
        "text.matches('(a|b|ab){0,300}(b|ab|ba){0,300}[^ab]') or text.matches('[ab]{0,900}c')",
        "text.replaceMatches('a([ab]*)z|a', '')",
        "n.where(%current.n.where(%current.n.where($this = 1).exists()).exists())",
        "n.sort(%current.n.sort(-$this).first())",
        "n.select(%current.n.subsetOf(%current.n))",
        "n.where(%current.n contains $this)",
        "n.select(%current.n.distinct().count())",
        "text.toChars().select(%current.text.lower()).count()",
        "text.encode('base64').encode('hex').encode('base64').encode('hex').encode('hex').length()",
    ],
)
def test_what_costs_too_much_ends_and_holds_little(expression: str) -> None:
    compiled = compile_expression(expression, FhirRelease.R5)
    before = getrusage(RUSAGE_SELF).ru_maxrss
    result = compiled.values(None, WIDE)
    assert isinstance(result, FhirPathError)
    assert "too costly" in result.reason
    assert getrusage(RUSAGE_SELF).ru_maxrss - before < KILOBYTES


@pytest.mark.parametrize(
    "expression",
    [
        "n.aggregate($total * 9 + 1, 7)",
        "n.select($this * $this * $this * $this).aggregate($total * $this + 1, 3)",
        "3" + ".power(3)" * 8,
    ],
)
def test_numbers_do_not_grow_without_end(expression: str) -> None:
    result = compile_expression(expression, FhirRelease.R5).values(None, WIDE)
    assert isinstance(result, FhirPathError)
    assert "more than 40 digits" in result.reason


def test_what_is_wide_and_deep_is_walked_once() -> None:
    expression = "descendants().x.count() = 8000 and repeat(part).count() > 0"
    assert compile_fhirpath(expression, FhirRelease.R5)(None, WIDE)
