"""The types of what people type after a flag, with the words of argparse's complaint."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import timedelta

from hub.settings import SettingsError, parse_duration


def _checked(name: str) -> Callable[[Callable[[str], object]], Callable[[str], object]]:
    """Give a reader the name by which argparse words its complaint."""

    def mark(read: Callable[[str], object]) -> Callable[[str], object]:
        read.__name__ = name
        return read

    return mark


@_checked("time such as 30s")
def duration(text: str) -> timedelta:
    """Read a time such as ``30s``."""
    try:
        return parse_duration(text)
    except SettingsError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


@_checked("number of 1 or more")
def positive(text: str) -> int:
    """Read a whole number, 1 or more."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


@_checked("rate above 0")
def rate(text: str) -> float:
    """Read how many there are to be a second: a number above 0."""
    number = float(text)
    if not 0 < number < 1e9:
        raise ValueError
    return number


@_checked("port")
def port(text: str) -> int:
    """Read a port."""
    number = int(text)
    if not 1 <= number <= 65535:
        raise ValueError
    return number


@_checked("port")
def port_or_any(text: str) -> int:
    """Read a port; 0 is any free one."""
    return 0 if text == "0" else int(str(port(text)))


@_checked("part between 0 and 1")
def fraction(text: str) -> float:
    """Read a part, above 0 and at most 1."""
    part = float(text)
    if not 0 < part <= 1:
        raise ValueError
    return part


@_checked("list of numbers such as 3,5")
def numbers(text: str) -> frozenset[int]:
    """Read event numbers such as ``3,5``."""
    return frozenset(int(part) for part in text.split(","))


@_checked("range such as 3..7")
def number_range(text: str) -> tuple[int, int | None]:
    """Read a range of event numbers such as ``3..7``, ``3..`` or ``3``."""
    low, dots, high = text.partition("..")
    first = int(low) if low else 1
    last = (int(high) if high else None) if dots else first
    if first < 1 or (last is not None and last < first):
        raise ValueError
    return first, last
