"""JSON as it was written: numbers keep their spelling, untouched members keep their bytes.

FHIR asks that 1.10 is not turned into 1.1 and that a document says one thing only, so duplicate
keys, NaN, lone surrogates and the like are refused with their position.

Sources: http://hl7.org/fhir/json.html; http://hl7.org/fhir/datatypes.html#decimal (precision);
RFC 8259; RFC 7493 (I-JSON: no duplicate names, no lone surrogates).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final, NamedTuple, Self, TypeAlias

import orjson

from hub.core.release import Json, Resource
from hub.errors import MalformedJson

MAX_DEPTH: Final = 64
"""How deep objects and arrays may be nested."""

MAX_DIGITS: Final = 64
"""How many characters a number may have, sign and exponent included."""

MAX_EXPONENT: Final = 300
"""The largest decimal exponent of a number, either way: every reader's double can hold it."""

_INT_DIGITS: Final = 18


class SpelledDecimal(Decimal):
    """A number whose spelling ``Decimal`` alone would not keep, such as ``1.0e2``."""

    __slots__ = ("_spelling",)
    _spelling: str

    def __new__(cls, spelling: str) -> Self:
        number = super().__new__(cls, spelling)
        number._spelling = spelling
        return number

    def __str__(self) -> str:
        """Return the number as it was written."""
        return self._spelling


class Document(NamedTuple):
    """One JSON object as parsed and as submitted.

    ``value`` has ``int`` for integers of up to 18 digits and ``Decimal`` for every other number;
    ``str()`` of either gives its spelling.  ``source`` is the text without white space around it.
    """

    value: Resource
    source: str

    @property
    def text(self) -> bytes:
        """The object as submitted, in UTF-8."""
        return self.source.encode()


def parse(text: bytes, *, max_depth: int = MAX_DEPTH) -> Document:
    """Read one JSON object that FHIR allows.

    Raises:
        MalformedJson: ``text`` is no UTF-8, starts with a byte order mark, is not exactly one JSON
            object, repeats a key, has an empty key, NaN, Infinity, a lone surrogate or NUL in a
            string, is nested deeper than ``max_depth``, or has a number beyond ``MAX_DIGITS`` or
            ``MAX_EXPONENT``.  The message names line and column.
    """
    source = _decode(text)
    if b"\\" in text and _may_be_refused(source):
        _check_escapes(source)
    if _count(text, b"{") + _count(text, b"[") > max_depth:
        _check_depth(source, max_depth)
    try:
        value, end = _read_value(source, 0)
        if end == len(source) and source.startswith("{"):
            return Document(value, source)
    except (_Refusal, json.JSONDecodeError, StopIteration, RecursionError):
        # Read once more below: that is slower, and finds the words.
        pass
    try:
        members = [(key, value) for key, value, _, _ in _members(source)]
        return Document(_object(members), source)
    except _Refusal as refusal:
        raise _located(source, refusal) from None
    except json.JSONDecodeError as error:
        raise _malformed(error.msg, source, error.pos) from None
    except RecursionError:
        raise MalformedJson(f"nested deeper than {max_depth} levels") from None


def reread(text: bytes) -> Resource:
    """Return the ``value`` of a text that ``parse`` has accepted, in a third of the time."""
    value: Resource = _reread_value(text.decode(), 0)[0]
    return value


def document_of(value: Resource) -> Document:
    """Return a parsed object, such as one inside another, as it would be read if it were sent."""
    return Document(value, dumps(value).decode())


def splice(document: Document, *, id: str, meta: Resource) -> bytes:
    """Return the submitted text with another top-level ``id`` and ``meta``.

    A member that is missing is inserted after ``resourceType``.  Everything else, white space
    included, stays as it was sent.
    """
    source = document.source
    after_type, at_id, at_meta = _spans(document)
    edits: list[tuple[int, int, str]] = []
    inserted = ""
    for name, place, value in (("id", at_id, id), ("meta", at_meta, meta)):
        written = dumps(value).decode()
        if place is not None:
            edits.append((*place, written))
        elif after_type is not None:
            inserted += f',"{name}":{written}'
        else:
            inserted += f'"{name}":{written},'
    if inserted and after_type is not None:
        edits.append((after_type, after_type, inserted))
    elif inserted:
        edits.append((1, 1, inserted if document.value else inserted[:-1]))
    edits.sort()
    parts: list[str] = []
    position = 0
    for start, end, written in edits:
        parts += (source[position:start], written)
        position = end
    parts.append(source[position:])
    return "".join(parts).encode()


