from __future__ import annotations

import json
import sys
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hub.core.json_text import (
    MAX_DIGITS,
    SpelledDecimal,
    document_of,
    dumps,
    parse,
    reread,
    same,
    splice,
)
from hub.errors import MalformedJson

space = st.text(" \t\r\n", max_size=2)
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
numbers = st.from_regex(
    r"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?", fullmatch=True
)
strings = st.builds(json.dumps, words, ensure_ascii=st.booleans())
keys = words.filter(bool)


def _array(pad: str, items: list[str]) -> str:
    return f"[{pad}" + f"{pad},{pad}".join(items) + f"{pad}]"


def _object(pad: str, members: dict[str, str]) -> str:
    written = (f"{json.dumps(key)}{pad}:{pad}{value}" for key, value in members.items())
    return f"{{{pad}" + f"{pad},{pad}".join(written) + f"{pad}}}"


values: st.SearchStrategy[str] = st.recursive(
    st.sampled_from(["true", "false", "null"]) | numbers | strings,
    lambda inner: (
        st.builds(_array, space, st.lists(inner, max_size=4))
        | st.builds(_object, space, st.dictionaries(keys, inner, max_size=4))
    ),
    max_leaves=12,
)
members = st.dictionaries(
    st.sampled_from(["resourceType", "id", "meta", "status", "q\"'\\"]) | keys, values, max_size=6
)


@given(number=numbers)
@example(number="1.10")
@example(number="1.0E2")
@example(number="-0")
@example(number="0.0000001")
@example(number="123456789012345678901234567890")
def test_a_number_keeps_its_spelling(number: str) -> None:
    document = parse(f'{{"n":{number}}}'.encode())
    assert str(document.value["n"]) == number
    assert dumps(document.value) == f'{{"n":{number}}}'.encode()
    assert dumps(document.value, indent=True) == f'{{\n  "n": {number}\n}}'.encode()


@given(number=numbers)
def test_a_number_survives_a_deep_copy(number: str) -> None:
    value = parse(f'{{"n":{number}}}'.encode()).value
    assert dumps(deepcopy(value)) == dumps(value)


def test_whole_numbers_are_int_and_fractions_are_decimal() -> None:
    value = parse(b'{"a":42,"b":1.10,"c":1e2}').value
    assert type(value["a"]) is int
    assert type(value["b"]) is Decimal
    assert value["c"] == 100


@given(pad=space, object_members=members)
def test_what_is_parsed_and_written_says_the_same(pad: str, object_members: dict[str, str]) -> None:
    text = _object(pad, object_members)
    value = parse(text.encode()).value
    assert value == json.loads(text, parse_float=Decimal, parse_int=Decimal)
    assert same(parse(dumps(value)).value, value)


@given(pad=space, object_members=members)
def test_what_was_parsed_once_is_read_again_as_it_was(
    pad: str, object_members: dict[str, str]
) -> None:
    document = parse(_object(pad, object_members).encode())
    again = reread(document.text)
    assert repr(again) == repr(document.value)
    assert same(again, document.value)


@given(pad=space, object_members=members)
def test_the_text_is_kept_but_for_space_around_it(pad: str, object_members: dict[str, str]) -> None:
    text = _object(pad, object_members).encode()
    document = parse(b" \r\n\t" + text + b"\n ")
    assert document.text == text


@given(pad=space, object_members=members, id=keys, meta=members)
def test_splice_changes_id_and_meta_and_no_other_byte(
    pad: str, object_members: dict[str, str], id: str, meta: dict[str, str]
) -> None:
    document = parse(_object(pad, object_members).encode())
    wanted = parse(_object("", meta).encode()).value
    own = {"id": dumps(id).decode(), "meta": dumps(wanted).decode()}
    missing = [f'"{name}":{value}' for name, value in own.items() if name not in object_members]
    kind = object_members.get("resourceType")
    if kind is not None:
        own["resourceType"] = ",".join([kind, *missing])
        missing = []
    expected = _object(pad, object_members | {k: v for k, v in own.items() if k in object_members})
    if missing:
        expected = f"{{{','.join([*missing, ''] if object_members else missing)}{expected[1:]}"
    assert splice(document, id=id, meta=wanted) == expected.encode()


