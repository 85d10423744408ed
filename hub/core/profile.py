"""Profiles: StructureDefinitions that narrow a resource type, as topics may name them.

The hub does not check a resource against a profile.  It takes the resource's word: one that names
the profile, or a profile derived from it, in ``meta.profile`` is of that profile.
Source: http://hl7.org/fhir/R5/structuredefinition.html; http://hl7.org/fhir/R5/profiling.html.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from hub.core.canonical import split_canonical
from hub.core.release import Resource


class TypeNamed(NamedTuple):
    """What a topic's ``resource`` means: a type, and the profiles that one of which is claimed.

    No profiles: the type alone is meant.
    """

    resource_type: str
    profiles: frozenset[str] = frozenset()

    def means(self, resource: Resource) -> bool:
        """Tell whether ``resource``, which is of the type, claims what is asked for."""
        return not self.profiles or not self.profiles.isdisjoint(_claimed(resource))


class Profiles:
    """The profiles of resource types that are loaded, of any release."""

    def __init__(self, definitions: Iterable[Resource] = ()) -> None:
        self._types: dict[str, str] = {}
        self._derived: dict[str, set[str]] = {}
        for each in definitions:
            url, kind, base = each.get("url"), each.get("type"), each.get("baseDefinition")
            if each.get("derivation") != "constraint" or each.get("kind") != "resource":
                continue
            if isinstance(url, str) and isinstance(kind, str):
                self._types.setdefault(url, kind)
                if isinstance(base, str):
                    self._derived.setdefault(split_canonical(base)[0], set()).add(url)

    def named(self, canonical: str) -> TypeNamed | None:
        """Return what a profile's URL means, None for one that is not loaded.

        A version in it is not compared: few resources claim one.
        """
        url = split_canonical(canonical)[0]
        resource_type = self._types.get(url)
        if resource_type is None:
            return None
        found, waiting = {url}, [url]
        while waiting:
            more = self._derived.get(waiting.pop(), set()) - found
            found |= more
            waiting.extend(more)
        return TypeNamed(resource_type, frozenset(found))


NO_PROFILES = Profiles()


def _claimed(resource: Resource) -> Iterable[str]:
    meta = resource.get("meta")
    claims = meta.get("profile") if isinstance(meta, dict) else None
    for each in claims if isinstance(claims, list) else ():
        if isinstance(each, str):
            yield split_canonical(each)[0]
