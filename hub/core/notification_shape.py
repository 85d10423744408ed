"""What a notification should carry besides its focus, as the topic's shape names it.

Source: http://hl7.org/fhir/R5/subscriptiontopic.html ("Notification Shapes").
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from hub.core.compiled_topic import CompiledTopic, include_parts
from hub.core.excluded import is_excluded
from hub.core.related_query import RelatedQuery
from hub.core.release import Resource
from hub.core.search_parameter import SearchParameter, SearchParameters
from hub.core.search_path import only_element
from hub.core.search_resolver import Holdings
from hub.core.search_value import NO_VALUES, local_parts

MAX_INCLUDES = 50


def includes(
    compiled: CompiledTopic,
    resource: Resource,
    parameters: SearchParameters,
    holdings: Holdings,
) -> list[tuple[str, str]]:
    """Return (type, id) of the hub's own resources that the shape names for this focus.

    In the order of the directives, each once, without the focus, only what exists, at most
    ``MAX_INCLUDES``.  Directives are ``Type:parameter[:Target]``; ``iterate`` is not followed,
    which the standard allows.
    """
    resource_type = str(resource.get("resourceType"))
    shape = compiled.shape(resource_type)
    if shape is None:
        return []
    focus = resource_type, str(resource.get("id"))
    found: dict[tuple[str, str], None] = {focus: None}
    for directive in _directed(parameters, resource_type, shape.include):
        for target in _targets(directive, resource):
            if target not in found:
                if len(found) > MAX_INCLUDES:
                    break
                if holdings.has(*target) and _may_be_shown(target, holdings):
                    found[target] = None
    for reverse in shape.rev_include:
        source, code, _ = include_parts(reverse)
        for other in holdings.referrers(source, code, *focus):
            referrer = str(other.get("resourceType")), str(other.get("id"))
            if len(found) <= MAX_INCLUDES and not is_excluded(other):
                found[referrer] = None
    del found[focus]
    return list(found)


class _Directive(NamedTuple):
    """The parameter of a directive, and the type of its targets, '' if any.

    ``element`` is the only element that a parameter of references looks at, '' where its path is
    not that simple; ``kept`` is the type of the references that count there, '' if any.
    """

    parameter: SearchParameter
    wanted: str
    element: str
    kept: str


@lru_cache(maxsize=1_024)
def _directed(
    parameters: SearchParameters, resource_type: str, directives: tuple[str, ...]
) -> tuple[_Directive, ...]:
    """Return the directives for the type; of two alike the first one."""
    found: dict[tuple[str, str], _Directive] = {}
    for directive in directives:
        source, code, wanted = include_parts(directive)
        parameter = parameters.get(source, code)
        if source == resource_type and parameter is not None:
            refers = parameter.type == "reference"
            element, kept = only_element(parameter.path) if refers else ("", "")
            found.setdefault((code, wanted), _Directive(parameter, wanted, element, kept))
    return tuple(found.values())


def _targets(directive: _Directive, resource: Resource) -> Sequence[tuple[str, str]]:
    """Return what the directive names in a resource: type and id of each of the hub's own."""
    parameter, wanted, element, kept = directive
    reference = resource.get(element)
    if reference is None and element:
        return ()
    if type(reference) is dict and not (
        kept and ("type" in reference or "resourceType" in reference)
    ):
        literal = reference.get("reference")
        target = local_parts(literal) if type(literal) is str else None
        if target is not None:
            # Nearly all are so, and say themselves what they refer to.
            kind = target[0]
            return (target,) if kept in ("", kind) and wanted in ("", kind) else ()
    values = parameter.values(resource)
    if values is NO_VALUES:
        return ()
    found = map(local_parts, sorted(values.terms))
    return [local for local in found if local is not None and (not wanted or local[0] == wanted)]


def _may_be_shown(target: tuple[str, str], holdings: Holdings) -> bool:
    resource_type, _ = target
    if resource_type == "Basic":
        resource = holdings.read(*target)
        return resource is not None and not is_excluded(resource)
    return not is_excluded({"resourceType": resource_type})


def related_queries(
    compiled: CompiledTopic, resource: Resource, parameters: SearchParameters
) -> tuple[RelatedQuery, ...]:
    """Return the queries that the shape names for this focus, filled; each once."""
    shape = compiled.shape(str(resource.get("resourceType")))
    if shape is None or not shape.related_query:
        return ()
    filled = (each.filled(resource, parameters) for each in shape.related_query)
    return tuple(dict.fromkeys(query for query in filled if query is not None))