@pytest.mark.parametrize(
    ("text", "spliced"),
    [
        (
            '{"resourceType" : "Task",\n "status":"draft"}\n',
            '{"resourceType" : "Task","id":"1","meta":{"versionId":"2"},\n "status":"draft"}',
        ),
        (
            '{ "resourceType" :\n"Task"\t, "id":"é" ,"v" : 1.10}',
            '{ "resourceType" :\n"Task","meta":{"versionId":"2"}\t, "id":"1" ,"v" : 1.10}',
        ),
        (
            '{"resourceType":"Task","id":"x","meta":{},"v":1}',
            '{"resourceType":"Task","id":"1","meta":{"versionId":"2"},"v":1}',
        ),
        (
            '{"resourceType":"Task","id":"a\\"b"}',
            '{"resourceType":"Task","meta":{"versionId":"2"},"id":"1"}',
        ),
        (
            '{"id":"x","resourceType":"Task"}',
            '{"id":"1","resourceType":"Task","meta":{"versionId":"2"}}',
        ),
        (
            '{ "meta" : { }, "v" : 1.10 , "id": "é"}',
            '{ "meta" : {"versionId":"2"}, "v" : 1.10 , "id": "1"}',
        ),
        ('{"a":1}', '{"id":"1","meta":{"versionId":"2"},"a":1}'),
        ("{ }", '{"id":"1","meta":{"versionId":"2"} }'),
    ],
)
def test_splice_puts_what_is_missing_after_the_resource_type(text: str, spliced: str) -> None:
    document = parse(text.encode())
    assert splice(document, id="1", meta={"versionId": "2"}) == spliced.encode()


@given(pad=space, object_members=members)
def test_an_object_is_written_as_a_document_of_its_own(
    pad: str, object_members: dict[str, str]
) -> None:
    value = parse(_object(pad, object_members).encode()).value
    assert document_of(value) == parse(dumps(value))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "line 1 column 1: the text is not a JSON object"),
        (b"[]", "line 1 column 1: the text is not a JSON object"),
        (b'"a"', "line 1 column 1: the text is not a JSON object"),
        (b"{}{}", "line 1 column 3: text follows the JSON object"),
        (b'{"a":1} x', "line 1 column 8: text follows the JSON object"),
        (b"{", 'line 1 column 2: a key in "" and a colon are missing'),
        (b"{a:1}", 'line 1 column 2: a key in "" and a colon are missing'),
        (b'{"a" 1}', 'line 1 column 2: a key in "" and a colon are missing'),
        (b'{"a":1,}', 'line 1 column 8: a key in "" and a colon are missing'),
        (b'{"a":1 "b":2}', "line 1 column 7: a comma or } is missing"),
        (b'{"a":}', "line 1 column 6: a value is missing"),
        (
            b'{"a":[1,]}',
            # The scanner of Python knows this mistake from 3.13 on.
            "line 1 column 9: a value is missing"
            if sys.version_info < (3, 13)
            else "line 1 column 8: Illegal trailing comma before end of array",
        ),
        (b'{"a":"x\ny"}', "line 1 column 8: Invalid control character at"),
        (b'{"a\n":1}', "line 1 column 4: Invalid control character at"),
        (b'{"a":"\\x"}', "line 1 column 7: Invalid \\escape"),
        (b'{"a":01}', "line 1 column 7: a comma or } is missing"),
        (b'{"a":1,\n "a":2}', 'line 2 column 2: the key "a" is repeated'),
        (b'{"x":[{"a":1},{"a":1,"\\u0061":2}]}', 'line 1 column 22: the key "a" is repeated'),
        (b'{"1":1,"x":{"1":[1,1],"1":1}}', 'line 1 column 23: the key "1" is repeated'),
        (b'{"x":{"":1}}', "line 1 column 7: a key is empty"),
        (b'{"x":"NaN","y":NaN}', "line 1 column 16: NaN is not JSON"),
        (b'{"x":[Infinity]}', "line 1 column 7: Infinity is not JSON"),
        (b'{"x":[1,NaN1.5e]}', "line 1 column 9: NaN is not JSON"),
        (
            b'{"x":1e400e-3}',
            "line 1 column 6: the exponent of 1e400 is out of range (-300 to 300)",
        ),
        (b'{"x":-Infinity}', "line 1 column 6: -Infinity is not JSON"),
        (b'{"x":1e301}', "line 1 column 6: the exponent of 1e301 is out of range (-300 to 300)"),
        (b'{"x":0e-301}', "line 1 column 6: the exponent of 0e-301 is out of range (-300 to 300)"),
        (
            b'{"x":1e99999999999999999999}',
            "line 1 column 6: the exponent of 1e99999999999999999999 is out of range (-300 to 300)",
        ),
        (b'{"x":%s}' % (b"9" * 65), "line 1 column 6: a number has more than 64 digits"),
        (b'{"x":0.%s}' % (b"1" * 63), "line 1 column 6: a number has more than 64 digits"),
        (b'{"x":"a\\u0000"}', "line 1 column 8: NUL is not allowed in a string"),
        (b'{"\\u0000":1}', "line 1 column 3: NUL is not allowed in a string"),
        (b'{"x":"\\ud800"}', "line 1 column 7: a surrogate stands alone"),
        (b'{"x":"\\udc00"}', "line 1 column 7: a surrogate stands alone"),
        (b'{"x":"\\ud800\\ud800\\udc00"}', "line 1 column 7: a surrogate stands alone"),
        (b'{"x":"\\ud800 \\udc00"}', "line 1 column 7: a surrogate stands alone"),
        (b'{"x":"\\ud800\\u0041"}', "line 1 column 7: a surrogate stands alone"),
        (b"\xef\xbb\xbf{}", "the text starts with a byte order mark; send UTF-8 without it"),
        (b'{"x":"\xff"}', "byte 7 is not UTF-8"),
        (b'{"x":"\xed\xa0\x80"}', "byte 7 is not UTF-8"),
        ('{"x":1}'.encode("utf-16"), "byte 1 is not UTF-8"),
    ],
)
def test_what_fhir_does_not_allow_is_refused_with_its_place(text: bytes, words: str) -> None:
    with pytest.raises(MalformedJson) as refusal:
        parse(text)
    assert refusal.value.diagnostics == words


