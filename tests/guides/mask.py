"""What differs each time a guide is run: times, durations and ids that the hub gave."""

from __future__ import annotations

import re
from typing import Any, Final

_CHANGING: Final = (
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?"), "<instant>"),
    (re.compile(r"\b\d\d:\d\d:\d\d\.\d{3}\b"), "<time>"),
    (re.compile(r"(?<![\w.])\d+(\.\d+)? m?s\b"), "<duration>"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<id>"),
    (re.compile(r"\b[0-9a-f]{8}…"), "<id>"),
    (re.compile(r"[ \t]+"), " "),
)


def masked(text: str) -> str:
    """Return a text in which only what is the same each time is left."""
    for pattern, name in _CHANGING:
        text = pattern.sub(name, text)
    return text.strip()


def masked_lines(text: str) -> list[str]:
    """Return the lines of a text that say something, masked."""
    return [masked(line) for line in text.splitlines() if line.strip()]


def masked_json(value: Any) -> Any:
    """Return JSON with its texts masked."""
    match value:
        case str():
            return masked(value)
        case list():
            return [masked_json(each) for each in value]
        case dict():
            return {name: masked_json(each) for name, each in value.items()}
    return value
