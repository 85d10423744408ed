"""Markdown as plain lines on a terminal.

Prose keeps the lines of its source; what is to be typed is set in, and what is shown then stands
behind a bar.  Colours only add to that.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from markdown_it.token import Token

from hub.cli.terminal import Terminal, printable
from hub.guides.markdown import guide_of, parser

_OUTPUT = "text"
"""The language of blocks that show what a command says."""


def lines(markdown: str, terminal: Terminal) -> Iterator[str]:
    """Yield the lines of a text in Markdown."""
    counts: list[int | None] = []  # of the lists around: the next number, None where bulleted
    mark, is_apart = "", False
    for before, token in pairwise([Token("", "", 0), *parser().parse(markdown)]):
        match token.type:
            case "bullet_list_open":
                counts.append(None)
            case "ordered_list_open":
                counts.append(int(token.attrGet("start") or 1))
            case "bullet_list_close" | "ordered_list_close":
                counts.pop()
                is_apart = True
            case "list_item_open":
                number = counts[-1]
                mark = "- " if number is None else f"{number}. "
                counts[-1] = None if number is None else number + 1
            case "inline" | "fence" | "code_block":
                if is_apart:
                    yield ""
                margin = "   " * len(counts)
                for line in _content(before, token, terminal):
                    yield f"{mark.rjust(len(margin))}{line}" if mark else f"{margin}{line}".rstrip()
                    mark = ""
                is_apart = not before.hidden


def _content(before: Token, token: Token, terminal: Terminal) -> Iterator[str]:
    if token.type != "inline":
        margin, style = ("  │ ", "dim") if token.info.startswith(_OUTPUT) else ("    ", "cyan")
        for line in token.content.splitlines():
            yield f"{margin}{terminal.paint(printable(line), style)}"
        return
    parts = token.children or []
    if before.type == "heading_open":
        text = "".join(printable(part.content) for part in parts)
        yield terminal.paint(text, "bold")
        yield terminal.paint(("=" if before.tag == "h1" else "-") * len(text), "dim")
    else:
        yield from "".join(_words(parts, terminal)).split("\n")


def _words(parts: list[Token], terminal: Terminal) -> Iterator[str]:
    """Yield the words of a paragraph; a link is followed by where it leads."""
    address = ""
    for part in parts:
        match part.type:
            case "text":
                yield printable(part.content)
            case "code_inline":
                yield terminal.paint(printable(part.content), "cyan")
            case "softbreak" | "hardbreak":
                yield "\n"
            case "link_open":
                address = str(part.attrGet("href"))
            case "link_close":
                name = guide_of(address)
                shown = f"fhir-hub guide {name}" if name else printable(address)
                yield f" ({terminal.paint(shown, 'cyan')})"
