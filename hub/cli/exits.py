"""Exit codes, and the one exception that carries them."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """What a command's exit code means; the same for every command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    SERVER_ERROR = 4
    UNREACHABLE = 5
    NOTHING_ARRIVED = 6
    GAP = 7
    INTERRUPTED = 130


EXIT_TEXT = (
    "exit codes: 0 done, 1 a check failed, 2 wrong usage, 3 the hub refused (4xx),\n"
    "  4 the hub failed (5xx), 5 not reachable, 6 nothing arrived in time,\n"
    "  7 a gap could not be closed, 130 interrupted"
)


class CommandError(Exception):
    """A command can't go on: ``text`` is one line for people, ``code`` the exit code."""

    def __init__(self, code: Exit, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
