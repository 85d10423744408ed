"""How many processes share a hub's work, as an administrator sets it.

Readers raise ``ValueError`` with one line for people.
"""

from __future__ import annotations

import os
from typing import Any

MOST_PROCESSES = 3
"""One has the database, one takes requests in, one posts notifications."""


def read_processes(text: str) -> int:
    """Read how many processes there are to be."""
    if text.strip() not in map(str, range(1, MOST_PROCESSES + 1)):
        raise ValueError(f"{text!r} is no number of processes; write 1, 2 or 3")
    return int(text)


def usual_processes(cores: int) -> int:
    """Return how many processes there are if nobody says: all where they run side by side."""
    return MOST_PROCESSES if cores > 1 else 1


def usable_cores() -> int:
    """Return on how many cores this process may run."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


PROCESS_OPTIONS: tuple[dict[str, Any], ...] = (
    {
        "name": "processes",
        "flag": "--processes",
        "metavar": "1|2|3",
        "read": read_processes,
        "help": "processes that share the work: 2, requests are taken in apart; 3, notifications "
        "are posted apart, too (3; 1 on a single core)",
    },
)
