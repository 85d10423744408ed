"""Runs the benches, one after the other, and prints what they gave."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import traceback
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from hub.cli.bench.child import helper
from hub.cli.bench.comparison import Earlier, compared, read_earlier
from hub.cli.bench.deadline import Deadline
from hub.cli.bench.e2e import e2e
from hub.cli.bench.failure import Wrong
from hub.cli.bench.fanout import fanout
from hub.cli.bench.figure import Figure, Record
from hub.cli.bench.growth import Series, series_of, short, table
from hub.cli.bench.growth_plot import plot
from hub.cli.bench.hub_process import allow_many_files
from hub.cli.bench.ingest import ingest
from hub.cli.bench.match import match
from hub.cli.bench.measure import GROWTH, STALL
from hub.cli.bench.memory import memory
from hub.cli.bench.restart import restart
from hub.cli.bench.scale import SCALES, Scale
from hub.cli.bench.search import search
from hub.cli.bench.setting import Setting
from hub.cli.bench.startup import startup
from hub.cli.bench.websocket import websocket
from hub.cli.exits import CommandError, Exit
from hub.cli.running import run_async

BENCHES: dict[str, Callable[[Setting], Awaitable[None]]] = {
    "startup": startup,
    "match": match,
    "ingest": ingest,
    "e2e": e2e,
    "fanout": fanout,
    "websocket": websocket,
    "search": search,
    "restart": restart,
    "memory": memory,
}
OF_GROWTH = tuple(dict.fromkeys(name.partition(".")[0] for name in GROWTH))


def run_benches(arguments: argparse.Namespace) -> int:
    """Run what was asked for; return 1 if a bench found its own numbers wrong.

    Raises:
        CommandError: this machine can't tell what processes use, or a file can't be used.
    """
    if not Path("/proc/self/stat").exists():
        raise CommandError(Exit.USAGE, "bench needs /proc, so it runs on Linux only")
    earlier = read_earlier(Path(arguments.compare)) if arguments.compare else {}
    # A file that can't be written is told now, not after all has been measured.
    _draw(arguments.plot, ())
    scale = SCALES[arguments.scale]
    if arguments.runs:
        most = min(arguments.runs, scale.memory_runs)
        scale = replace(scale, runs=arguments.runs, memory_runs=most)
    names = chosen(arguments.names)
    allow_many_files()
    return run_async(_run_all(names, scale, earlier, arguments))


def chosen(names: Sequence[str]) -> list[str]:
    """Return the benches to run: all where none is named; ``growth`` stands for several."""
    found: dict[str, None] = {}
    for name in names or BENCHES:
        found |= dict.fromkeys(OF_GROWTH if name == "growth" else (name,))
    return list(found)


def _serve_options(arguments: argparse.Namespace) -> tuple[str, ...]:
    """Return what each hub is started with, beside what its bench needs."""
    return ("--processes", arguments.processes) if arguments.processes else ()


async def _run_all(
    names: Sequence[str],
    scale: Scale,
    earlier: Mapping[str, Earlier],
    arguments: argparse.Namespace,
) -> int:
    is_json = arguments.format == "json"
    options = _serve_options(arguments)
    figures: list[Figure] = []
    code = Exit.OK
    ending = Deadline(scale.minutes_of_all * 60)
    if not is_json:
        print(_HEAD)
    for name in names:
        try:
            found = await _figures(name, scale, ending, options)
        except (Wrong, OSError) as error:
            print(f"fhir-hub: bench {name} failed: {error}", file=sys.stderr)
            code = Exit.FAILED
        except Exception:
            traceback.print_exc()
            print(f"fhir-hub: bench {name} failed", file=sys.stderr)
            code = Exit.FAILED
        else:
            figures += found
            for figure in found:
                line = figure.json() if is_json else _line(figure, earlier.get(figure.name))
                print(line, flush=True)
    _tell_growth(figures, arguments.plot, is_json=is_json)
    return code


async def _figures(
    name: str, scale: Scale, ending: Deadline, options: tuple[str, ...]
) -> list[Figure]:
    """Run one bench within its time, and before ``ending``.

    Raises:
        Wrong: its numbers do not agree, or it took too long.
    """
    record = Record()
    deadline = Deadline(min(scale.minutes * 60, ending.left))
    with tempfile.TemporaryDirectory(prefix="fhir-hub-bench-") as folder:
        setting = Setting(
            name=name,
            scale=scale,
            folder=Path(folder),
            deadline=deadline,
            record=record,
            options=options,
        )
        async with helper("stall") as stalls:
            try:
                async with asyncio.timeout(deadline.left):
                    await BENCHES[name](setting)
            except TimeoutError:
                raise Wrong("it did not end in time") from None
            record.add(f"{name}.{STALL}", await stalls.ask("longest"))
    return record.figures()


_HEAD = (
    f"{'name':<24} {'median':>9} {'unit':<7} {'low - high, runs':<24} "
    f"{'target':>8}   {'ceiling':>8} {'ratio':>6}  about"
)


def _line(figure: Figure, earlier: Earlier | None) -> str:
    spread = f"{short(figure.low)} - {short(figure.high)}, {figure.runs}"
    target = "" if figure.target is None else short(figure.target.value)
    mark = {None: " ", True: "✓", False: "✗"}[figure.reached]
    ceiling = "" if figure.ceiling is None else short(figure.ceiling)
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
    line = (
        f"{figure.name:<24} {short(figure.value):>9} {figure.measure.unit:<7} {spread:<24} "
        f"{target:>8} {mark} {ceiling:>8} {ratio:>6}  {figure.measure.about}"
    )
    words = compared(figure, earlier)
    return f"{line}  [{words}]" if words else line


def _tell_growth(figures: Iterable[Figure], path: str | None, *, is_json: bool) -> None:
    """Print the table of growth, and draw its plot if that was asked for."""
    series = series_of(figures)
    if series and not is_json:
        print(f"\n{table(series)}")
    _draw(path, series)


def _draw(path: str | None, series: Sequence[Series]) -> None:
    """Draw the plot of growth.

    Raises:
        CommandError: the file can't be written.
    """
    if path is None:
        return
    try:
        Path(path).write_text(plot(series), encoding="utf-8")
    except OSError as error:
        raise CommandError(Exit.USAGE, f"--plot {path}: {error.strerror}") from None
