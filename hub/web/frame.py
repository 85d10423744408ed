"""What stands around every page: head, way to the other pages, foot.

Pages have no inline script or style and load nothing from elsewhere; what is put into one is HTML
already, with every value escaped.  A page that works with live data names its script, an ES module
in ``static``; without scripts it says so and leads to its JSON.
"""

from __future__ import annotations

from html import escape
from typing import Final

CONTENT_SECURITY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

WAYS: Final = (
    ("/", "Live"),
    ("/subscriptions", "Subscriptions"),
    ("/orders", "Orders"),
    ("/explain", "Explain"),
    ("/subscribe", "Subscribe"),
    ("/topics", "Topics"),
    ("/guides", "Guides"),
    ("/errors", "Errors"),
    ("/health", "Health"),
)
"""The pages that every page leads to: address and name."""

_HEAD: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="/static/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/static/page.css">
{style}<script src="/static/page.js" type="module"></script>{script}
</head>
<body>
<a class="skip" href="#content">Skip to content</a>
<header><a class="name" href="/">
<img src="/static/icon.svg" alt="" width="28" height="28">fhir-hub</a>
<nav aria-label="Pages">{ways}</nav></header>
<main id="content"{kind}>
"""
_STYLE: Final = "<link rel='stylesheet' href='/static/{name}.css'>\n"
_SCRIPT: Final = "\n<script src='/static/{name}.js' type='module'></script>"
_FOOT: Final = "</main>\n</body>\n</html>\n"
_NO_SCRIPT: Final = (
    "<noscript><p class='note'>This page needs JavaScript; its data is JSON, too: ask this address "
    "with <code>Accept: application/json</code>.</p></noscript>"
)


def page(
    title: str,
    content: str,
    *,
    here: str = "",
    script: str | None = None,
    extra: str | None = None,
    style: str | None = None,
) -> str:
    """Write a page; ``title`` and ``content`` are HTML already.

    Args:
        here: the address in ``WAYS`` under which the page belongs.
        script: the name of its module in ``static``, without ``.js``.  Such a page is wide.
        style: the name of a style sheet of its own in ``static``, without ``.css``.
        extra: the name of a module that adds to a page which says everything without it.
    """
    ways = "".join(
        f"<a href='{address}'{' aria-current=page' if address == here else ''}>{name}</a>"
        for address, name in WAYS
    )
    head = _HEAD.format(
        title=title,
        ways=ways,
        style="" if style is None else _STYLE.format(name=style),
        script="".join(_SCRIPT.format(name=each) for each in (script, extra) if each is not None),
        kind="" if script is None else " class='broad'",
    )
    return f"{head}{'' if script is None else _NO_SCRIPT}{content}{_FOOT}"


def search_box(words: str) -> str:
    """Write a box that filters the rows of the page's table; the module ``filter`` shows it."""
    return (
        f"<p class='tools' hidden data-filter><label>{escape(words)} "
        "<input type='search' autocomplete='off'></label>"
        "<span class='soft' role='status'></span></p>"
    )
