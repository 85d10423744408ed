"""``_text``, ``_content`` and ``section-text``: whole words, wherever they stand.

All words of a value must be there, in any order; case and accents don't count.  There is no
ranking, no stemming and no operator: what has one is refused, not taken for a word.
Source: http://hl7.org/fhir/R5/search.html#_text and #_content.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from hub.core.release import Json, Resource
from hub.core.search_parameter import SearchParameter
from hub.core.search_resolver import Resolver
from hub.core.search_syntax import Refused, joined, unescape
from hub.core.search_value import normalise

_WORD: Final = re.compile(r"\w+")
_TAG: Final = re.compile(r"<[^<>]*>")
_OPERATOR: Final = re.compile(r'[()"*|]|\b(?:AND|OR|NOT)\b')
_NARRATIVE: Final = "div"
_NOT_CONTENT: Final = frozenset(("resourceType", "data"))
"""Names of elements whose strings nobody means by the content: the type, and encoded bytes."""


@dataclass(frozen=True, slots=True)
class HasWords:
    """All words of one of ``alternatives`` stand in what the parameter selects."""

    parameter: SearchParameter
    alternatives: frozenset[frozenset[str]]

    def matches(self, resource: Resource, resolver: Resolver) -> bool:
        """Tell whether ``resource`` answers this."""
        there = _words(_texts(self.parameter.elements(resource)))
        return any(words <= there for words in self.alternatives)

    @property
    def canonical(self) -> str:
        """One spelling for equal meanings."""
        return f"{self.parameter.code}={joined(map(' '.join, map(sorted, self.alternatives)))}"


def read_words(parameter: SearchParameter, values: tuple[str, ...]) -> HasWords:
    """Read words to look for.

    Raises:
        Refused: a value has no word, or an operator; the text says what is allowed.
    """
    alternatives = set()
    for value in map(unescape, values):
        words = _words([value])
        if not words or _OPERATOR.search(value):
            raise Refused("words, all of which must be there; no operators, quotes or wildcards")
        alternatives.add(words)
    return HasWords(parameter, frozenset(alternatives))


def _words(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(word for text in texts for word in _WORD.findall(normalise(text)))


def _texts(found: Iterable[Json]) -> Iterator[str]:
    """Yield every string in ``found``, narratives without their tags."""
    waiting: list[tuple[str, Json]] = [(_NARRATIVE, each) for each in found]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, str):
            yield without_tags(value) if name == _NARRATIVE else value
        elif isinstance(value, dict):
            waiting += [each for each in value.items() if each[0] not in _NOT_CONTENT]
        elif isinstance(value, list):
            waiting += [(name, each) for each in value]


def without_tags(narrative: str) -> str:
    """Return the text of a piece of XHTML."""
    parts, at = [], 0
    while (start := narrative.find("<!--", at)) >= 0:
        parts.append(narrative[at:start])
        end = narrative.find("-->", start)
        at = len(narrative) if end < 0 else end + 3
    parts.append(narrative[at:])
    return html.unescape(_TAG.sub(" ", " ".join(parts)))
