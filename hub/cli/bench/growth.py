"""How cost grows with size: a table in Markdown, and a plot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hub.cli.bench.figure import Figure
from hub.cli.bench.measure import GROWTH, Measure


@dataclass(frozen=True, slots=True)
class Series:
    """One measure at several sizes: (size, value), smallest first."""

    measure: Measure
    points: tuple[tuple[int, float], ...]

    @property
    def relative(self) -> tuple[tuple[int, float], ...]:
        """The points with values to that of the smallest size."""
        first = self.points[0][1]
        return tuple((size, value / first) for size, value in self.points if first)


def series_of(figures: Iterable[Figure]) -> list[Series]:
    """Return what figures tell of growth, each measure that has two sizes or more."""
    found: dict[str, list[Figure]] = {name: [] for name in GROWTH}
    for figure in figures:
        if figure.measure.name in found and figure.size:
            found[figure.measure.name].append(figure)
    return [
        Series(each[0].measure, tuple(sorted((figure.size, figure.value) for figure in each)))
        for each in found.values()
        if len(each) > 1
    ]


def table(series: Iterable[Series]) -> str:
    """Return a table: each size of each measure, and how often the cost of the smallest it is."""
    lines = ["| what | of | size | value | to the smallest |", "|---|---|--:|--:|--:|"]
    for each in series:
        for (size, value), (_, times) in zip(each.points, each.relative, strict=True):
            measure = each.measure
            lines.append(
                f"| `{measure.name}`: {measure.about} | {measure.sized} | {size:,} "
                f"| {short(value)} {measure.unit} | {short(times)} |"
            )
    return "\n".join(lines)


def short(value: float) -> str:
    """Return a number with three digits or all before the point; what is next to nothing is 0."""
    if abs(value) < 0.0005:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
