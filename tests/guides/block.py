"""The blocks of a guide, and what the words after their language say.

``sh``                    typed into the one shell of the guide; must end with exit code 0
``sh exit=1``             the same, must end with this code
``sh terminal=NAME``      one command in a terminal of its own; what runs there already gets ^C
``text``                  all that the ``sh`` block before has written
``text terminal=NAME``    what this terminal shows next
``json``                  what the ``sh`` block before has written
``json file=PATH``        saved there; a resource, or cases of a topic
``js file=PATH``          saved there; a later ``sh`` block runs it
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hub.guides.markdown import parser

OPTIONS: Final = {
    "sh": {"exit", "terminal"},
    "text": {"terminal"},
    "json": {"file"},
    "js": {"file"},
}


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: ``place`` is where it stands, ``options`` what is told of it."""

    place: str
    language: str
    options: dict[str, str]
    content: str


class NoBlock(AssertionError):
    """A block that can't be run; the text says where it is and why."""


def blocks(name: str, text: str) -> list[Block]:
    """Return the blocks of a guide.

    Raises:
        NoBlock: a block that nothing here knows to run.
    """
    found = []
    for token in parser().parse(text):
        if token.type not in {"fence", "code_block"}:
            continue
        place = f"{name}.md:{token.map[0] + 1 if token.map else 0}"
        language, *words = token.info.split() or [""]
        if language not in OPTIONS:
            raise NoBlock(f"{place}: nothing runs blocks in {language!r}")
        options = dict(word.split("=", 1) for word in words)
        if unknown := options.keys() - OPTIONS[language]:
            raise NoBlock(f"{place}: {language} has no {', '.join(sorted(unknown))}")
        if language == "js" and not options:
            raise NoBlock(f"{place}: a script needs the file that a later block runs")
        if not token.content.strip():
            raise NoBlock(f"{place}: it is empty")
        found.append(Block(place, language, options, token.content))
    return found
