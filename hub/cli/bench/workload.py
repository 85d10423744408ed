"""What a regional hub is sent: which types, how large, how often changed, for whom.

The shape is that of ``workload.json`` in the reference data where that is there, else the same
numbers from here.
"""

from __future__ import annotations

import os
import random  # noqa: TID251  # a load is drawn from a seed
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import orjson

_FILE = "workload.json"
_NEAR = Path(__file__).parents[4] / "shared"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """Shares of 100 in ``types``, ``interactions`` and ``updates``; sizes in bytes.

    ``large`` is between which sizes 5 in 100 resources are, ``huge`` the size of one in 1,000;
    ``transaction`` is how many entries the smallest and the largest transaction have.
    """

    types: dict[str, int]
    interactions: dict[str, int]
    updates: dict[str, int]
    sizes: dict[str, int]
    large: tuple[int, int]
    huge: int

    @property
    def of_changes(self) -> Workload:
        """The same without writes that change nothing, and without deletions."""
        return replace(
            self,
            interactions=self.interactions | {"delete": 0},
            updates=self.updates | {"noop": 0},
        )

    def size(self, resource_type: str, luck: random.Random) -> int:
        """Draw how large a resource is."""
        drawn = luck.random()
        if drawn < 0.001:
            return self.huge
        if drawn < 0.051:
            return luck.randint(*self.large)
        return self.sizes[resource_type]


USUAL = Workload(
    types={
        "Task": 32,
        "MedicationRequest": 30,
        "MedicationDispense": 15,
        "Encounter": 9,
        "ServiceRequest": 6,
        "DiagnosticReport": 4,
        "Specimen": 1,
        "Appointment": 1,
        "DocumentReference": 1,
        "Communication": 1,
    },
    interactions={"create": 50, "update": 49, "delete": 1},
    updates={"noop": 30, "status": 60, "content": 10},
    sizes={
        "Task": 1800,
        "ServiceRequest": 1700,
        "MedicationRequest": 1200,
        "MedicationDispense": 900,
        "DiagnosticReport": 6000,
        "Encounter": 600,
        "Specimen": 700,
        "Appointment": 600,
        "DocumentReference": 1200,
        "Communication": 800,
    },
    large=(20_000, 60_000),
    huge=1_000_000,
)


def read_workload() -> Workload:
    """Return the workload of the reference data, ``USUAL`` where there is none.

    ``HUB_REFERENCE_DATA`` names the folder; otherwise it is looked for beside the source tree.
    """
    folder = Path(os.environ.get("HUB_REFERENCE_DATA") or _NEAR)
    try:
        found = orjson.loads((folder / _FILE).read_bytes())
    except FileNotFoundError:
        return USUAL
    return parse_workload(found)


def parse_workload(found: dict[str, Any]) -> Workload:
    """Return what ``workload.json`` says."""
    sizes = dict(found["bytes"])
    low, high = sizes.pop("tail_5pct")
    return Workload(
        huge=sizes.pop("tail_0.1pct"),
        large=(low, high),
        sizes=sizes,
        types=found["resource_share"],
        interactions=found["interaction_share"],
        updates=found["update_share"],
    )


def _place(bounds: Sequence[float], luck: random.Random) -> int:
    """Draw one of as many as there are ``bounds``, which are sums of weights."""
    return bisect_right(bounds, luck.random() * bounds[-1], 0, len(bounds) - 1)


class Shares:
    """Draws names by their shares."""

    def __init__(self, shares: dict[str, int]) -> None:
        self._names = list(shares)
        self._bounds = list(accumulate(shares.values()))

    def draw(self, luck: random.Random) -> str:
        """Return one of the names."""
        return self._names[_place(self._bounds, luck)]


class Zipf:
    """Draws from 0 up to ``count``, the k-th with a weight of 1 / (k + 1)."""

    def __init__(self, count: int) -> None:
        self._bounds = list(accumulate(1 / (rank + 1) for rank in range(count)))

    def draw(self, luck: random.Random) -> int:
        """Return one of the numbers."""
        return _place(self._bounds, luck)
