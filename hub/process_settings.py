"""How many processes share a hub's work, as an administrator sets it.

Readers raise ``ValueError`` with one line for people.
"""

from __future__ import annotations

import os
from math import inf
from pathlib import Path
from typing import Any

MOST_PROCESSES = 3
"""One has the database, one takes requests in, one posts notifications."""


def read_processes(text: str) -> int:
    """Read how many processes there are to be."""
    if text.strip() not in map(str, range(1, MOST_PROCESSES + 1)):
        raise ValueError(f"{text!r} is no number of processes; write 1, 2 or 3")
    return int(text)


def usual_processes(cores: float) -> int:
    """Return how many processes there are if nobody says: all where they run side by side."""
    return MOST_PROCESSES if cores >= 2 else 1


def usable_cores() -> float:
    """Return how many cores this process may use, as its affinity and its container allow."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(there or 1, allowed_cores(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")))


def allowed_cores(of_process: Path, groups: Path) -> float:
    """Return how many cores the control group of a process may use at the same time.

    Args:
        of_process: names the group, as ``/proc/self/cgroup`` does.
        groups: where control groups are.

    Source: https://docs.kernel.org/admin-guide/cgroup-v2.html, ``cpu.max``.
    """
    try:
        name = next(
            line.removeprefix("0::").strip("/")
            for line in of_process.read_text().splitlines()
            if line.startswith("0::")
        )
        quota, period = (groups / name / "cpu.max").read_text().split()
        return inf if quota == "max" else int(quota) / int(period)
    except (OSError, StopIteration, ValueError):
        return inf


PROCESS_OPTIONS: tuple[dict[str, Any], ...] = (
    {
        "name": "processes",
        "flag": "--processes",
        "metavar": "1|2|3",
        "read": read_processes,
        "help": "processes that share the work: 2, requests are taken in apart; 3, notifications "
        "are posted apart, too (3; 1 with less than two cores)",
    },
)
