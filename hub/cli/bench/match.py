"""What one change costs to be matched, with few and with very many filters.

The ceiling is three look-ups in dictionaries.
"""

from __future__ import annotations

from hub.cli.bench.child import helper
from hub.cli.bench.setting import Setting

_HUNDREDTH = 100


async def match(at: Setting) -> None:
    """Measure ``match.*``; filters are loaded once, and each size measured several times."""
    add, sizes = at.record.add, at.scale.filters
    found: dict[int, list[float]] = {}
    async with helper("matcher") as matcher:
        for _ in range(at.scale.runs):
            value, bare = await matcher.ask("every_topic")
            add("match.topics", value, ceiling=bare)
        for size in sizes:
            at.deadline.check()
            await matcher.ask("grow", filters=size)
            found[size] = []
            for _ in range(at.scale.runs):
                value, bare = await matcher.ask("measure")
                add("match.change", value, ceiling=bare, size=size)
                found[size].append(value)
    small = found.get(sizes[-1] // _HUNDREDTH, found[sizes[0]])
    for least, most in zip(small, found[sizes[-1]], strict=True):
        add("match.growth", most / least, ceiling=1.0)
