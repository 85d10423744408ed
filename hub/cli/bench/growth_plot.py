"""The plot of growth, drawn by hand as SVG: both axes in powers of ten."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import ceil, floor, log10

from hub.cli.bench.growth import Series

_WIDTH, _HEIGHT = 760, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 230, 40, 50
_COLOURS = ("#0b62a3", "#b3541e", "#2b7a3d", "#7a3fa0", "#a3123f")
_TEXT = 'font-family="sans-serif" font-size="12" fill="#333"'


class _Axis:
    """Whole powers of ten around values, on a stretch of the drawing."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        self.low = floor(min(map(log10, values)))
        self.high = max(ceil(max(map(log10, values))), self.low + 1)
        self._start = start
        self._step = (end - start) / (self.high - self.low)

    def place(self, value: float) -> float:
        return round(self._start + (log10(value) - self.low) * self._step, 1)

    @property
    def ticks(self) -> range:
        return range(self.low, self.high + 1)


def plot(series: Sequence[Series]) -> str:
    """Return the drawing of how each measure's cost grows, as a whole SVG document.

    A line that stays level costs the same at every size; one that is parallel to the dotted
    diagonal costs as many times more as there is more.
    """
    lines = [each for each in series if len(each.relative) > 1]
    points = [point for each in lines for point in each.relative if point[1] > 0]
    if not points:
        points = [(1, 1.0)]
    across = _Axis([size for size, _ in points], _LEFT, _WIDTH - _RIGHT)
    up = _Axis([value for _, value in points], _HEIGHT - _BOTTOM, _TOP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        f'width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label="How cost grows with size">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>',
        _label(_LEFT, 22, "cost, as a multiple of that at the smallest size"),
        _label(_LEFT, _HEIGHT - 12, "size: Subscriptions or Tasks"),
    ]
    for tick in across.ticks:
        x = across.place(10**tick)
        parts += [
            _rule(x, _TOP, x, _HEIGHT - _BOTTOM),
            _label(x - 12, _HEIGHT - 32, f"{10**tick:,}"),
        ]
    for tick in up.ticks:
        y = up.place(10**tick)
        parts += [_rule(_LEFT, y, _WIDTH - _RIGHT, y), _label(8, y + 4, f"{10.0**tick:g}")]
    for index, each in enumerate(lines):
        parts += _line(each, _COLOURS[index % len(_COLOURS)], across, up, index)
    parts += _diagonal(across, up, len(lines))
    return "\n".join([*parts, "</svg>", ""])


def _line(series: Series, colour: str, across: _Axis, up: _Axis, index: int) -> list[str]:
    places = [(across.place(size), up.place(value)) for size, value in series.relative if value > 0]
    path = " ".join(f"{x},{y}" for x, y in places)
    dots = [f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in places]
    return [
        f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>',
        *dots,
        *_key(index, colour, f"{series.measure.name} by {series.measure.sized}"),
    ]


def _diagonal(across: _Axis, up: _Axis, index: int) -> list[str]:
    """Return the line of cost in proportion to size, from the lower left corner."""
    decades = min(across.high - across.low, up.high - up.low)
    x, y = across.place(10 ** (across.low + decades)), up.place(10.0 ** (up.low + decades))
    start = f'x1="{across.place(10**across.low)}" y1="{up.place(10.0**up.low)}"'
    return [
        f'<line {start} x2="{x}" y2="{y}" stroke="#999" stroke-dasharray="3 4"/>',
        *_key(index, "#999", "in proportion to size"),
    ]


def _key(index: int, colour: str, text: str) -> list[str]:
    x, y = _WIDTH - _RIGHT + 16, _TOP + 12 + index * 20
    return [
        f'<rect x="{x}" y="{y - 9}" width="10" height="10" fill="{colour}"/>',
        _label(x + 16, y, text),
    ]


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="#ddd"/>'


def _label(x: float, y: float, text: str) -> str:
    return f'<text x="{x}" y="{y}" {_TEXT}>{escape(text)}</text>'
