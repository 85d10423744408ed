"""A resource read from FHIR's XML: the same document that its JSON would give.

What XML alone can get wrong is refused here, with the element; all else is left to the check that
JSON goes through, too.  Elements are taken in any order.

Source: http://hl7.org/fhir/xml.html.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from hub.codecs.conformance import unknown_element
from hub.codecs.primitive import PRIMITIVES
from hub.codecs.tables import resource_types
from hub.codecs.xml import FHIR, XHTML, attributes, etree, parse_markup, parts
from hub.codecs.xml_narrative import narratives_of
from hub.core.json_text import (
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_EXPONENT,
    Document,
    SpelledDecimal,
    dumps,
    parse,
)
from hub.core.release import FhirRelease, Json, Resource
from hub.errors import InvalidResource, Issue, MalformedXml

_MOST_ISSUES: Final = 20
_MOST_ATTRIBUTES: Final = 16
_LONGEST_WORDS: Final = 120
_LONG_NAME: Final = re.compile(r"(\S{40})\S+")
_LONGEST_DECLARATION: Final = 256
_SCHEMA_INSTANCE: Final = "{http://www.w3.org/2001/XMLSchema-instance}"
_BLANK: Final = " \t\r\n"
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_DECLARATION: Final = re.compile(
    r"<\?xml\s[^>]*?encoding\s*=\s*[\"'](?P<encoding>[^\"'>]*)[\"'][^>]*\?>"
)
_PROLOG: Final = re.compile(r"(?:\s+|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)


def read_xml(text: bytes, release: FhirRelease) -> Document:
    """Read one resource; ``hub.codecs.validation`` checks it afterwards, as it checks JSON.

    Raises:
        MalformedXml: it is no UTF-8, no well-formed XML, has a document type or another encoding,
            is nested too deep, or its root is not of FHIR's namespace.
        InvalidResource: an element or attribute is unknown, repeated, or of another namespace, or
            there is text between elements.
    """
    source = _decoded(text)
    try:
        root = parse_markup(source.encode())
    except etree().XMLSyntaxError as error:
        line, column = error.position
        words = _LONG_NAME.sub(r"\1...", str(error.msg).partition(", line ")[0])[:_LONGEST_WORDS]
        raise MalformedXml(f"line {line} column {column}: {words}") from None
    namespace, name = _parted(root.tag)
    if namespace != FHIR:
        raise MalformedXml(f'the root element is not of the namespace "{FHIR}"')
    reader = _Reader(release, narratives_of(root, source))
    value = reader.resource(root, name, 1)
    if reader.issues:
        raise InvalidResource(
            reader.issues[0].diagnostics,
            expression=reader.issues[0].expression,
            issues=reader.issues,
        )
    return parse(dumps(value))


def _decoded(text: bytes) -> str:
    if text.startswith(b"\xef\xbb\xbf"):
        raise MalformedXml("the text starts with a byte order mark; send UTF-8 without it")
    try:
        source = text.decode().strip(_BLANK)
    except UnicodeDecodeError as error:
        raise MalformedXml(f"byte {error.start + 1} is not UTF-8") from None
    if not source.startswith("<"):
        raise MalformedXml("the text is no XML")
    declared = _DECLARATION.match(source, 0, _LONGEST_DECLARATION)
    if declared is not None and declared["encoding"].lower() not in {"utf-8", "utf8"}:
        raise MalformedXml("the encoding must be UTF-8")
    prolog = _PROLOG.match(source)
    if prolog is not None and source.startswith("<!", prolog.end()):
        raise MalformedXml("a document type is not allowed")
    return source


def _parted(tag: str) -> tuple[str, str]:
    namespace, brace, name = tag.removeprefix("{").rpartition("}")
    return (namespace, name) if brace else ("", tag)


class _TooMany(Exception):
    """There are enough issues for one refusal."""


class _Reader:
    """Turns elements into what JSON would say."""

    def __init__(self, release: FhirRelease, markup: Mapping[Any, str]) -> None:
        self.issues: list[Issue] = []
        self._release = release
        self._markup = markup

    def resource(self, node: Any, path: str, depth: int) -> Resource:
        """Read a resource; of an unknown type there is only its name."""
        kind = _parted(node.tag)[1]
        value: Resource = {"resourceType": kind}
        if kind not in resource_types(self._release):
            return value
        try:
            value |= self._members(node, kind, path, depth)
        except _TooMany:
            if depth > 1:
                raise
        return value

    def _members(self, node: Any, code: str, path: str, depth: int) -> Resource:
        if depth > MAX_DEPTH:
            raise MalformedXml(f"nested deeper than {MAX_DEPTH} levels")
        value: Resource = {}
        own = attributes(self._release, code)
        for name, text in self._attributes(node, path):
            if name in own:
                value[name] = text
            elif not name.startswith(_SCHEMA_INSTANCE):
                self._complain(path, f"has no attribute {name[:64]!r}")
        named = parts(self._release, code)
        siblings: dict[str, Json] = {}
        for child, name in self._children(node, path):
            if name not in named or name in own:
                self._note(unknown_element(self._release, code, name, path))
                continue
            element, kind = named[name]
            place = f"{path}.{element.name.removesuffix('[x]')}"
            if element.is_list:
                items = value.setdefault(name, [])
                place = f"{place}[{len(items)}]"
                item, sibling = self._element(child, kind, place, depth + 2)
                items.append(item)
                siblings.setdefault(name, []).append(sibling)
                continue
            if name in value or name in siblings:
                self._complain(place, "stands there more than once")
            item, sibling = self._element(child, kind, place, depth + 1)
            if item is not None:
                value[name] = item
            if sibling is not None:
                siblings[name] = sibling
        return _with_siblings(value, siblings)

    def _attributes(self, node: Any, path: str) -> Iterable[tuple[str, str]]:
        """Return the attributes of an element; lxml takes quadratic time to tell many."""
        if len(node.attrib) > _MOST_ATTRIBUTES:
            self._complain(path, f"has more than {_MOST_ATTRIBUTES} attributes")
            return ()
        found: Iterable[tuple[str, str]] = node.attrib.items()
        return found

    def _children(self, node: Any, path: str) -> Iterator[tuple[Any, str]]:
        """Yield the elements inside one, with their names; comments are passed over."""
        texts = [node.text]
        for child in node:
            texts.append(child.tail)
            if not isinstance(child.tag, str):
                continue
            namespace, name = _parted(child.tag)
            if namespace == FHIR or (namespace == XHTML and name == "div"):
                yield child, name
            else:
                self._complain(path, f"{name[:64]!r} is of another namespace than FHIR's")
        if any(text and text.strip(_BLANK) for text in texts):
            self._complain(path, "text stands between elements; a value is an attribute")

    def _element(self, node: Any, code: str, path: str, depth: int) -> tuple[Json, Json]:
        """Read an element; return its value and, of a primitive, its id and extensions."""
        if code == "xhtml":
            return self._narrative(node, path), None
        if code in PRIMITIVES:
            return self._primitive(node, code, path, depth)
        if code == "Resource":
            inner = [child for child, _ in self._children(node, path)]
            if len(inner) != 1 or node.attrib:
                self._complain(path, "must hold exactly one resource, and no attributes")
                return None, None
            return self.resource(inner[0], path, depth), None
        return self._members(node, code, path, depth), None

    def _narrative(self, node: Any, path: str) -> str | None:
        if _parted(node.tag)[0] != XHTML:
            self._complain(path, f'must be of the namespace "{XHTML}"')
            return None
        return self._markup[node]

    def _primitive(self, node: Any, code: str, path: str, depth: int) -> tuple[Json, Json]:
        value: Json = None
        sibling: dict[str, Json] = {}
        for name, text in self._attributes(node, path):
            if name == "value":
                value = _typed(text, PRIMITIVES[code].json_type)
            elif name == "id":
                sibling["id"] = text
            else:
                self._complain(path, f"has no attribute {name[:64]!r}")
        extensions: list[Json] = []
        for child, name in self._children(node, path):
            if name == "extension":
                place = f"{path}.extension[{len(extensions)}]"
                extensions.append(self._members(child, "Extension", place, depth + 2))
            else:
                self._complain(path, f"a primitive has only extensions, not {name[:64]!r}")
        if extensions:
            sibling["extension"] = extensions
        # An element that says nothing is kept as such, so that the check refuses it.
        return value, sibling if sibling or value is None else None

    def _complain(self, path: str, words: str) -> None:
        self._note(Issue("structure", f"{path}: {words}", path))

    def _note(self, issue: Issue) -> None:
        self.issues.append(issue)
        if len(self.issues) >= _MOST_ISSUES:
            raise _TooMany


def _with_siblings(value: Resource, siblings: dict[str, Json]) -> Resource:
    for name, sibling in siblings.items():
        if isinstance(sibling, list):
            if all(each is None for each in sibling):
                continue
            if all(each is None for each in value[name]):
                del value[name]
        value[f"_{name}"] = sibling
    return value


def _typed(text: str, json_type: str) -> Json:
    """Return a value as JSON has it; text that is none of its type stays, to be refused later."""
    if json_type == "boolean" and text in {"true", "false"}:
        return text == "true"
    if json_type in {"integer", "number"} and len(text) <= MAX_DIGITS and _NUMBER.fullmatch(text):
        try:
            exponent = Decimal(text).adjusted()
        except InvalidOperation:
            return text
        if -MAX_EXPONENT <= exponent <= MAX_EXPONENT:
            return SpelledDecimal(text)
    return text