def dumps(value: Json, *, indent: bool = False) -> bytes:
    """Return ``value`` as JSON in UTF-8, compact or indented; numbers keep their spelling.

    Raises:
        TypeError: ``value`` holds something that JSON has no form for.
    """
    return orjson.dumps(value, default=_spelled, option=orjson.OPT_INDENT_2 if indent else None)


def same(left: Json, right: Json) -> bool:
    """Tell whether two parsed values say the same.

    The order of members is of no meaning; numbers are compared by their spelling, since 1.10
    states another precision than 1.1.
    """
    # What differs as values differs as text; what is equal may still be spelled otherwise.
    return bool(left == right) and _normalised(left) == _normalised(right)


def _normalised(value: Json) -> bytes:
    return orjson.dumps(value, default=_spelled, option=orjson.OPT_SORT_KEYS)


def _spelled(value: object) -> orjson.Fragment:
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(str(value))
    raise TypeError(f"JSON has no form for {value!r}")


# What is refused while the scanner runs is raised without a position: its hooks are not told
# where they are.  The text is then walked once more, slowly, to find the place.


class _Refusal(Exception):
    """Something that the hooks refuse; ``finds`` recognises the token at which it stands."""

    def __init__(self, words: str, finds: Callable[[str, bool, set[str]], bool]) -> None:
        super().__init__(words)
        self.words = words
        self.finds = finds


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) == len(pairs) and "" not in members:
        return members
    if len(members) != len(pairs):
        raise _Refusal("the key {} is repeated", _is_repeated)
    raise _Refusal("a key is empty", _is_empty)


def _is_repeated(token: str, is_key: bool, keys: set[str]) -> bool:
    return is_key and token in keys


def _is_empty(token: str, is_key: bool, _: set[str]) -> bool:
    return is_key and not token


def _integer(spelling: str) -> int | Decimal:
    if len(spelling) <= _INT_DIGITS and spelling != "-0":
        return int(spelling)
    return _fraction(spelling)


@lru_cache(1024)
def _fraction(spelling: str) -> Decimal:
    if len(spelling) > MAX_DIGITS:
        raise _refused_number(f"a number has more than {MAX_DIGITS} digits", spelling)
    try:
        number: Decimal | None = Decimal(spelling)
    except InvalidOperation:
        number = None
    if number is None or not -MAX_EXPONENT <= number.adjusted() <= MAX_EXPONENT:
        words = f"the exponent of {spelling} is out of range (-{MAX_EXPONENT} to {MAX_EXPONENT})"
        raise _refused_number(words, spelling)
    return number if str(number) == spelling else SpelledDecimal(spelling)


def _refused_number(words: str, spelling: str) -> _Refusal:
    return _Refusal(words, lambda token, is_key, _: not is_key and token == spelling)


def _constant(spelling: str) -> None:
    raise _refused_number(f"{spelling} is not JSON", spelling)


_decoder: Any = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_fraction,
    parse_constant=_constant,
)
_read_value = _decoder.scan_once
_read_string = _decoder.parse_string
# What was read before needs no second check.
_plain: Any = json.JSONDecoder(parse_int=_integer, parse_float=_fraction)
_reread_value = _plain.scan_once
_key = re.compile(r'[ \t\n\r]*"((?:[^"\\]|\\.)*)"[ \t\n\r]*:[ \t\n\r]*', re.DOTALL).match
_comma = re.compile(r"[ \t\n\r]*,").match
_end = re.compile(r"[ \t\n\r]*\}").match


def _members(source: str) -> Iterator[tuple[str, Any, int, int]]:
    """Walk the top level: each key with its value, and where in ``source`` that starts and ends."""
    if not source.startswith("{"):
        raise json.JSONDecodeError("the text is not a JSON object", source, 0)
    end = _end(source, 1)
    comma: re.Match[str] | None = None
    while end is None:
        position = comma.end() if comma else 1
        member = _key(source, position)
        if member is None:
            raise json.JSONDecodeError('a key in "" and a colon are missing', source, position)
        key = _read_string(source, member.start(1), True)[0]
        start = member.end()
        try:
            value, position = _read_value(source, start)
        except StopIteration as stop:
            raise json.JSONDecodeError("a value is missing", source, stop.value) from None
        yield key, value, start, position
        comma = _comma(source, position)
        if comma is None:
            end = _end(source, position)
            if end is None:
                raise json.JSONDecodeError("a comma or } is missing", source, position)
    if end.end() != len(source):
        raise json.JSONDecodeError("text follows the JSON object", source, end.end())


_Span: TypeAlias = tuple[int, int]