def test_escapes_that_say_something_are_read() -> None:
    value = parse(b'{"x":"\\ud83d\\ude00\\u00e9 \\\\u0000 \\n"}').value
    assert value["x"] == "\U0001f600é \\u0000 \n"


def test_a_number_of_the_greatest_length_is_read() -> None:
    number = "9" * MAX_DIGITS
    assert str(parse(f'{{"x":{number}}}'.encode()).value["x"]) == number


@given(depth=st.integers(1, 130), limit=st.integers(1, 64), kind=st.sampled_from(["[]", "{}"]))
@example(depth=64, limit=64, kind="[]")
@example(depth=65, limit=64, kind="{}")
def test_nesting_is_allowed_up_to_the_limit(depth: int, limit: int, kind: str) -> None:
    inner = "1"
    for _ in range(depth - 1):
        inner = f"[{inner}]" if kind == "[]" else f'{{"]}}\\"":{inner}}}'
    text = f'{{"\\\\":"{"[" * limit}","x":{inner}}}'.encode()
    if depth <= limit:
        parse(text, max_depth=limit)
    else:
        with pytest.raises(MalformedJson, match=f"nested deeper than {limit} levels"):
            parse(text, max_depth=limit)


def test_many_brackets_are_not_depth() -> None:
    parse(b'{"a":[%s{}],"b":"%s"}' % (b"[]," * 1000, b"[" * 1000))


@pytest.mark.parametrize("bomb", [b'{"a":' + b"[" * 200_000, b'{"a":' * 200_000])
def test_a_bomb_of_brackets_is_refused(bomb: bytes) -> None:
    with pytest.raises(MalformedJson, match="nested deeper than 64 levels"):
        parse(bomb)


@given(text=st.binary() | words.map(str.encode) | words.map(lambda each: b'{"a":' + each.encode()))
def test_any_other_text_is_refused_and_breaks_nothing(text: bytes) -> None:
    try:
        document = parse(text)
    except MalformedJson:
        return
    assert document.value == json.loads(text)


@given(text=st.text('{}[]",:\\u0d8e1.-Nan ', max_size=30))
def test_text_close_to_json_is_read_only_if_it_is_json(text: str) -> None:
    try:
        document = parse(text.encode())
    except MalformedJson:
        return
    assert document.value == json.loads(text, parse_float=Decimal)


@pytest.mark.parametrize(
    ("left", "right", "is_same"),
    [
        (Decimal("1.10"), Decimal("1.1"), False),
        (Decimal("1.10"), Decimal("1.10"), True),
        (1, Decimal("1.0"), False),
        (SpelledDecimal("1e2"), SpelledDecimal("1E2"), False),
        (True, 1, False),
        ({"a": 1, "b": [1, 2]}, {"b": [1, 2], "a": 1}, True),
        ([1, 2], [2, 1], False),
        ("1", 1, False),
        (None, None, True),
    ],
)
def test_values_are_the_same_if_they_are_spelled_the_same(
    left: Any, right: Any, is_same: bool
) -> None:
    assert same(left, right) is is_same


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), object(), {"a": b"x"}])
def test_what_json_has_no_form_for_is_not_written(value: Any) -> None:
    with pytest.raises(TypeError):
        dumps({"x": value})
