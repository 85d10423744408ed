"""What people can type: every command, its flags and its help.

Only argparse and the table of settings are needed here, so that help is quick.
"""

from __future__ import annotations

import argparse

from hub.cli.arguments_asking import (
    add_errors,
    add_explain,
    add_guide,
    add_publish,
    add_scenario,
    add_topics,
    add_trace,
    add_trigger,
)
from hub.cli.arguments_bench import add_bench
from hub.cli.arguments_running import (
    add_client,
    add_demo,
    add_receiver,
    add_serve,
    add_subs,
    add_watch,
)
from hub.cli.help_text import ABOUT
from hub.cli.parser import Parser

COMMANDS = (
    "serve",
    "demo",
    "watch",
    "subs",
    "receiver",
    "topics",
    "explain",
    "trace",
    "publish",
    "trigger",
    "scenario",
    "client",
    "errors",
    "guide",
    "bench",
)


class _Version(argparse.Action):
    """Looks the version up only when it is asked for: that takes longer than all help."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  # as said

        try:
            print(f"fhir-hub {version('fhir-hub')}")
        except PackageNotFoundError:
            print("fhir-hub (not installed)")
        parser.exit()


def build_parser() -> Parser:
    """Return the parser of the whole command line."""
    parser = Parser(
        prog="fhir-hub", description=ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show the version and exit")
    commands = parser.add_subparsers(
        title="commands", dest="command", metavar="COMMAND", parser_class=Parser, required=True
    )
    for add in (
        add_serve,
        add_demo,
        add_watch,
        add_subs,
        add_receiver,
        add_topics,
        add_explain,
        add_trace,
        add_publish,
        add_trigger,
        add_scenario,
        add_client,
        add_errors,
        add_guide,
        add_bench,
    ):
        add(commands)
    return parser
