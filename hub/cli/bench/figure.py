"""Figures: the median of several runs with its spread, beside target and ceiling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from statistics import median
from typing import Any

import orjson

from hub.cli.bench.failure import Wrong
from hub.cli.bench.measure import MEASURES, PROCESS, STALL, Measure, Target


def percentile(values: Sequence[float], part: float) -> float:
    """Return the smallest value that at least ``part`` (0 to 1) of all do not exceed.

    Raises:
        Wrong: there are none.
    """
    if not values:
        raise Wrong("nothing was measured")
    ranked = sorted(values)
    return ranked[max(0, ceil(part * len(ranked)) - 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What came of one measure, of one size where it has sizes (else 0).

    ``low`` and ``high`` are the extremes of ``runs`` runs; ``ceiling`` is None where there is
    none.
    """

    measure: Measure
    size: int
    value: float
    low: float
    high: float
    runs: int
    ceiling: float | None

    @property
    def name(self) -> str:
        """``match.change``, with its size ``match.change@10000``."""
        return f"{self.measure.name}@{self.size}" if self.size else self.measure.name

    @property
    def target(self) -> Target | None:
        """What is to be reached."""
        return self.measure.targets.get(self.size)

    @property
    def ratio(self) -> float | None:
        """How much of what the machine could do was done: 1 is all of it."""
        if not self.ceiling or not self.value:
            return None
        return self.value / self.ceiling if self.measure.more else self.ceiling / self.value

    @property
    def reached(self) -> bool | None:
        """Whether the target was reached, None where there is none."""
        if self.target is None:
            return None
        if self.measure.more:
            return self.value >= self.target.value
        return self.value <= self.target.value

    def line(self) -> dict[str, Any]:
        """Return what ``--format json`` writes."""
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.measure.unit,
            "target": None if self.target is None else self.target.value,
            "ceiling": self.ceiling,
            "ratio": self.ratio,
            "runs": self.runs,
            "low": self.low,
            "high": self.high,
            "stretch": None if self.target is None else self.target.stretch,
        }

    def json(self) -> str:
        """Return ``line`` as JSON."""
        return orjson.dumps(self.line()).decode()


@dataclass(slots=True)
class Record:
    """What the runs of a bench gave, by (measure, size)."""

    values: dict[tuple[str, int], list[float]] = field(default_factory=dict)
    ceilings: dict[tuple[str, int], list[float]] = field(default_factory=dict)

    def add(self, name: str, value: float, *, ceiling: float | None = None, size: int = 0) -> None:
        """Note what one run gave; ``ceiling`` is what the machine did alone in that run.

        Raises:
            KeyError: there is no measure of this name.
        """
        key = (MEASURES[name].name, size)
        self.values.setdefault(key, []).append(value)
        if ceiling is not None:
            self.ceilings.setdefault(key, []).append(ceiling)

    def figures(self) -> list[Figure]:
        """Return the median of each, what every bench has besides at the end."""
        found = [
            Figure(
                measure=MEASURES[name],
                size=size,
                value=median(values),
                low=min(values),
                high=max(values),
                runs=len(values),
                ceiling=median(ceilings) if (ceilings := self.ceilings.get((name, size))) else None,
            )
            for (name, size), values in self.values.items()
        ]
        return sorted(found, key=lambda each: each.measure.name.endswith((PROCESS, STALL)))