_first = r'{ "resourceType" : ("[^"\\]*")(?: , "id" : ("[^"\\]*"))?(?: , "meta" : ({))?'
_usual_start = re.compile(_first.replace(" ", r"[ \t\n\r]*")).match


def _spans(document: Document) -> tuple[int | None, _Span | None, _Span | None]:
    """Find where the type ends, and the values of id and meta; None for what is missing.

    They stand first as a rule.
    """
    value, source = document.value, document.source
    start = _usual_start(source)
    if start is not None:
        _, type_end = start.span(1)
        at_id, (meta, _) = start.span(2), start.span(3)
        if (at_id[0] >= 0 or "id" not in value) and (meta >= 0 or "meta" not in value):
            return (
                type_end,
                at_id if at_id[0] >= 0 else None,
                (meta, _reread_value(source, meta)[1]) if meta >= 0 else None,
            )
    names = [name for name in ("resourceType", "id", "meta") if name in value]
    spans: dict[str, _Span] = {}
    members = _members(source)
    while len(spans) < len(names):
        key, _, first, end = next(members)
        if key in names:
            spans[key] = (first, end)
    at_type = spans.get("resourceType")
    return None if at_type is None else at_type[1], spans.get("id"), spans.get("meta")


def _decode(text: bytes) -> str:
    if text.startswith(b"\xef\xbb\xbf"):
        raise MalformedJson("the text starts with a byte order mark; send UTF-8 without it")
    try:
        return text.decode().strip(" \t\n\r")
    except UnicodeDecodeError as error:
        raise MalformedJson(f"byte {error.start + 1} is not UTF-8") from None


def _count(text: bytes, rare: bytes) -> int:
    """Count a byte of which there are few: what is left without it is made faster than a count."""
    return len(text) - len(text.replace(rare, b""))


_may_be_refused = re.compile(r"\\u(?:0000|[dD][89a-fA-F])").search
_escape = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)


def _check_escapes(source: str) -> None:
    high: re.Match[str] | None = None
    for match in _escape.finditer(source):
        unit = int(match[1], 16) if match[1] else -1
        if 0xDC00 <= unit <= 0xDFFF and high is not None and high.end() == match.start():
            high = None
            continue
        if high is not None:
            break
        if unit == 0:
            raise _malformed("NUL is not allowed in a string", source, match.start())
        if 0xDC00 <= unit <= 0xDFFF:
            raise _malformed("a surrogate stands alone", source, match.start())
        high = match if 0xD800 <= unit <= 0xDBFF else None
    if high is not None:
        raise _malformed("a surrogate stands alone", source, high.start())


_brackets = bytes.maketrans(b"[]", b"{}")
_escaped = re.compile(r'\\[\\"]')
_others = bytes(set(range(128)) - set(b"[]{}"))


def _check_depth(source: str, max_depth: int) -> None:
    """Peel the innermost pair of brackets off, ``max_depth`` times: nothing may be left.

    Brackets in strings don't count: with escapes gone, every second piece between quotes is
    outside.  Text that is no JSON may pass; the scanner refuses it.
    """
    pieces = _escaped.sub("", source).split('"')
    shape = "".join(pieces[::2]).encode("ascii", "ignore").translate(_brackets, _others)
    for _ in range(max_depth):
        if not shape:
            return
        peeled = shape.replace(b"{}", b"")
        if len(peeled) == len(shape):
            return
        shape = peeled
    if shape:
        raise MalformedJson(f"nested deeper than {max_depth} levels")


# All before what is refused is sound, so that only whole tokens have to be told apart.
_token = re.compile(
    r'"(?:[^"\\]|\\.)*"(?P<key>[ \t\n\r]*:)?|[{}]|NaN|-?Infinity'
    r"|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?",
    re.DOTALL,
)


def _located(source: str, refusal: _Refusal) -> MalformedJson:
    keys: list[set[str]] = []
    for match in _token.finditer(source):
        text, is_key = match[0], match["key"] is not None
        if text == "{":
            keys.append(set())
        elif text == "}":
            keys.pop()
        elif is_key or text[0] != '"':
            spelling = _read_string(text, 1, True)[0] if is_key else text
            if refusal.finds(spelling, is_key, keys[-1]):
                words = refusal.words.format(json.dumps(spelling))
                return _malformed(words, source, match.start())
            if is_key:
                keys[-1].add(spelling)
    raise AssertionError("what was refused was not found again")


def _malformed(words: str, source: str, position: int) -> MalformedJson:
    line = source.count("\n", 0, position) + 1
    column = position - source.rfind("\n", 0, position)
    return MalformedJson(f"line {line} column {column}: {words}")
