"""One committed write of one resource: what triggers and filters look at.

Source: http://hl7.org/fhir/R5/subscriptiontopic.html ("Resource Triggers").
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from hub.core.release import FhirRelease, Resource


class Interaction(StrEnum):
    """What was done to the resource: the codes of ``supportedInteraction``."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Change(NamedTuple):
    """A resource before and after one write.

    ``previous`` is None on create, ``current`` on delete; nothing may modify either.  ``author`` is
    the name of the client that wrote it, empty where nobody knows.
    """

    release: FhirRelease
    resource_type: str
    id: str
    interaction: Interaction
    previous: Resource | None
    current: Resource | None
    author: str = ""

    @property
    def subject(self) -> Resource:
        """The state that filters look at: after a create or update, before a delete."""
        state = self.previous if self.current is None else self.current
        return {} if state is None else state
