"""What speaks against a write although it is valid.

Source: http://hl7.org/fhir/http.html#concurrency; RFC 6585, section 3 (428).
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.core.author import Author
from hub.core.release import Resource
from hub.core.task_guard import TaskGuard
from hub.core.version import ResourceKey, ResourceVersion
from hub.errors import VersionConflict, VersionRequired


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """What is asked of writes; by default nothing but that what If-Match says is true.

    ``if_match`` are the types of which nobody changes a resource without If-Match; ``tasks`` says
    which status a Task may move to, and who may move it.
    """

    if_match: frozenset[str] = frozenset()
    tasks: TaskGuard | None = None

    def check_if_match(
        self,
        key: ResourceKey,
        head: ResourceVersion | None,
        if_match: int | None,
        *,
        demand: bool = True,
    ) -> None:
        """Refuse a write whose If-Match does not name the current version, or is missing.

        Args:
            key: what is written.
            head: its newest version; where there is none, or a deletion, something is created.
            if_match: the version that the write is meant for, if it says one.
            demand: whether it comes on a way that can say one.

        Raises:
            VersionConflict: somebody was faster, or there is nothing.
            VersionRequired: it says none, and must.
        """
        exists = head is not None and not head.deleted
        if if_match is None:
            if demand and exists and key.resource_type in self.if_match:
                raise VersionRequired(
                    f"{key.reference} is there, and a {key.resource_type} is not changed "
                    "without If-Match"
                )
            return
        if head is None or head.deleted:
            raise VersionConflict(f"If-Match is given, but there is no {key.reference}")
        if head.version != if_match:
            raise VersionConflict(
                f'If-Match names W/"{if_match}", but {key.reference} is at {head.etag}'
            )

    def check_change(
        self, key: ResourceKey, previous: Resource | None, current: Resource, author: Author
    ) -> None:
        """Refuse what may not become of a resource.

        Args:
            key: what is written.
            previous: the state before, None where it is created.
            current: the valid state after.
            author: who writes it.

        Raises:
            TransitionNotAllowed: a Task may not move to this status.
            TaskReserved: it may, but not by this author.
        """
        if self.tasks is not None and key.resource_type == "Task":
            self.tasks.check(key.reference, previous, current, author)


NO_GUARDS = Guards()
