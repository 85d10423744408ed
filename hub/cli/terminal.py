"""How lines look on a terminal: colours where wanted, columns, arrows.

Colour only ever adds to what words and signs already say.
Source: https://no-color.org, https://bixense.com/clicolors/.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TextIO

_STYLES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}


def wants_colour(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Tell whether ``stream`` should be coloured: a capable terminal, and nobody said no."""
    if environ.get("NO_COLOR"):
        return False
    if environ.get("CLICOLOR_FORCE", "0") != "0":
        return True
    return stream.isatty() and environ.get("TERM") != "dumb" and environ.get("CLICOLOR", "1") != "0"


def printable(text: str) -> str:
    """Return ``text`` on one line and without control characters, which could move the cursor."""
    return "".join(
        sign if sign.isprintable() else " " if sign in "\r\n\t" else "\N{REPLACEMENT CHARACTER}"
        for sign in text
    )


@dataclass(frozen=True, slots=True)
class Terminal:
    """Writes lines to ``out`` (data) and ``talk`` (everything else)."""

    out: TextIO
    talk_stream: TextIO
    colour: bool = False
    talk_colour: bool = False

    @classmethod
    def standard(cls, environ: Mapping[str, str], *, plain: bool = False) -> Terminal:
        """Return a terminal on this process's stdout and stderr, uncoloured where ``plain``."""
        return cls(
            sys.stdout,
            sys.stderr,
            colour=not plain and wants_colour(sys.stdout, environ),
            talk_colour=not plain and wants_colour(sys.stderr, environ),
        )

    def paint(self, text: str, *styles: str) -> str:
        """Return ``text`` for stdout in ``styles`` (``bold``, ``dim`` or a colour)."""
        return _paint(text, styles) if self.colour else text

    def line(self, text: str = "") -> None:
        """Write one line of data, at once."""
        print(text, file=self.out, flush=True)

    def talk(self, text: str, *styles: str) -> None:
        """Write one line that is not data."""
        shown = _paint(text, styles) if self.talk_colour else text
        print(shown, file=self.talk_stream, flush=True)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write rows in columns under a head; the last column is as wide as it likes."""
        rows = [[printable(cell) for cell in row] for row in rows]
        widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head) - 1)]
        for row in (head, *rows):
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
            text = "  ".join([*cells, row[-1]]).rstrip()
            self.line(self.paint(text, "dim") if row is head else text)


def _paint(text: str, styles: Sequence[str]) -> str:
    codes = ";".join(_STYLES[style] for style in styles)
    return f"\N{ESCAPE}[{codes}m{text}\N{ESCAPE}[0m" if codes and text else text


def clock_time(instant: datetime) -> str:
    """Return the local time of day with milliseconds, ``12:01:02.123``."""
    return instant.astimezone().strftime("%H:%M:%S.%f")[:-3]


def milliseconds(value: float) -> str:
    """Return a duration as people read it: ``0.4 ms``, ``12 ms``, ``3.1 s``."""
    if value >= 10_000:
        return f"{value / 1000:.0f} s"
    if value >= 1000:
        return f"{value / 1000:.1f} s"
    return f"{value:.0f} ms" if value >= 10 else f"{max(value, 0):.1f} ms"
