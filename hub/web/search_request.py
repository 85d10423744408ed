"""What a search asks for: which resources, in which order, and what is told of them.

Source: http://hl7.org/fhir/search.html#results.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from hub.core.search import Query, parse_query
from hub.core.search_include import INCLUDES, Include, parse_include
from hub.core.search_parameter import SearchParameters
from hub.core.search_sort import SortRule, is_newest_first, parse_sort
from hub.errors import InvalidSearch
from hub.web.call import Call
from hub.web.limits import Limits
from hub.web.page import CURSOR, PRESENTATION, Page, read_page
from hub.web.search_subset import Shown, Summary

_DEFINITIONS: Final = "http://hl7.org/fhir/StructureDefinition/"


class Total(StrEnum):
    """How exactly the number of all matches is told."""

    NONE = "none"
    ESTIMATE = "estimate"
    ACCURATE = "accurate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A search as it is understood.

    ``used`` are the parameters that count, as the self link repeats them; ``ignored`` those that
    are unknown.  Without ``rules`` the order is that of the last changes.  ``includes`` say what is
    shown beside the matches, ``shown`` how much of each.
    """

    query: Query
    used: tuple[tuple[str, str], ...]
    ignored: tuple[str, ...]
    page: Page
    total: Total
    rules: tuple[SortRule, ...]
    includes: tuple[Include, ...]
    shown: Shown


@dataclass(slots=True)
class _Result:
    """The parameters about the result as a whole, as they are read one by one."""

    parameters: SearchParameters
    resource_type: str
    shown: Shown
    total: Total = Total.NONE
    rules: list[SortRule] = field(default_factory=list)
    includes: list[Include] = field(default_factory=list)

    def read(self, name: str, value: str) -> bool:
        """Take one parameter; tell whether it is one of these.

        Raises:
            InvalidSearch: it is, but the value is not offered.
        """
        match name:
            case "_total":
                self.total = Total(_one_of(name, value, tuple(Total)))
            case "_summary":
                self.shown.summary = Summary(_one_of(name, value, tuple(Summary)))
            case "_elements":
                self.shown.name(value)
            case "_sort":
                self.rules += parse_sort(self.parameters, self.resource_type, value)
            case _ if name.startswith(("_include", "_revinclude")):
                _one_of("parameter", name, INCLUDES)
                self.includes.append(
                    parse_include(self.parameters, self.resource_type, name, value)
                )
            case _:
                return False
        return True

    def check(self) -> None:
        """Refuse what can't be asked for together.

        Source: http://hl7.org/fhir/R4/search.html#summary.
        """
        summary = self.shown.summary
        if self.shown.named and summary is not Summary.WHOLE:
            raise InvalidSearch(f"_elements and _summary={summary} exclude each other; send one")
        if self.includes and summary is Summary.TEXT:
            raise InvalidSearch("_summary=text shows nothing that is included; leave one out")


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise InvalidSearch(
            f"{name}={value[:64]} is not offered; allowed: {', '.join(sorted(allowed))}"
        )
    return value


def read_search(
    parameters: SearchParameters, call: Call, resource_type: str, limits: Limits
) -> Asked:
    """Read the parameters of a search.

    Raises:
        InvalidSearch, InvalidValue: a parameter is unknown or can't be evaluated.  Where the
            client asked for lenient handling, what is unknown or not offered is left out instead.
    """
    page = read_page(call.query, limits)
    result = _Result(parameters, resource_type, Shown(parameters.release, resource_type))
    criteria: list[tuple[str, str]] = []
    used: list[tuple[str, str]] = []
    ignored: list[str] = []
    for name, value in call.query:
        if name in PRESENTATION:
            continue
        try:
            is_about_result = name in {"_count", CURSOR} or result.read(name, value)
        except InvalidSearch:
            if not call.prefer.lenient:
                raise
            ignored.append(name[:64])
            continue
        if not is_about_result:
            if call.prefer.lenient and not _is_known(parameters, resource_type, name):
                ignored.append(name[:64])
                continue
            criteria.append((name, value))
        used.append((name, value))
    result.check()
    if result.shown.summary is Summary.COUNT:
        page = replace(page, count=0)
    return Asked(
        query=parse_query(parameters, resource_type, _both_spellings(resource_type, criteria)),
        used=tuple(used),
        ignored=tuple(ignored),
        page=page,
        total=Total.ACCURATE if page.count == 0 else result.total,
        rules=() if is_newest_first(result.rules) else tuple(result.rules),
        includes=tuple(result.includes),
        shown=result.shown,
    )


def _is_known(parameters: SearchParameters, resource_type: str, name: str) -> bool:
    code = name.partition(":")[0].partition(".")[0]
    return code == "_has" or parameters.get(resource_type, code) is not None


def _both_spellings(resource_type: str, criteria: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return criteria in which a topic's resource is meant by its name and by its URL alike.

    ``SubscriptionTopic.resourceTrigger.resource`` may be either: relative values resolve against
    the URL of the definitions.
    """
    if resource_type != "SubscriptionTopic":
        return criteria
    return [
        (name, _spellings(value)) if name == "resource" else (name, value)
        for name, value in criteria
    ]


def _spellings(value: str) -> str:
    bare = [one.removeprefix(_DEFINITIONS) for one in value.split(",")]
    return ",".join(f"{one},{_DEFINITIONS}{one}" for one in bare)
