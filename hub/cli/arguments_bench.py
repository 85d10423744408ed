"""Arguments of the command that measures."""

from __future__ import annotations

import argparse

from hub.cli.argument_type import positive
from hub.cli.help_text import BENCH
from hub.cli.parser import Commands, Parser, add_command, add_format

BENCH_NAMES = (
    "startup",
    "match",
    "ingest",
    "e2e",
    "fanout",
    "websocket",
    "search",
    "restart",
    "memory",
    "growth",
)


def add_bench(commands: Commands[Parser]) -> None:
    """Add ``fhir-hub bench``."""
    command = add_command(
        commands,
        "bench",
        "what this machine can carry, measured",
        "Run real hubs, a load generator and receivers on this machine, and measure.\n"
        "Each bench checks its own numbers: one that lost something has failed.",
        BENCH,
    )
    command.add_argument(
        "names", nargs="*", metavar="BENCH", type=_bench_name, help=", ".join(BENCH_NAMES)
    )
    command.add_argument(
        "--quick",
        dest="scale",
        action="store_const",
        const="quick",
        default="full",
        help="small sizes, short loads: all in under 5 minutes",
    )
    command.add_argument(
        "--tiny",
        dest="scale",
        action="store_const",
        const="tiny",
        help="only to see that all of it runs: the figures mean nothing",
    )
    command.add_argument("--runs", type=positive, metavar="N", help="how often each is run (3)")
    command.add_argument(
        "--processes",
        choices=("1", "2", "3"),
        help="processes of each hub, as serve --processes (what serve does by itself)",
    )
    command.add_argument(
        "--compare", metavar="FILE", help="what --format json wrote earlier, to compare with"
    )
    command.add_argument("--plot", metavar="FILE", help="draw how cost grows, as SVG")
    add_format(command)


def _bench_name(text: str) -> str:
    if text not in BENCH_NAMES:
        raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(BENCH_NAMES)}")
    return text
