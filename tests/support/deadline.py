"""How long a test waits for what must happen.

A busy machine, or a virtual one that is paused for a snapshot, may stand still for many seconds;
what has not happened a minute later will not happen.
"""

from __future__ import annotations

from typing import Final

DEADLINE: Final = 60.0
"""Seconds after which a test that waits has failed."""
