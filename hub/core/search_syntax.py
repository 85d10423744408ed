"""How the value of a search condition is written: alternatives, escapes, one spelling per meaning.

Source: http://hl7.org/fhir/R5/search.html#escaping.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote

_ESCAPED = re.compile(r"\\([,|$\\])")
_PLAIN = re.compile(r"[A-Za-z0-9_.~/:|*-]*")
"""What quoting leaves as it is."""


class Refused(Exception):
    """A value is none of the parameter's type; the text says what is allowed."""


class NotOffered(Refused):
    """It is not the form of the value: a modifier, or what it names, is not offered."""


@lru_cache(maxsize=256)
def split_alternatives(value: str) -> tuple[str, ...]:
    """Return what stands between the commas of ``value``, still escaped."""
    return tuple(split(value, ","))


def split(value: str, separator: str) -> list[str]:
    """Return what stands between separators that are not escaped, still escaped."""
    if "\\" not in value:
        return value.split(separator)
    parts, part, escaped = [], "", False
    for char in value:
        if char == separator and not escaped:
            parts.append(part)
            part = ""
        else:
            part += char
        escaped = char == "\\" and not escaped
    parts.append(part)
    return parts


def unescape(text: str) -> str:
    """Return ``text`` without the backslashes before commas, bars, dollars and backslashes."""
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def joined(values: Iterable[str]) -> str:
    """Return one spelling of a set of values."""
    return ",".join(sorted(map(_quoted, values)))


def _quoted(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else quote(value, safe="/:|*.")
