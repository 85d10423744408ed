"""Measures the live page in a real Chromium: from commit to row, and under load.

A row counts once the frame that shows it has ended; the instant of a change is the one the hub gave
it, just before its commit.  Browser, hub and writer share the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
from playwright.async_api import CDPSession

from tests.browser.chromium import LONGEST, MISSING, Chromium, find_chromium
from tests.browser.window import Window
from tests.support.builders import topic
from tests.support.processes import HubProcess, a_hub, pause, session

FHIR: Final = {"content-type": "application/fhir+json"}
TASK: Final = {"resourceType": "Task", "status": "requested", "intent": "order"}
PAGE: Final = f"/?topic={topic('any-change')}"
RARE: Final = 20
"""Changes a second that are written one by one."""

AT_ONCE: Final = 50
"""Changes of the load in one transaction."""

LIVE: Final = "#state .well"
"""Is on the page once it follows its Subscription."""

LOOK: Final = """() => {
  const seen = new Map();
  let frames = 0;
  let last = 0;
  const look = () => {
    frames += 1;
    for (const row of document.querySelectorAll("#events li[data-number]")) {
      const number = Number(row.dataset.number);
      last = Math.max(last, number);
      if (!seen.has(number)) {
        seen.set(number, Date.now() - Date.parse(row.querySelector("time").dateTime));
      }
    }
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  globalThis.shown = () => last;
  globalThis.looked = () => {
    const found = { frames, last, ages: [...seen.values()] };
    seen.clear();
    return found;
  };
}"""
"""Looks at the rows when a frame begins: they were shown by the one before."""


@dataclass(frozen=True, slots=True)
class Figure:
    """What came out; ``more`` tells whether more than the goal is better."""

    name: str
    about: str
    value: float
    unit: str
    goal: float | None = None
    more: bool = False

    @property
    def reached(self) -> bool | None:
        """Whether it is as good as it should be, None where nothing is said."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.more else self.value <= self.goal

    def line(self) -> str:
        """Return a line for people."""
        said = {True: "reached", False: "MISSED", None: ""}[self.reached]
        goal = "" if self.goal is None else f"goal {self.goal:g}, {said}"
        return f"{self.name:<16} {self.value:>10.4g} {self.unit:<4} {self.about:<52} {goal}"

    def json(self) -> str:
        """Return a line for programs."""
        keys = {"name": self.name, "value": self.value, "unit": self.unit, "target": self.goal}
        return json.dumps(keys)


def percentile(values: Sequence[float], part: float) -> float:
    """Return the smallest value that at least ``part`` (0 to 1) of all do not exceed."""
    return sorted(values)[max(0, math.ceil(part * len(values)) - 1)]


async def page(
    chromium: Chromium, folder: Path, *, changes: int, rate: int, seconds: int
) -> list[Figure]:
    """Measure the live page of a hub on an empty database in ``folder``.

    Args:
        chromium: the browser, on whose loop this runs.
        folder: is empty.
        changes: how many are written one by one, to see when each becomes a row.
        rate: changes a second of the load.
        seconds: how long the load lasts.
    """
    async with a_hub(folder) as hub, chromium.window(hub.url) as window, session() as http:
        await window.open(PAGE)
        await window.page.locator(LIVE).wait_for()
        await window.page.evaluate(LOOK)
        bench = _Bench(hub, window, http)
        return [*await bench.rows(changes), *await bench.load(rate, seconds)]


@dataclass(frozen=True, slots=True)
class _Bench:
    """A hub, the page in which its changes become rows, and a client that makes them."""

    hub: HubProcess
    window: Window
    http: aiohttp.ClientSession

    async def rows(self, changes: int) -> list[Figure]:
        """Write changes one by one, and measure how old each is when its row is there."""
        await self._write(changes, RARE, 1)
        ages = (await self._shown(changes))["ages"]
        if len(ages) < changes:
            raise SystemExit(f"{changes} changes, but only {len(ages)} rows")
        about = f"commit to row, {RARE} changes a second"
        return [
            Figure("page.row_p50", f"{about}, half of them", percentile(ages, 0.5), "ms"),
            Figure("page.row_p95", f"{about}, 95 % of them", percentile(ages, 0.95), "ms", 200),
        ]

    async def load(self, rate: int, seconds: int) -> list[Figure]:
        """Write many changes, and measure frames and memory each second."""
        devtools = await self.window.page.context.new_cdp_session(self.window.page)
        await devtools.send("Performance.enable")
        loop = asyncio.get_running_loop()
        first = seen = await self._looked()
        began = looked_at = loop.time()
        frames: list[float] = []
        heaps: list[float] = []
        writing = asyncio.create_task(self._write(rate * seconds, rate, AT_ONCE))
        while not writing.done():
            await asyncio.wait((writing,), timeout=1)
            before, before_at = seen, looked_at
            seen, looked_at = await self._looked(), loop.time()
            frames.append((seen["frames"] - before["frames"]) / (looked_at - before_at))
            heaps.append(await _heap(devtools))
        await writing
        took = loop.time() - began
        await self._shown(first["last"] + rate * seconds)
        late = loop.time() - began - took
        shown = (seen["last"] - first["last"]) / took
        return [
            Figure(
                "page.written", "changes a second", rate * seconds / took, "1/s", rate * 0.95, True
            ),
            Figure("page.shown", "of them rows by the end", shown, "1/s"),
            Figure("page.late", "from the last answer to the last row", late * 1000, "ms"),
            Figure(
                "page.frames", "frames a second, mean", sum(frames) / len(frames), "1/s", 30, True
            ),
            Figure(
                "page.frames_p5",
                "the same, worst 5 % of the seconds",
                percentile(frames, 0.05),
                "1/s",
            ),
            Figure("page.heap", "most that its scripts held", max(heaps), "MB", 150),
        ]

    async def _write(self, changes: int, rate: int, at_once: int) -> None:
        """Write changes, so many in one transaction, so many a second where the hub keeps up."""
        loop = asyncio.get_running_loop()
        entry = {"resource": TASK, "request": {"method": "POST", "url": "Task"}}
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry] * at_once}
        body = json.dumps(bundle).encode()
        began = loop.time()
        for done in range(0, changes, at_once):
            await pause(began + done / rate - loop.time())
            async with self.http.post(self.hub.base(), data=body, headers=FHIR) as answer:
                if answer.status != 200:
                    raise SystemExit(f"the hub answered {answer.status}: {await answer.text()}")

    async def _looked(self) -> dict[str, Any]:
        """Return the frames so far, the last number shown, and how old rows were that are new."""
        found: dict[str, Any] = await self.window.page.evaluate("looked()")
        return found

    async def _shown(self, number: int) -> dict[str, Any]:
        """Wait until this number is shown, and return what there was to see."""
        await self.window.until("(number) => shown() >= number", number)
        return await self._looked()


