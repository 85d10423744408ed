"""A workflow pattern: its name, what it tells, and how it is played."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from importlib import import_module
from pkgutil import iter_modules

from hub.cli.exits import CommandError, Exit
from hub.cli.scenario.stage import Stage

Play = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """One pattern.

    ``id`` is ``P13``, ``source`` where the pattern is described, ``text`` what happens in it, in
    words; ``play`` leads the actors and checks the acceptance.
    """

    id: str
    title: str
    source: str
    play: Play = field(repr=False)

    @property
    def text(self) -> str:
        """What happens, as the file tells it."""
        return inspect.getdoc(self.play) or ""


_KNOWN: dict[str, Pattern] = {}


def pattern(id: str, title: str, source: str) -> Callable[[Play], Play]:
    """Make a function the play of a pattern."""

    def keep(play: Play) -> Play:
        _KNOWN[id] = Pattern(id=id, title=title, source=source, play=play)
        return play

    return keep


def patterns() -> list[Pattern]:
    """Return every pattern, by its number."""
    package = import_module("hub.cli.scenario")
    for module in iter_modules(package.__path__):
        if module.name.startswith("p") and module.name[1:3].isdigit():
            import_module(f"hub.cli.scenario.{module.name}")
    return [_KNOWN[id] for id in sorted(_KNOWN)]


def chosen(id: str) -> list[Pattern]:
    """Return the pattern with this id, or all of them for ``all``.

    Raises:
        CommandError: there is none.
    """
    known = patterns()
    found = [each for each in known if id.lower() in ("all", each.id.lower())]
    if not found:
        ids = ", ".join(each.id for each in known)
        raise CommandError(Exit.USAGE, f"there is no pattern {id!r}; there are {ids}, and all")
    return found
