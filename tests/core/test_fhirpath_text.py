"""Functions of strings, regular expressions and conversions."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.fhirpath import compile_expression
from hub.core.fhirpath_text import TEXT_FUNCTIONS, unquote
from hub.core.release import FhirRelease
from tests.support.fhirpath import failure_of, values_of

NOTE = {
    "resourceType": "Task",
    "words": ["green", "blue"],
    "line": "first\nsecond",
    "on": True,
    "n": 7,
    "amount": Decimal("2.50"),
    "wide": Decimal("1E+999999"),
    "onDay": "2024-05-01",
    "quantity": {"value": 3, "system": "http://unitsofmeasure.org", "code": "mg"},
    "thing": {"a": 1},
    "_gap": {"extension": [{"url": "http://e"}]},
    "names": [None, "Ann"],
    "_names": [{"extension": [{"url": "http://e"}]}, None],
}

TRUE = [
    "'abc'.substring(1) = 'bc' and 'abc'.substring(1, 1) = 'b' and 'abc'.substring(0, 9) = 'abc'",
    "'abc'.substring(3).empty() and 'abc'.substring(-1).empty() and 'abc'.substring({}).empty()",
    "{}.substring(0).empty() and 'abc'.substring(1, {}) = 'bc' and 'abc'.substring(1, -1) = ''",
    "'banana'.indexOf('an') = 1 and 'banana'.lastIndexOf('an') = 3 and 'a'.indexOf('x') = -1",
    "'banana'.replace('an', 'o') = 'booa' and 'ab'.replace('', '-') = '-a-b-'",
    "'a'.replace({}, 'b').empty() and {}.replace('a', 'b').empty()"
    " and 'a'.replace('a', {}).empty()",
    "'ab'.toChars() = ('a' | 'b') and {}.toChars().empty() and gap.toChars().empty()",
    "'a,b,,c'.split(',').count() = 4 and 'ab'.split('') = ('a' | 'b') and 'a'.split({}).empty()",
    "words.join('-') = 'green-blue' and words.join() = 'greenblue' and {}.join(',').empty()",
    "words.join({}) = 'greenblue' and names.join(',') = 'Ann' and 'a' + 'b' = 'ab'",
    "('a' + {}).empty() and ('a' + gap).empty() and gap.upper().empty() and (gap < 'x').empty()",
    "'é?'.encode('base64').decode('base64') = 'é?' and 'é?'.encode('hex') = 'c3a93f'",
    "'a?>~'.encode('urlbase64') = 'YT8-fg==' and 'YT8-fg=='.decode('urlbase64') = 'a?>~'",
    "'c3a93f'.decode('hex') = 'é?' and {}.encode('hex').empty()",
    "'<a>'.escape('html') = '&lt;a&gt;' and '&lt;a&gt;'.unescape('html') = '<a>'",
    r"""'a"b\n'.escape('json') = 'a\\"b\\n' and 'a\\"b\\n\\u0041'.unescape('json') = 'a"b\nA'""",
    "'status'.matches('^s.*s$') and 'status'.matches('tat') and 'status'.matches('^tat').not()",
    "'status'.matchesFull('tat').not() and 'status'.matchesFull('s[a-z]+s')",
    "line.matches('first.second') and {}.matches('a').empty() and 'a'.matches({}).empty()",
    "'a1b22'.replaceMatches('[0-9]+', '#') = 'a#b#' and 'ab'.replaceMatches('x*', '-') = 'ab'",
    "'Doe, Jo'.replaceMatches('(\\\\w+), (?P<given>\\\\w+)', '${given} $1') = 'Jo Doe'",
    "'a'.replaceMatches('(a)|(b)', '[$2$7${x}]') = '[]' and {}.replaceMatches('a', 'b').empty()",
    "'a'.replaceMatches('a', {}).empty() and 'aXa'.replaceMatches('a', '') = 'X'",
    "'true'.toBoolean() and 'T'.toBoolean() and 'no'.toBoolean() = false and on.toBoolean()",
    "1.toBoolean() and 0.0.toBoolean() = false and 2.toBoolean().empty()"
    " and 'x'.toBoolean().empty()",
    "@2024.toBoolean().empty() and thing.toBoolean().empty()",
    "'-12'.toInteger() = -12 and true.toInteger() = 1 and '1.0'.toInteger().empty()",
    "2.5.toInteger().empty() and '12345678901234567890'.toInteger().empty() and n.toInteger() = 7",
    "'2.50'.toDecimal() = 2.5 and 2.toDecimal() is Decimal and 'x'.toDecimal().empty()",
    "true.toDecimal() = 1 and thing.toDecimal().empty() and '.5'.toDecimal().empty()",
    "n.toString() = '7' and amount.toString() = '2.50' and on.toString() = 'true'"
    " and 'a'.toString() = 'a'",
    "@2024-05.toString() = '2024-05' and @T10:30.toString() = '10:30'"
    " and quantity.toString() = '3 \\'mg\\''",
    "thing.toString().empty() and wide.toString().empty() and {}.toString().empty()",
    "(1.5 'mg').toString() = '1.5 \\'mg\\'' and (wide > 1) = true",
    "'3 \\'mg\\''.toQuantity() = 3 'mg' and '4 days'.toQuantity() = 4 days"
    " and '5'.toQuantity() = 5",
    "'2.5 weeks'.toQuantity() = 2.5 weeks and '3 mg'.toQuantity().empty()"
    " and 'x'.toQuantity().empty()",
    "true.toQuantity() = 1 '1' and quantity.toQuantity() = 3 'mg' and thing.toQuantity().empty()",
    "3000 'mg'.toQuantity('g') = 3 'g' and 3 'mg'.toQuantity('L').empty()"
    " and 'x'.toQuantity('g').empty()",
    "3 'g'.toQuantity({}).empty() and {}.toQuantity('g').empty()"
    " and 1 week.toQuantity('days') = 7 days",
    "'2024-05-01'.toDate() = @2024-05-01 and onDay.toDate() is Date and 'x'.toDate().empty()",
    "@2024-05-01T10:30.toDate() = @2024-05-01 and @2024T.toDate() = @2024"
    " and @T10.toDate().empty()",
    "'2024-05-01T10:30Z'.toDateTime() = @2024-05-01T10:30Z and @2024.toDateTime() is DateTime",
    "7.toDateTime().empty() and '10:30'.toTime() = @T10:30 and @T10.toTime() = @T10",
    "@2024.toTime().empty() and 7.toTime().empty() and '25'.toTime().empty()",
    "'1'.convertsToInteger() and 'x'.convertsToInteger() = false"
    " and {}.convertsToInteger().empty()",
    "'false'.convertsToBoolean() and '2024'.convertsToDate() and '1 day'.convertsToQuantity()",
    r"""'\\' & 'b' = '\\b' and '\\\\'.length() = 2 and 'it\'s' & '\\' = 'it\'s\\'""",
    r"""'\\'.length() /* don't '\\' */ = 1 and `line`.matches('\\w\\s\\w') // '\\""",
    "'é'.length() = 1 and 'a b'.upper() = 'A B' and 'x'.contains('') and ' a '.trim() = 'a'",
]