async def _heap(devtools: CDPSession) -> float:
    """Return what the scripts of the page hold, in megabytes."""
    metrics = (await devtools.send("Performance.getMetrics"))["metrics"]
    found: float = next(each["value"] for each in metrics if each["name"] == "JSHeapUsedSize")
    return found / 1e6


def main() -> int:
    """Measure and print; return 1 where a goal was missed."""
    parser = argparse.ArgumentParser(prog="scripts/bench page", description=__doc__)
    parser.add_argument("--changes", type=int, default=200, help="written one by one (200)")
    parser.add_argument(
        "--rate", type=int, default=1000, help="changes a second of the load (1000)"
    )
    parser.add_argument("--seconds", type=int, default=60, help="how long the load lasts (60)")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    arguments = parser.parse_args()
    path = find_chromium()
    if path is None:
        parser.error(MISSING)
    with Chromium(path) as chromium, tempfile.TemporaryDirectory() as folder:
        figures = chromium.run(
            page(
                chromium,
                Path(folder),
                changes=arguments.changes,
                rate=arguments.rate,
                seconds=arguments.seconds,
            ),
            within=LONGEST + arguments.changes / RARE + arguments.seconds,
        )
    for figure in figures:
        print(figure.json() if arguments.format == "json" else figure.line())
    return int(any(figure.reached is False for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
