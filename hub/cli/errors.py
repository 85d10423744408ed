"""``fhir-hub errors``: what a refusal of the hub means, and what to do about it."""

from __future__ import annotations

import argparse
import json
import os
from difflib import get_close_matches

from hub.cli.exits import CommandError, Exit
from hub.cli.terminal import Terminal
from hub.error_catalogue import catalogue, explained
from hub.errors import HubError


def run(arguments: argparse.Namespace) -> int:
    """Explain one refusal, or list all."""
    terminal = Terminal.standard(os.environ, plain=arguments.plain)
    known = catalogue()
    if arguments.code is None:
        chosen = list(known.values())
    elif arguments.code in known:
        chosen = [known[arguments.code]]
    else:
        near = get_close_matches(arguments.code, known, n=1)
        hint = f"did you mean {near[0]}?" if near else "`fhir-hub errors` lists all"
        raise CommandError(Exit.USAGE, f"{arguments.code!r} is no code; {hint}")
    if arguments.format == "json":
        for kind in chosen:
            terminal.line(json.dumps(explained(kind), ensure_ascii=False))
    elif arguments.code is None:
        rows = [
            [kind.slug, str(kind.status), str(explained(kind)["explanation"])] for kind in chosen
        ]
        terminal.table(("CODE", "HTTP", "MEANING"), rows)
    else:
        _explain(terminal, chosen[0])
    return Exit.OK


def _explain(terminal: Terminal, kind: type[HubError]) -> None:
    terminal.line(terminal.paint(kind.slug, "bold"))
    terminal.line(f"  {explained(kind)['explanation']}")
    if kind.hint:
        terminal.line(f"  {terminal.paint('what to do', 'green')}  {kind.hint}")
    terminal.line(f"  {terminal.paint('HTTP', 'dim')}        {kind.status}")
    terminal.line(f"  {terminal.paint('issue type', 'dim')}  {kind.code}")
