"""Versions of resources as the hub keeps them, and the events they caused.

Source: http://hl7.org/fhir/R5/http.html (history, versioning).
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from hub.core.change import Interaction
from hub.core.related_query import RelatedQuery
from hub.core.release import FhirRelease


class ResourceKey(NamedTuple):
    """Which resource: ids are unique per release and type."""

    release: FhirRelease
    resource_type: str
    id: str

    @property
    def reference(self) -> str:
        """The relative reference, ``Task/81``."""
        return f"{self.resource_type}/{self.id}"


class ResourceVersion(NamedTuple):
    """One version of a resource.

    ``seq`` is its place in the log of all changes, ``transaction`` the last seq of what was
    committed with it in one Bundle; ``body`` is the JSON text, None for a deletion; ``author`` the
    name of the client that wrote it, empty where nobody knows.
    """

    seq: int
    key: ResourceKey
    version: int
    interaction: Interaction
    timestamp: datetime
    body: bytes | None
    transaction: int
    previous: int | None = None
    author: str = ""

    def __repr__(self) -> str:
        """Name the version; what it says is nobody's business."""
        return f"<{self.key.reference} version {self.version} at {self.seq}>"

    @property
    def deleted(self) -> bool:
        """Whether this version is a deletion."""
        return self.body is None

    @property
    def etag(self) -> str:
        """The entity tag, ``W/"3"``."""
        return f'W/"{self.version}"'


class VersionReference(NamedTuple):
    """A resource at one version, as additional context of an event."""

    resource_type: str
    id: str
    version: int


class Occurrence(NamedTuple):
    """What made an event that no change made: somebody told the hub that it happened.

    ``triggers`` are the indexes of the topic's event triggers; ``focus`` is the resource that it
    is about, as it was at the instant ``at``.
    """

    triggers: tuple[int, ...]
    focus: VersionReference
    at: datetime


class EventContext(NamedTuple):
    """What was decided about an event when it was committed.

    ``triggers`` are the indexes of the topic's resource triggers that fired; ``includes`` the
    resources of the notificationShape at the versions of that moment; ``queries`` its related
    queries, filled; ``occurrence`` is there where no change made the event.  ``lost`` tells that
    it took the resource from the subscriber, who is shown the reference and nothing else.
    """

    triggers: tuple[int, ...] = ()
    includes: tuple[VersionReference, ...] = ()
    queries: tuple[RelatedQuery, ...] = ()
    occurrence: Occurrence | None = None
    lost: bool = False


class StreamEvent(NamedTuple):
    """Event ``n`` of a stream: the change ``seq`` made it.

    Where ``context`` has an occurrence, ``seq`` is only its place among the changes: later than
    all before it, and no change stands there.
    """

    stream: int
    n: int
    seq: int
    context: EventContext = EventContext()
