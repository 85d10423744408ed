"""How much of each resource a search shows: ``_summary`` and ``_elements``.

Source: http://hl7.org/fhir/R5/search.html#_summary and #_elements.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from hub.codecs.tables import elements
from hub.codecs.tables.summary import summary_elements
from hub.core.json_text import dumps, parse
from hub.core.release import FhirRelease
from hub.core.subset import subset
from hub.core.version import ResourceVersion
from hub.errors import InvalidSearch


class Summary(StrEnum):
    """What ``_summary`` offers; ``count`` shows no resource at all."""

    WHOLE = "false"
    TRUE = "true"
    TEXT = "text"
    DATA = "data"
    COUNT = "count"


@dataclass(slots=True)
class Shown:
    """How much of each resource is shown.

    ``named`` are the elements of ``_elements``; they are about ``resource_type``, the type that is
    searched, and every other type is shown whole.
    """

    release: FhirRelease
    resource_type: str
    summary: Summary = Summary.WHOLE
    named: set[str] = field(default_factory=set)
    _names: dict[str, frozenset[str]] = field(default_factory=dict)

    def name(self, text: str) -> None:
        """Take the value of one ``_elements``.

        Raises:
            InvalidSearch: the type has no such element; it names those that there are.
        """
        known = [
            each.name.removesuffix("[x]") for each in elements(self.release).of(self.resource_type)
        ]
        for name in text.split(","):
            if name not in known:
                raise InvalidSearch(
                    f"_elements: {self.resource_type} has no element {name[:64]!r}; "
                    f"allowed: {', '.join(known)}"
                )
            self.named.add(name)

    def body(self, version: ResourceVersion) -> bytes:
        """Return the JSON text to show of a version: its own bytes where all of it is shown."""
        whole = version.body or b"null"
        kind = version.key.resource_type
        if self.summary is Summary.WHOLE and (not self.named or kind != self.resource_type):
            return whole
        names = self._names.get(kind)
        if names is None:
            names = self._names[kind] = self._shown_of(kind)
        return dumps(subset(parse(whole).value, names))

    def _shown_of(self, kind: str) -> frozenset[str]:
        known = elements(self.release).of(kind)
        match self.summary:
            case Summary.TRUE:
                summary = summary_elements(self.release, kind)
                chosen = [each for each in known if each.name in summary]
            case Summary.DATA:
                chosen = [each for each in known if each.name != "text"]
            case Summary.TEXT:
                chosen = [each for each in known if each.required or each.name == "text"]
            case _:
                chosen = [
                    each
                    for each in known
                    if each.required or each.name.removesuffix("[x]") in self.named
                ]
        return frozenset(name for each in chosen for name in each.json_names)
