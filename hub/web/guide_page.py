"""The guides as pages: Markdown written as HTML, under the same rules as every page."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from hub.guides.guide import HUB, Guide
from hub.guides.markdown import guide_of, parser
from hub.web.frame import page


def guides(listed: Iterable[Guide]) -> str:
    """Write the list of guides."""
    items = "".join(
        f"<li><p><a href='/guides/{escape(each.name)}'>{escape(each.title)}</a></p>"
        f"<p class='lead'>{html_of_line(each.lead)}</p></li>"
        for each in listed
    )
    return page(
        "Guides - fhir-hub",
        "<h1>Guides</h1><p class='lead'>One everyday question each. "
        "<code>fhir-hub guide</code> shows them on a terminal.</p>"
        f"<ol class='try'>{items}</ol>",
        here="/guides",
    )


def guide(shown: Guide, public_url: str) -> str:
    """Write one guide; its commands are for the hub at ``public_url``."""
    text, note = shown.text, ""
    if public_url != HUB:
        text = text.replace(HUB, public_url)
        note = (
            "<p>This hub is elsewhere than commands expect. Say so first, in each terminal:</p>"
            f"<pre><code>export HUB_URL={escape(public_url)}</code></pre>"
        )
    return page(
        f"{escape(shown.title)} - fhir-hub",
        f"<article>{note}{html_of(text)}</article><p><a href='/guides'>All guides</a></p>",
        here="/guides",
    )


def html_of(markdown: str) -> str:
    """Return Markdown as HTML; links to other guides lead to their pages, headings have anchors."""
    reader = parser()
    tokens = reader.parse(markdown)
    for token, inside in zip(tokens, [*tokens[1:], None], strict=True):
        if token.type == "heading_open" and inside is not None:
            token.attrSet("id", _anchor(inside.content))
        for part in token.children or ():
            name = guide_of(str(part.attrGet("href") or ""))
            if name is not None:
                part.attrSet("href", f"/guides/{name}")
    return str(reader.renderer.render(tokens, reader.options, {}))


def html_of_line(markdown: str) -> str:
    """Return one line of Markdown as HTML, without a paragraph around it and without links."""
    return str(parser().disable("link").renderInline(markdown))


def _anchor(heading: str) -> str:
    return "-".join(re.findall(r"[a-z0-9]+", heading.lower()))
