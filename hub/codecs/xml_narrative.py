"""Where the narratives stand in XML, so that they are kept as they were written.

A parser gives a tree, from which quotes, entities and blanks inside tags can't be told any more.
In text that is known to be well-formed, without a document type, tags are found by their form: a
"<" stands only before a tag, a comment, CDATA or an instruction.

Source: http://hl7.org/fhir/narrative.html; https://www.w3.org/TR/xml/ (2.3 to 3.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from hub.codecs.xml import etree, parse_markup

_TOKEN: Final = re.compile(
    r"<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>"
    r"|<(?P<end>/)?(?:[^\s<>/:\"'=]+:)?div(?=[\s/>])"
    r"(?P<inside>[^<>\"']*(?:(?:\"[^\"]*\"|'[^']*')[^<>\"']*)*)>",
    re.DOTALL,
)


def narratives_of(root: Any, source: str) -> dict[Any, str]:
    """Return the outermost ``div`` elements of a tree with the text that each has in ``source``.

    One that takes a namespace from outside is written anew, with what it needs.
    """
    outermost = [
        node for node in root.iter("{*}div") if next(node.iterancestors("{*}div"), None) is None
    ]
    found = list(_outermost(source)) if outermost else []
    return {
        node: markup if _stands_alone(markup, node.tag) else _anew(node)
        for node, markup in zip(outermost, found, strict=True)
    }


def _outermost(source: str) -> Iterator[str]:
    depth = start = 0
    for token in _TOKEN.finditer(source):
        inside = token["inside"]
        if inside is None:
            continue
        if token["end"]:
            depth -= 1
        else:
            if not depth:
                start = token.start()
            if not inside.endswith("/"):
                depth += 1
        if not depth:
            yield source[start : token.end()]


def _stands_alone(markup: str, tag: str) -> bool:
    try:
        return bool(parse_markup(markup.encode()).tag == tag)
    except etree().XMLSyntaxError:
        return False


def _anew(node: Any) -> str:
    return str(etree().tostring(node, encoding="unicode", with_tail=False))