@pytest.mark.parametrize("expression", TRUE)
def test_it_is_true_of_text(expression: str) -> None:
    assert values_of(expression, NOTE) == [True]


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("thing.startsWith('a')", "a string expected"),
        ("words.upper()", "one value expected, 2 found"),
        ("@2024.length()", "a string expected"),
        ("'a'.encode('rot13')", "encodings are"),
        ("'a'.decode('rot13')", "encodings are"),
        ("'a'.decode('base64')", "no base64 of a text"),
        ("'zz'.decode('hex')", "no hex of a text"),
        ("'ff'.decode('hex')", "no hex of a text"),
        ("'a'.escape('xml')", "escapes are"),
        ("'a'.unescape('xml')", "escapes are"),
        ("'a'.substring('b')", "an integer expected"),
        ("7.matches('7')", "a string expected"),
        ("words.toInteger()", "one value expected"),
    ],
)
def test_what_has_no_meaning_is_an_error(expression: str, reason: str) -> None:
    assert reason in failure_of(expression, NOTE)


@pytest.mark.parametrize(
    ("literal", "text"),
    [
        (r"'\ud83d\ude00'", "😀"),
        (r"'\ud83d'", "�"),
        (r"'\r\n\t\f\`\/\''", "\r\n\t\f`/'"),
        (r"'\b'", "b"),
    ],
)
def test_a_literal_is_read_with_its_escapes(literal: str, text: str) -> None:
    assert unquote(literal) == text


@pytest.mark.parametrize("pattern", ["(a+)+$", "(x+x+)+y", "(.*)*(.*)*z", "([a-z]+)*9"])
def test_a_regular_expression_that_hangs_others_is_matched_at_once(pattern: str) -> None:
    task = {"resourceType": "Task", "note": "a" * 100_000 + "!"}
    assert values_of(f"note.matches('{pattern}')", task) == [False]


@given(st.text(max_size=20), st.text(max_size=3))
def test_what_is_split_can_be_joined(text: str, separator: str) -> None:
    task = {"resourceType": "Task", "text": text, "by": separator}
    assert values_of("text.split(%current.by).join(%current.by)", task) == (
        [text] if text or separator else []
    )


@given(st.text(max_size=20), st.sampled_from(["base64", "urlbase64", "hex"]))
def test_what_is_encoded_can_be_decoded(text: str, form: str) -> None:
    task = {"resourceType": "Task", "text": text}
    assert values_of(f"text.encode('{form}').decode('{form}')", task) == [text]


@given(st.text(max_size=20), st.sampled_from(["json", "html"]))
def test_what_is_escaped_can_be_unescaped(text: str, form: str) -> None:
    task = {"resourceType": "Task", "text": text}
    assert values_of(f"text.escape('{form}').unescape('{form}') = text", task) == [True]


@given(st.text(min_size=1, max_size=12), st.data())
def test_the_parts_of_a_text_make_it_up(text: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(text)))
    task = {"resourceType": "Task", "text": text}
    assert values_of(f"text.substring(0, {at}) & text.substring({at})", task) == [text]


def test_every_function_of_strings_is_offered_with_its_arguments() -> None:
    for name, count in TEXT_FUNCTIONS:
        arguments = ", ".join(["{}"] * count)
        compile_expression(f"'a'.{name}({arguments})", FhirRelease.R5)
