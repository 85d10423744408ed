"""The functions of FHIRPath on strings.

All are empty for an empty input or argument, and cost as much as the strings are long.
Source: http://hl7.org/fhirpath/N1/ ("String Manipulation").
"""

from __future__ import annotations

import base64
import binascii
import html
import json
import re
from collections.abc import Callable

from hub.core.fhirpath_run import FhirPathFailure, Node, Run, string, whole
from hub.core.fhirpath_value import Collection, Valueless
from hub.core.release import Json

_ESCAPED = re.compile(r'\\(?:u([0-9a-fA-F]{4})|(["\\/bfnrt]))')
_SIGNS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def _strings(function: Callable[..., Collection]) -> Callable[..., Node]:
    """Make a function of strings that returns several values."""

    def make(*nodes: Node) -> Node:
        def answer(run: Run, this: Collection) -> Collection:
            texts = [string(node(run, this)) for node in nodes]
            if None in texts:
                return []
            run.pay(sum(len(text or "") for text in texts))
            return function(*texts)

        return answer

    return make


def _string(function: Callable[..., Json]) -> Callable[..., Node]:
    return _strings(lambda *texts: [function(*texts)])


def _replace(owner: Node, pattern: Node, substitution: Node) -> Node:
    def answer(run: Run, this: Collection) -> Collection:
        text, old, new = (string(node(run, this)) for node in (owner, pattern, substitution))
        if text is None or old is None or new is None:
            return []
        run.pay(len(text) + text.count(old) * len(new))
        return [text.replace(old, new)]

    return answer


def _substring(owner: Node, start: Node, length: Node | None = None) -> Node:
    def cut(run: Run, this: Collection) -> Collection:
        text, first = string(owner(run, this)), start(run, this)
        if text is None or not first:
            return []
        at = whole(first)
        if not 0 <= at < len(text):
            return []
        run.pay(len(text))
        count = [] if length is None else length(run, this)
        return [text[at : at + max(0, whole(count))] if count else text[at:]]

    return cut


def _join(owner: Node, separator: Node | None = None) -> Node:
    def joined(run: Run, this: Collection) -> Collection:
        between = "" if separator is None else string(separator(run, this)) or ""
        values = [v for v in owner(run, this) if not isinstance(v, Valueless)]
        texts = [string([value]) or "" for value in values]
        run.pay(sum(len(text) + len(between) for text in texts))
        return [between.join(texts)] if texts else []

    return joined


def _split(text: str, separator: str) -> Collection:
    return [*text.split(separator)] if separator else [*text]


def _encode(text: str, form: str) -> str:
    data = text.encode()
    if form == "base64":
        return base64.b64encode(data).decode()
    if form == "urlbase64":
        return base64.urlsafe_b64encode(data).decode()
    if form == "hex":
        return data.hex()
    raise FhirPathFailure("encodings are base64, urlbase64 and hex")


def _decode(text: str, form: str) -> str:
    try:
        if form in ("base64", "urlbase64"):
            standard = text.translate({ord("-"): "+", ord("_"): "/"}) if form[0] == "u" else text
            return base64.b64decode(standard, validate=True).decode()
        if form == "hex":
            return bytes.fromhex(text).decode()
    except (binascii.Error, ValueError):
        raise FhirPathFailure(f"this is no {form} of a text") from None
    raise FhirPathFailure("encodings are base64, urlbase64 and hex")


def _escape(text: str, form: str) -> str:
    if form == "html":
        return html.escape(text)
    if form == "json":
        return json.dumps(text, ensure_ascii=False)[1:-1]
    raise FhirPathFailure("escapes are html and json")


def _unescape(text: str, form: str) -> str:
    if form == "html":
        return html.unescape(text)
    if form == "json":
        plain = _ESCAPED.sub(lambda e: chr(int(e[1], 16)) if e[1] else _SIGNS.get(e[2], e[2]), text)
        return well_formed(plain)
    raise FhirPathFailure("escapes are html and json")


def well_formed(text: str) -> str:
    """Join surrogate pairs; a lone surrogate becomes the replacement character."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def unquote(literal: str) -> str:
    """Read a string literal, or a name in back quotes, with its escapes."""
    text, parts, at = literal[1:-1], [], 0
    while (found := text.find("\\", at)) >= 0:
        parts.append(text[at:found])
        sign = text[found + 1]
        at = found + 2
        if sign == "u":
            parts.append(chr(int(text[at : at + 4], 16)))
            at += 4
        else:
            parts.append(_SIGNS.get(sign, sign) if sign != "b" else sign)
    return well_formed("".join([*parts, text[at:]]))


TEXT_FUNCTIONS: dict[tuple[str, int], Callable[..., Node]] = {
    ("lower", 0): _string(str.lower),
    ("upper", 0): _string(str.upper),
    ("trim", 0): _string(str.strip),
    ("length", 0): _string(len),
    ("toChars", 0): _strings(lambda text: [*text]),
    ("startsWith", 1): _string(str.startswith),
    ("endsWith", 1): _string(str.endswith),
    ("contains", 1): _string(str.__contains__),
    ("indexOf", 1): _string(str.find),
    ("lastIndexOf", 1): _string(str.rfind),
    ("split", 1): _strings(_split),
    ("encode", 1): _string(_encode),
    ("decode", 1): _string(_decode),
    ("escape", 1): _string(_escape),
    ("unescape", 1): _string(_unescape),
    ("replace", 2): _replace,
    ("substring", 1): _substring,
    ("substring", 2): _substring,
    ("join", 0): _join,
    ("join", 1): _join,
}
