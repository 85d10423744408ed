"""``fhir-hub trace``: what became of a resource, or of an order with its Tasks and results."""

from __future__ import annotations

import argparse
import json
import os
from datetime import datetime

from hub.cli.client import HubClient, read_bearer
from hub.cli.exits import Exit
from hub.cli.running import run_async
from hub.cli.terminal import Terminal, clock_time, printable
from hub.clock import SystemClock
from hub.codecs.parameter_parts import TRACED, Values, read_parts
from hub.core.release import FhirRelease

_COLOURS = {"delivered": "green", "waiting": "yellow", "retrying": "red", "held": "red"}


def run(arguments: argparse.Namespace) -> int:
    """Ask the hub, and write a line for each change and for each one told of it."""
    return run_async(act(arguments, Terminal.standard(os.environ, plain=arguments.plain)))


async def act(arguments: argparse.Namespace, terminal: Terminal) -> int:
    """Do what ``run`` says and return the exit code: 1 if something has not arrived."""
    release = FhirRelease(arguments.release.upper())
    async with HubClient(
        arguments.url, release, SystemClock(), token=read_bearer(arguments)
    ) as client:
        answer = await client.resource(f"{arguments.resource}/$trace")
    found = read_parts(answer.get("parameter", []), TRACED)
    undelivered = found.get("undelivered", 0)
    if arguments.format == "json":
        terminal.line(json.dumps(found, ensure_ascii=False))
        return Exit.FAILED if undelivered else Exit.OK
    if found.get("cut"):
        terminal.talk("only the newest changes are shown", "yellow")
    for change in found.get("change", []):
        _show(change, terminal)
    terminal.talk(printable(found["answer"]), "red" if undelivered else "green")
    return Exit.FAILED if undelivered else Exit.OK


def _show(change: Values, terminal: Terminal) -> None:
    when = terminal.paint(_time(change["timestamp"]), "dim")
    focus = terminal.paint(printable(change["focus"]), "cyan")
    terminal.line(f"{when}  {focus} v{change['version']} {change['interaction']}")
    for told in change.get("told", []):
        words = terminal.paint(told["words"], _COLOURS.get(told["standing"], "bold"))
        at = f" {_time(told['delivered'])}" if "delivered" in told else ""
        name = printable(told.get("name") or told.get("subscription") or _ANOTHER)
        number = f"#{told['event-number']}  " if "event-number" in told else ""
        terminal.line(f"    → {name}  {told['channel']}  {number}{words}{at}")
    if "words" in change:
        terminal.line(f"    {terminal.paint(change['words'], 'dim')}")


_ANOTHER = "a Subscription of another client"


def _time(instant: str) -> str:
    return clock_time(datetime.fromisoformat(instant))
