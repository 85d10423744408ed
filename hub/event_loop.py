"""The event loop on which the processes of a hub run, and how they collect garbage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

COLLECT: Final = (500_000, 5, 5)
"""How many more objects than before a serving process has when the collector looks at them.

What requests and notifications make is freed without it, and what is remembered of them is about
200,000 objects: looking at those again and again held up everything for a tenth of a second.  So it
looks only where cycles pile up, which neither changes nor failed deliveries leave.
"""


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return the fast event loop where it exists."""
    try:
        import uvloop  # noqa: PLC0415  # not made for every platform
    except ImportError:
        return None
    return uvloop.new_event_loop
