"""References inside a transaction: to entries of it, which get their ids only now.

Source: http://hl7.org/fhir/R5/http.html#trules (replacing references).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from hub.core.json_text import Document, dumps, parse
from hub.core.release import Json, Resource
from hub.core.version import ResourceKey
from hub.engine.write import Write
from hub.errors import InvalidResource, UnresolvedReference

NOWHERE_ELSE: Final = ("urn:uuid:", "urn:oid:")
"""How references begin that only an entry of the same Bundle can answer."""


def names_of(writes: Sequence[Write], keys: Sequence[ResourceKey]) -> Mapping[str, str] | None:
    """Return what references of a transaction stand for, None outside one."""
    if all(write.full_url is None for write in writes):
        return None
    return {
        write.full_url: key.reference
        for write, key in zip(writes, keys, strict=True)
        if write.full_url
    }


def refuse_twice(keys: Sequence[ResourceKey]) -> None:
    """Refuse a transaction that changes a resource twice.

    Raises:
        InvalidResource: it does; the outcome would depend on the order of its entries.
    """
    seen: set[ResourceKey] = set()
    for key in keys:
        if key in seen:
            raise InvalidResource(
                f"the transaction changes {key.reference} twice", expression="Bundle.entry"
            )
        seen.add(key)


def with_references(document: Document, names: Mapping[str, str]) -> Document:
    """Return the document with references to other entries as references to their resources.

    Args:
        names: what the fullUrl of each entry stands for, ``Type/id``.

    Raises:
        UnresolvedReference: a reference names no entry and nothing that could be stored.
    """

    def rename(reference: str) -> str:
        target = names.get(reference.partition("#")[0], reference)
        if target == reference and reference.startswith(NOWHERE_ELSE):
            raise UnresolvedReference(
                f"no entry of the transaction has the fullUrl {reference[:64]}",
            )
        return target

    changed, value = renamed(document.value, rename)
    return parse(dumps(value)) if changed else document


def renamed(value: Json, rename: Callable[[str], str]) -> tuple[bool, Json]:
    """Return whether any ``Reference.reference`` in ``value`` changes, and ``value`` with it."""
    if isinstance(value, list):
        pairs = [renamed(item, rename) for item in value]
        return any(changed for changed, _ in pairs), [item for _, item in pairs]
    if not isinstance(value, dict) or value.get("resourceType") == "Bundle":
        # The references in a Bundle are resolved inside it.
        return False, value
    members: Resource = {}
    any_changed = False
    for name, item in value.items():
        if name == "reference" and isinstance(item, str):
            target = rename(item)
            changed, members[name] = target != item, target
        else:
            changed, members[name] = renamed(item, rename)
        any_changed = any_changed or changed
    return any_changed, members
