"""``fhir-hub``, also as ``python -m hub``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module

from hub.cli.arguments import COMMANDS, build_parser
from hub.cli.exits import CommandError, Exit


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that ``argv`` names and return its exit code (``hub.cli.exits``)."""
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    if words and not words[0].startswith("-") and words[0] not in COMMANDS:
        return _complain(CommandError(Exit.USAGE, _unknown(words[0])))
    arguments = build_parser().parse_args(words)
    try:
        # Only the module of the command is imported: --help and errors answer in a blink.
        return int(import_module(f"hub.cli.{arguments.command}").run(arguments))
    except CommandError as error:
        return _complain(error)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has enough; keep the interpreter from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK


def _complain(error: CommandError) -> int:
    print(f"fhir-hub: {error.text}", file=sys.stderr)
    return error.code


def _unknown(word: str) -> str:
    near = get_close_matches(word, COMMANDS, n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(COMMANDS)}"
    return f"{word!r} is no command; {hint}"


if __name__ == "__main__":
    sys.exit(main())
