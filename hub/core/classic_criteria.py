"""The criteria of a classic Subscription (R4, R4B): a search that a resource is to match.

Such criteria become what a topic-based Subscription has: a topic, of the one trigger "created or
updated", for the type that is searched, and filters.  So equal criteria share a stream, and
matching goes through the same index.
Source: http://hl7.org/fhir/R4/subscription.html (``Subscription.criteria``);
http://hl7.org/fhir/R4/search.html (parameters of the result).
"""

from __future__ import annotations

from collections.abc import Sequence

from hub.core.change import Interaction
from hub.core.compiled_topic import CompiledTopic, compile_topic
from hub.core.excluded import is_excluded
from hub.core.filters import LONGEST_FILTER, MOST_FILTERS, Filters
from hub.core.search import parse_query
from hub.core.search_parameter import SearchParameters
from hub.core.subscription import FilterBy
from hub.core.topic import ResourceTrigger, SubscriptionTopic
from hub.errors import CriteriaInvalid, FiltersTooCostly, InvalidSearch

_RESULT = frozenset(
    {
        *("_format", "_pretty", "_count", "_sort", "_total", "_summary", "_elements"),
        *("_include", "_revinclude"),
    }
)
_PATH = "Subscription.topic"


def is_about_result(name: str) -> bool:
    """Tell whether a search parameter says only how a result is shown; it filters nothing."""
    return name.partition(":")[0] in _RESULT


def criteria_topic(resource_type: str, parameters: SearchParameters) -> CompiledTopic:
    """Return the topic that stands for all criteria on a type; its canonical is the type's name.

    It fires on the new state: the state before a change does not count, nor do deletions.
    """
    trigger = ResourceTrigger(
        resource=resource_type,
        supported_interaction=frozenset({Interaction.CREATE, Interaction.UPDATE}),
    )
    topic = SubscriptionTopic(
        url=resource_type, status="active", resource_triggers=(trigger,), source={}
    )
    return compile_topic(topic, parameters)


def accept_criteria(
    resource_type: str, filter_by: Sequence[FilterBy], parameters: SearchParameters
) -> Filters:
    """Check and compile criteria; they are not bound by what any topic offers.

    Args:
        resource_type: what is searched.
        filter_by: the conditions; without any, every resource of the type matches.
        parameters: of the release.

    Raises:
        CriteriaInvalid: there is no such type, it is one about the hub itself, or a condition
            can't be evaluated.
        FiltersTooCostly: there are too many conditions, or one is too long.
    """
    if resource_type not in parameters.types():
        raise CriteriaInvalid(
            f"{resource_type!r} is no resource type of {parameters.release}; criteria are the "
            "canonical URL of a topic, or a search such as Task?status=requested",
            expression=_PATH,
        )
    if is_excluded({"resourceType": resource_type}):
        raise CriteriaInvalid(
            f"criteria can't search {resource_type}: it is about the hub itself, so only a topic "
            "can tell of it",
            expression=_PATH,
        )
    longest = max((len(each.filter_parameter) + len(each.value) for each in filter_by), default=0)
    if len(filter_by) > MOST_FILTERS or longest > LONGEST_FILTER:
        raise FiltersTooCostly(
            f"the criteria have {len(filter_by)} conditions, the longest of {longest} characters; "
            f"allowed: {MOST_FILTERS} of {LONGEST_FILTER}",
            expression=_PATH,
        )
    try:
        query = parse_query(parameters, resource_type, map(_pair, filter_by))
    except InvalidSearch as error:
        raise CriteriaInvalid(
            f"the criteria can't be evaluated: {error.diagnostics}", expression=_PATH
        ) from None
    return Filters(by_type={resource_type: query}, canonical=query.canonical, parameters=parameters)


def _pair(entry: FilterBy) -> tuple[str, str]:
    modifier = f":{entry.modifier}" if entry.modifier else ""
    return f"{entry.filter_parameter}{modifier}", f"{entry.comparator or ''}{entry.value}"
