"""What every interaction needs: the hub, the checks and the limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from hub.codecs.outcome import outcome
from hub.codecs.validation import Validator
from hub.core.excluded import is_topic_basic
from hub.core.json_text import Document, dumps
from hub.core.release import FhirRelease, Resource
from hub.engine.hub import Hub
from hub.errors import HubError, InvalidResource, InvalidValue, Issue, MethodNotAllowed
from hub.web.call import Answer
from hub.web.limits import Limits


@dataclass(frozen=True, slots=True)
class Service:
    """The hub as the web floor uses it; ``started`` is since when it offers what it offers."""

    hub: Hub
    validators: Mapping[FhirRelease, Validator]
    limits: Limits
    started: datetime

    def validated(
        self,
        release: FhirRelease,
        document: Document | None,
        resource_type: str,
        id: str | None = None,
    ) -> Document:
        """Return ``document`` if it is a valid resource of this type.

        Args:
            id: the id that it must have, None where the hub gives one.

        Raises:
            InvalidResource: it is none; the issues name the elements.
            InvalidValue: it has another id.
        """
        if document is None:
            raise InvalidResource(
                f"a {resource_type} in the body is missing", expression=resource_type
            )
        kind = document.value.get("resourceType")
        if isinstance(kind, str) and kind != resource_type:
            raise InvalidResource(
                f"resourceType is {kind[:64]}, but the address says {resource_type}",
                issues=[
                    Issue(
                        "invalid",
                        f"resourceType is {kind[:64]}, but the address says {resource_type}",
                        f"{resource_type}.resourceType",
                    )
                ],
            )
        self.validators[release].check(document)
        if id is not None and document.value.get("id") != id:
            raise InvalidValue(
                f"{resource_type}.id must be {id}, as in the address",
                expression=f"{resource_type}.id",
            )
        return document

    def refusal(self, error: HubError, release: FhirRelease | None = None) -> Answer:
        """Return the OperationOutcome that says what was refused."""
        codec = self.hub.codecs.get(release) if release is not None else None
        written = outcome(error, codec.element) if codec is not None else outcome(error)
        return Answer(
            status=error.status,
            body=dumps(written),
            is_outcome=True,
            retry_after=error.retry_after,
        )


def refuse_topic(release: FhirRelease, resource: Resource) -> None:
    """Raise ``MethodNotAllowed`` for an R4 Basic that stands for a topic: topics are read-only."""
    if release is FhirRelease.R4 and is_topic_basic(resource):
        raise MethodNotAllowed(
            "a Basic that is a SubscriptionTopic can't be written: topics are files of the hub",
            expression="Basic.code",
        )
