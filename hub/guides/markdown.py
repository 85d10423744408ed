"""How the Markdown of guides is read: CommonMark, without raw HTML and without images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

OTHER_GUIDE: Final = ".md"
"""The end of a link to another guide: the name of its file, so that it works in a repository."""


def parser() -> MarkdownIt:
    """Return a parser.

    Raw HTML stays text, links to scripts are none, and nothing is embedded that a reader's
    browser would fetch.
    """
    from markdown_it import MarkdownIt  # noqa: PLC0415  # most hubs show no guide

    return MarkdownIt("commonmark", {"html": False}).disable("image")


def guide_of(address: str) -> str | None:
    """Return the name of the guide that a link leads to, None where it leads elsewhere."""
    is_guide = address.endswith(OTHER_GUIDE) and "/" not in address
    return address.removesuffix(OTHER_GUIDE) if is_guide else None
