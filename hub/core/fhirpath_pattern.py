"""Regular expressions of FHIRPath: matched by RE2, in time that grows with the text only.

RE2 has no look-around and no back references; a pattern with them is refused when it is loaded, and
so is one that needs more than a megabyte.  ``.`` matches line ends too.
Source: http://hl7.org/fhirpath/N1/ ("matches", "replaceMatches"); https://github.com/google/re2.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import re2

from hub.core.fhirpath_run import Node, Run, string
from hub.core.fhirpath_value import Collection

_MEMORY = 1 << 20
_PRICE = 10
_STEPS = 150
"""How many steps of the matcher cost as much as one touched value; at worst it takes one for every
character and instruction of the pattern."""

_GROUP = re.compile(r"\$(?:(\d)|\{(\w{1,30})\})")


class BadPattern(Exception):
    """A regular expression that RE2 does not take; the text says why."""


def compile_pattern(pattern: str) -> Any:
    """Compile a regular expression.

    Raises:
        BadPattern: it is none, needs too much memory or has what RE2 doesn't offer.
    """
    options = re2.Options()
    options.dot_nl, options.log_errors, options.max_mem = True, False, _MEMORY
    try:
        return re2.compile(pattern, options=options)
    except re2.error as error:
        (reason,) = error.args
        raise BadPattern(reason.decode() if isinstance(reason, bytes) else str(reason)) from None


def matches(owner: Node, pattern: Any, *, fully: bool) -> Node:
    """Return whether the pattern is found in the text, or is all of it."""
    test: Callable[[str], object] = pattern.fullmatch if fully else pattern.search

    def answer(run: Run, this: Collection) -> Collection:
        text = string(owner(run, this))
        if text is None:
            return []
        run.pay(_price(pattern, len(text)))
        return [test(text) is not None]

    return answer


def replace_matches(owner: Node, pattern: Any, substitution: Node) -> Node:
    """Return the text with each match replaced; ``$1`` and ``${name}`` stand for groups.

    A match of nothing is left alone.
    """

    def answer(run: Run, this: Collection) -> Collection:
        text, by = string(owner(run, this)), string(substitution(run, this))
        if text is None or by is None:
            return []
        parts, end = [], 0
        run.pay(len(text) + _price(pattern, len(text)))
        for found in pattern.finditer(text):
            if found.end() > found.start():
                replacement = _GROUP.sub(partial(_group, found), by)
                run.pay(len(replacement) + _price(pattern, len(text) - found.end()))
                parts += [text[end : found.start()], replacement]
                end = found.end()
        return ["".join([*parts, text[end:]])]

    return answer


def _price(pattern: Any, length: int) -> int:
    steps: int = length * pattern.programsize // _STEPS
    return _PRICE + steps


def _group(found: Any, named: re.Match[str]) -> str:
    name = named[1] or named[2]
    try:
        return found[int(name) if name.isdigit() else name] or ""
    except IndexError:
        return ""
