"""A resource as FHIR's XML.

Source: http://hl7.org/fhir/xml.html; http://hl7.org/fhir/narrative.html (the XHTML of a text).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.entities import html5
from typing import Final

from hub.codecs.primitive import PRIMITIVES
from hub.codecs.xml import FHIR, XHTML, attributes, etree, parse_markup, parts
from hub.core.json_text import parse
from hub.core.release import FhirRelease, Json, Resource

_DEEPEST: Final = 200
"""Resources of the deepest allowed nesting stand in Bundles."""

_SPECIAL: Final = re.compile('[&<>"\t\n\r\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]')
_WRITTEN: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"} | {
    blank: f"&#{ord(blank)};" for blank in "\t\n\r"
}
_ENTITY: Final = re.compile(r"&([A-Za-z][A-Za-z0-9]*;)")
_OWN: Final = frozenset(("amp;", "lt;", "gt;", "quot;", "apos;"))


def write_xml(body: bytes, release: FhirRelease, *, is_pretty: bool = False) -> bytes:
    """Return a resource, given as JSON text that follows its definition, as XML in UTF-8.

    Characters that XML has no form for (most control characters) become U+FFFD.  Narrative that
    is no well-formed XHTML is shown as text, so that nothing of it is lost.

    Args:
        body: the JSON text; the hub's own, or checked by it.
        release: of the resource.
        is_pretty: whether to indent, two blanks a level; narrative stays as it is.
    """
    writer = _Writer(release, is_pretty)
    writer.resource(parse(body, max_depth=_DEEPEST).value, 0, f' xmlns="{FHIR}"')
    text = '<?xml version="1.0" encoding="UTF-8"?>' + "".join(writer.written)
    return text.encode() + (b"\n" if is_pretty else b"")


class _Writer:
    """What was written so far."""

    def __init__(self, release: FhirRelease, is_pretty: bool) -> None:
        self.written: list[str] = []
        self._release = release
        self._is_pretty = is_pretty

    def resource(self, value: Resource, depth: int, declared: str = "") -> None:
        """Write a resource; ``declared`` is its namespace where it is the first."""
        kind = value["resourceType"]
        self._complex(kind, value, kind, depth, declared)

    def _complex(self, tag: str, value: Resource, code: str, depth: int, inside: str = "") -> None:
        own = attributes(self._release, code)
        for name in ("id", "url"):
            if name in own and name in value:
                inside += f' {name}="{_escaped(str(value[name]))}"'
        mark = self._open(tag, inside, depth)
        for name, (element, kind) in parts(self._release, code).items():
            if name in own or (name not in value and f"_{name}" not in value):
                continue
            if element.is_list:
                self._list(name, value.get(name), value.get(f"_{name}"), kind, depth + 1)
            else:
                self._element(name, value.get(name), value.get(f"_{name}"), kind, depth + 1)
        self._close(tag, depth, mark)

    def _list(self, name: str, values: Json, siblings: Json, code: str, depth: int) -> None:
        count = max(len(values or ()), len(siblings or ()))
        for index in range(count):
            value = values[index] if values else None
            sibling = siblings[index] if siblings else None
            self._element(name, value, sibling, code, depth)

    def _element(self, name: str, value: Json, sibling: Json, code: str, depth: int) -> None:
        if code == "xhtml":
            self._break(depth)
            self.written.append(_narrative(value))
        elif code == "Resource":
            mark = self._open(name, "", depth)
            self.resource(value, depth + 1)
            self._close(name, depth, mark)
        elif code in PRIMITIVES:
            self._primitive(name, value, sibling or {}, depth)
        else:
            self._complex(name, value, code, depth)

    def _primitive(self, tag: str, value: Json, sibling: Mapping[str, Json], depth: int) -> None:
        inside = f' id="{_escaped(sibling["id"])}"' if "id" in sibling else ""
        if value is not None:
            spelled = str(value).lower() if isinstance(value, bool) else str(value)
            inside += f' value="{_escaped(spelled)}"'
        if "extension" not in sibling:
            self._break(depth)
            self.written.append(f"<{tag}{inside}/>")
            return
        mark = self._open(tag, inside, depth)
        self._list("extension", sibling["extension"], None, "Extension", depth + 1)
        self._close(tag, depth, mark)

    def _open(self, tag: str, inside: str, depth: int) -> int:
        self._break(depth)
        self.written.append(f"<{tag}{inside}>")
        return len(self.written)

    def _close(self, tag: str, depth: int, mark: int) -> None:
        """Close what was opened at ``mark``; it has no content if nothing was written since."""
        if len(self.written) == mark:
            self.written[-1] = f"{self.written[-1][:-1]}/>"
            return
        self._break(depth)
        self.written.append(f"</{tag}>")

    def _break(self, depth: int) -> None:
        if self._is_pretty:
            self.written.append(f"\n{'  ' * depth}")


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda found: _WRITTEN.get(found[0], "\ufffd"), text)


def _narrative(text: str) -> str:
    """Return the XHTML of a narrative as an element of its namespace."""
    markup = _ENTITY.sub(_character, text.strip().replace("\r\n", "\n").replace("\r", "\n"))
    tag = None
    if not markup.startswith(("<?", "<!")):
        try:
            tag = parse_markup(markup.encode()).tag
        except etree().XMLSyntaxError:
            tag = None
    if tag == f"{{{XHTML}}}div":
        return markup
    if tag == "div":
        return f'<div xmlns="{XHTML}"{markup.removeprefix("<div")}'
    return f'<div xmlns="{XHTML}">{_escaped(text)}</div>'


def _character(found: re.Match[str]) -> str:
    """Return the character that an entity of HTML means; XML has no name for it."""
    if found[1] in _OWN or found[1] not in html5:
        return found[0]
    return _escaped(html5[found[1]])
