"""A hub on an empty database: how soon it answers, what it needs idle; and ``--help``.

The ceiling is Python that only imports what the hub stands on.
"""

from __future__ import annotations

import asyncio
import sys
import time

from hub.cli.bench.failure import check
from hub.cli.bench.setting import Setting

_LIBRARIES = "import jsonschema_rs, orjson, starlette, uvicorn, websockets"


async def startup(at: Setting) -> None:
    """Measure ``startup.*``."""
    add = at.record.add
    for _ in range(at.scale.runs):
        add("startup.help", await _seconds("-m", "hub", "--help"), ceiling=await _seconds("-c", ""))
        libraries = await library_seconds()
        async with at.hub(at.room("run")) as hub:
            add("startup.ready", hub.started, ceiling=libraries)
            add("startup.memory", hub.resident() / 1e6, ceiling=await _memory())


async def library_seconds() -> float:
    """Return how long Python takes to import what the hub stands on, and no more."""
    return await _seconds("-c", _LIBRARIES)


async def _seconds(*words: str) -> float:
    began = time.perf_counter()
    await _output(*words)
    return time.perf_counter() - began


async def _memory() -> float:
    words = f"{_LIBRARIES}; print(open('/proc/self/statm').read().split()[1])"
    pages = int(await _output("-c", words))
    page = int(await _output("-c", "import os; print(os.sysconf('SC_PAGE_SIZE'))"))
    return pages * page / 1e6


async def _output(*words: str) -> str:
    process = await asyncio.create_subprocess_exec(
        sys.executable, *words, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    check(process.returncode == 0, f"{' '.join(words)} ended with {process.returncode}")
    return out.decode()
