"""What a notification should carry besides its focus, as the topic's shape names it.

Source: http://hl7.org/fhir/R5/subscriptiontopic.html ("Notification Shapes").
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from hub.core.compiled_topic import CompiledTopic, include_parts
from hub.core.excluded import is_excluded
from hub.core.related_query import RelatedQuery
from hub.core.release import Resource
from hub.core.search import Resolver
from hub.core.search_parameter import SearchParameters
from hub.core.search_value import LOCAL_REFERENCE

MAX_INCLUDES = 50


def includes(
    compiled: CompiledTopic,
    resource: Resource,
    parameters: SearchParameters,
    resolver: Resolver,
) -> list[tuple[str, str]]:
    """Return (type, id) of the hub's own resources that the shape names for this focus.

    In the order of the directives, each once, without the focus, only what exists, at most
    ``MAX_INCLUDES``.  Directives are ``Type:parameter[:Target]``; ``iterate`` is not followed,
    which the standard allows.
    """
    shape = compiled.shape(str(resource.get("resourceType")))
    if shape is None:
        return []
    focus = str(resource.get("resourceType")), str(resource.get("id"))
    found: dict[tuple[str, str], None] = {}
    for directive in shape.include:
        for target in _referred(directive, resource, parameters):
            if target != focus and target not in found and len(found) < MAX_INCLUDES:
                other = resolver.read(*target)
                if other is not None and not is_excluded(other):
                    found[target] = None
    for directive in shape.rev_include:
        source, code, _ = include_parts(directive)
        for other in resolver.referrers(source, code, *focus):
            referrer = str(other.get("resourceType")), str(other.get("id"))
            if referrer != focus and len(found) < MAX_INCLUDES and not is_excluded(other):
                found[referrer] = None
    return list(found)


def related_queries(
    compiled: CompiledTopic, resource: Resource, parameters: SearchParameters
) -> tuple[RelatedQuery, ...]:
    """Return the queries that the shape names for this focus, filled; each once."""
    shape = compiled.shape(str(resource.get("resourceType")))
    if shape is None or not shape.related_query:
        return ()
    filled = (each.filled(resource, parameters) for each in shape.related_query)
    return tuple(dict.fromkeys(query for query in filled if query is not None))


def _referred(
    directive: str, resource: Resource, parameters: SearchParameters
) -> Sequence[tuple[str, str]]:
    source, code, wanted = include_parts(directive)
    parameter = parameters.get(source, code)
    if source != resource.get("resourceType") or parameter is None:
        return ()
    found = _local_references(parameter.values(resource).terms)
    return [target for target in found if target[0] == wanted] if wanted else found


@lru_cache(maxsize=8_192)
def _local_references(terms: frozenset[str]) -> tuple[tuple[str, str], ...]:
    found = map(LOCAL_REFERENCE.fullmatch, sorted(terms))
    return tuple((local[1], local[2]) for local in found if local is not None)
