"""The actions of ``fhir-hub scenario``: list, show, run."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

from hub.cli.client import read_bearer
from hub.cli.demo import short_ids, step_line
from hub.cli.exits import CommandError, Exit
from hub.cli.running import run_async
from hub.cli.scenario.pattern import Pattern, chosen, patterns
from hub.cli.scenario.stage import Stage
from hub.cli.story_actor import Missing
from hub.cli.story_step import Step
from hub.cli.terminal import Terminal, milliseconds, printable
from hub.clock import SystemClock
from hub.event_loop import loop_factory
from hub.logs import log_to_stderr


@dataclass(frozen=True, slots=True)
class Played:
    """A pattern that was played: the stage as it was left, and how long it took."""

    pattern: Pattern
    stage: Stage
    milliseconds: float
    error: str = ""

    @property
    def held(self) -> bool:
        """Whether it came to its end and every check held."""
        return self.stage.held and not self.error


def run(arguments: argparse.Namespace) -> int:
    """Do what ``arguments.action`` says."""
    terminal = Terminal.standard(os.environ, plain=arguments.plain)
    log_to_stderr("error")
    if arguments.action == "list":
        return _list(terminal, as_json=arguments.format == "json")
    if arguments.id is None:
        raise CommandError(Exit.USAGE, f"write `scenario {arguments.action} P13`, or all")
    found = chosen(arguments.id)
    if arguments.action == "show":
        return run_async(_show(terminal, found), loop_factory())
    return run_async(_run(terminal, found, arguments), loop_factory())


def _list(terminal: Terminal, *, as_json: bool) -> int:
    known = patterns()
    if as_json:
        for each in known:
            row = {"id": each.id, "title": each.title, "source": each.source}
            terminal.line(json.dumps(row, ensure_ascii=False))
    else:
        terminal.table(("ID", "TITLE", "SOURCE"), [[p.id, p.title, p.source] for p in known])
    return Exit.OK


async def play(
    pattern: Pattern,
    *,
    url: str | None = None,
    token: str | None = None,
    tell: Callable[[Step], None] = lambda _: None,
) -> Played:
    """Play one pattern to its end; what went wrong on the way is in the answer."""
    clock = SystemClock()
    began = clock.monotonic()
    error = ""
    async with Stage(clock, url=url, token=token, tell=tell) as stage:
        try:
            await pattern.play(stage)
        except (CommandError, Missing) as failure:
            error = failure.text if isinstance(failure, CommandError) else str(failure)
        took = (clock.monotonic() - began) * 1000
    return Played(pattern, stage, took, error)


async def _run(terminal: Terminal, found: Iterable[Pattern], arguments: argparse.Namespace) -> int:
    token = None if arguments.base is None else read_bearer(arguments)
    as_json = arguments.format == "json"
    single = arguments.id.lower() != "all"
    rows: list[list[str]] = []
    failed = 0

    def tell(step: Step) -> None:
        if not as_json and (arguments.verbose or single):
            terminal.line(step_line(terminal, step))

    for pattern in found:
        if not as_json and (arguments.verbose or single):
            terminal.line(terminal.paint(f"{pattern.id}  {pattern.title}", "bold"))
        played = await play(pattern, url=arguments.base, token=token, tell=tell)
        failed += not played.held
        if as_json:
            terminal.line(json.dumps(_described(played), ensure_ascii=False))
            continue
        if arguments.verbose or single or not played.held:
            _acceptance(terminal, played)
        held = sum(check.held for check in played.stage.checks)
        rows.append(
            [
                pattern.id,
                "held" if played.held else "FAILED",
                f"{held} of {len(played.stage.checks)}",
                str(played.stage.events),
                milliseconds(played.milliseconds),
                pattern.title,
            ]
        )
    if not as_json:
        if not single:
            terminal.table(("ID", "RESULT", "CHECKS", "EVENTS", "TOOK", "TITLE"), rows)
        verdict = f"{failed} of {len(rows)} patterns failed" if failed else "every check held"
        terminal.talk(verdict, "red" if failed else "green")
    return Exit.FAILED if failed else Exit.OK


def _acceptance(terminal: Terminal, played: Played) -> None:
    for check in played.stage.checks:
        sign = terminal.paint("✓", "green") if check.held else terminal.paint("✗", "red")
        detail = f": {check.detail}" if check.detail else ""
        terminal.line(f"  {sign} {printable(check.text + detail)}")
    if played.error:
        terminal.line(f"  {terminal.paint('✗', 'red')} {printable(played.error)}")


def _described(played: Played) -> dict[str, object]:
    return {
        "id": played.pattern.id,
        "title": played.pattern.title,
        "held": played.held,
        "error": played.error or None,
        "checks": [asdict(check) for check in played.stage.checks],
        "events": played.stage.events,
        "steps": len(played.stage.steps),
        "milliseconds": round(played.milliseconds, 1),
    }


async def _show(terminal: Terminal, found: Iterable[Pattern]) -> int:
    """Write what a pattern tells, and its sequence as it was just played."""
    code = Exit.OK
    for pattern in found:
        played = await play(pattern)
        code = code if played.held else Exit.FAILED
        terminal.line(terminal.paint(f"{pattern.id}  {pattern.title}", "bold"))
        terminal.line(terminal.paint(pattern.source, "dim"))
        terminal.line()
        terminal.line(pattern.text)
        terminal.line()
        for number, step in enumerate(played.stage.steps, 1):
            terminal.line(f"{number:3}. {step.who} → {step.whom}: {_words(step)}")
        terminal.line()
        for line in mermaid(played.stage.steps):
            terminal.line(line)
        terminal.line()
        _acceptance(terminal, played)
        terminal.line()
    return code


def mermaid(steps: Iterable[Step]) -> list[str]:
    """Return the steps as a Mermaid sequence diagram."""
    names = {name: f"a{number}" for number, name in enumerate(_names(steps))}
    lines = ["```mermaid", "sequenceDiagram"]
    lines += [f"  participant {id} as {name}" for name, id in names.items()]
    for step in steps:
        arrow = "-->>" if step.number else "->>"
        words = _words(step).replace(";", ",").replace("#", "no. ")
        lines.append(f"  {names[step.who]}{arrow}{names[step.whom]}: {words}")
    return [*lines, "```"]


def _names(steps: Iterable[Step]) -> list[str]:
    return list(dict.fromkeys(name for step in steps for name in (step.who, step.whom)))


def _words(step: Step) -> str:
    words = (step.number, short_ids(step.what), f"({step.status})" * bool(step.status))
    return " ".join(filter(None, words))
