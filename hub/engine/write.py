"""One interaction that changes a resource, and what became of it.

Source: http://hl7.org/fhir/R5/http.html (create, update, patch, delete, conditional create).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from hub.core.change import Interaction
from hub.core.client import Client
from hub.core.json_text import Document, same
from hub.core.release import Resource
from hub.core.search import Query
from hub.core.search_element import OF_VERSION
from hub.core.search_index import IndexEntry
from hub.core.version import ResourceVersion


class Outcome(StrEnum):
    """What became of one write.

    ``absent``: a DELETE of nothing; ``matched``: If-None-Exist found exactly one.
    """

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    ABSENT = "absent"
    MATCHED = "matched"


class Write(NamedTuple):
    """One interaction that changes a resource.

    CREATE has no ``id``; UPDATE creates what is absent.  ``document`` is validated.  ``patch``
    takes the current resource and returns the patched, validated document.  ``full_url`` is what
    other entries of the same transaction call this one, empty where they do not; None outside a
    transaction.  ``unconditional`` is a write on a way that has no If-Match: of the hub itself, or
    by a message.  ``author`` is who writes, None where nobody was asked.  ``content`` is what
    ``content_entry`` returned for the document, None if nobody asked.
    """

    interaction: Interaction
    resource_type: str
    id: str | None = None
    document: Document | None = None
    if_match: int | None = None
    if_none_exist: Query | None = None
    patch: Callable[[Resource], Document] | None = None
    full_url: str | None = None
    unconditional: bool = False
    author: Client | None = None
    content: IndexEntry | None = None


class Written(NamedTuple):
    """What became of a write, and the version that is current after it (None if none ever was)."""

    outcome: Outcome
    version: ResourceVersion | None


def content(resource: Resource | None) -> Resource:
    """Return what counts when two versions are compared: all but what the hub sets in meta."""
    own = {name: value for name, value in (resource or {}).items() if name not in OF_VERSION}
    meta = {
        name: value
        for name, value in ((resource or {}).get("meta") or {}).items()
        if name not in ("versionId", "lastUpdated")
    }
    return own | {"meta": meta} if meta else own


def says_the_same(left: Resource, right: Resource) -> bool:
    """Tell whether two states differ in nothing but what the hub sets."""
    # Most updates change a text, such as the status: then nothing needs to be copied.
    for name, value in right.items():
        if type(value) is str and name not in OF_VERSION and left.get(name) != value:
            return False
    return same(content(left), content(right))
