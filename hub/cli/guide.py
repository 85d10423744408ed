"""``fhir-hub guide``: the how-tos on a terminal."""

from __future__ import annotations

import argparse
import json
import os
from dataclasses import asdict
from difflib import get_close_matches

from hub.cli.exits import CommandError, Exit
from hub.cli.guide_text import lines
from hub.cli.terminal import Terminal
from hub.guides.guide import NAMES, guides, read


def run(arguments: argparse.Namespace) -> int:
    """Show one guide, or list all."""
    terminal = Terminal.standard(os.environ, plain=arguments.plain)
    if arguments.name is not None:
        guide = read(name_of(arguments.name))
        if arguments.format == "json":
            terminal.line(json.dumps(asdict(guide), ensure_ascii=False))
            return Exit.OK
        for line in lines(guide.text, terminal):
            terminal.line(line)
        return Exit.OK
    if arguments.format == "json":
        for guide in guides():
            told = {"name": guide.name, "title": guide.title, "lead": guide.lead}
            terminal.line(json.dumps(told, ensure_ascii=False))
        return Exit.OK
    terminal.table(("NAME", "QUESTION"), [[guide.name, guide.title] for guide in guides()])
    terminal.talk("now: fhir-hub guide NAME, or the beginning of one", "dim")
    return Exit.OK


def name_of(word: str) -> str:
    """Return the guide that a name, or the beginning of one, stands for.

    Raises:
        CommandError: it is none, or fits several.
    """
    fitting = (
        [word] if word in NAMES else [name for name in NAMES if word and name.startswith(word)]
    )
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise CommandError(Exit.USAGE, f"{word!r} may be {' or '.join(fitting)}")
    near = get_close_matches(word, NAMES, n=3, cutoff=0.4)
    near += [name for name in NAMES if word and f"-{word}" in name and name not in near]
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(NAMES)}"
    raise CommandError(Exit.USAGE, f"{word!r} is no guide; {hint}")
