"""Running a command that waits: SIGTERM ends it as ^C does, with everything tidied up."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine
from typing import Any

from hub.cli.exits import Exit


def run_async(
    command: Coroutine[Any, Any, int],
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> int:
    """Run ``command`` and return its exit code, ``Exit.INTERRUPTED`` if a signal ended it."""
    try:
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return runner.run(_with_sigterm(command))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return Exit.INTERRUPTED


async def _with_sigterm(command: Coroutine[Any, Any, int]) -> int:
    task = asyncio.current_task()
    if task is not None:
        with contextlib.suppress(NotImplementedError):  # Windows has no such handlers
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await command
