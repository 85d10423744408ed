"""The event loop on which the processes of a hub run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return the fast event loop where it exists."""
    try:
        import uvloop  # noqa: PLC0415  # not made for every platform
    except ImportError:
        return None
    return uvloop.new_event_loop
