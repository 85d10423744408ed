"""Figures of an earlier run, as ``--format json`` wrote them, to compare with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from hub.cli.bench.figure import Figure
from hub.cli.exits import CommandError, Exit


@dataclass(frozen=True, slots=True)
class Earlier:
    """A figure of an earlier run, with its extremes."""

    value: float
    low: float
    high: float


def read_earlier(path: Path) -> Mapping[str, Earlier]:
    """Return the figures in a file by name.

    Raises:
        CommandError: it can't be read, or is something else.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise CommandError(Exit.USAGE, f"--compare {path}: {error.strerror}") from None
    found = {}
    for number, line in enumerate(lines, 1):
        try:
            told = orjson.loads(line)
            value = float(told["value"])
            found[str(told["name"])] = Earlier(
                value, float(told.get("low", value)), float(told.get("high", value))
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise CommandError(
                Exit.USAGE, f"--compare {path}: line {number} is no figure of --format json"
            ) from None
    return found


def compared(figure: Figure, earlier: Earlier | None) -> str:
    """Return in words how a figure stands to the earlier one, "" where there is none.

    Where the runs of both overlap, nothing is said to have changed.
    """
    if earlier is None or not earlier.value:
        return ""
    change = f"{(figure.value / earlier.value - 1) * 100:+.0f} %"
    if figure.low <= earlier.high and earlier.low <= figure.high:
        return f"{change}, within the spread"
    better = (figure.value > earlier.value) is figure.measure.more
    return f"{change}, {'better' if better else 'worse'}"
