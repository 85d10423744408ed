"""What every interaction needs: the hub, the checks and the limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TypeVar

from hub.codecs.outcome import outcome
from hub.codecs.validation import Validator
from hub.core.excluded import is_topic_basic
from hub.core.json_text import Document, dumps
from hub.core.release import FhirRelease, Resource
from hub.engine.hub import Hub
from hub.engine.shown_reader import ShownReader
from hub.errors import HubError, InvalidResource, InvalidValue, Issue, MethodNotAllowed
from hub.ports import Reader
from hub.web.call import Answer, Call
from hub.web.callers import Callers
from hub.web.limits import Limits

T = TypeVar("T")

TOPICS_ARE_READ = (
    "topics are files of the hub, or written by its administrator, who sends the bearer token of "
    "--admin-token-file or of one in --clients; create, update and delete them one by one"
)


@dataclass(frozen=True, slots=True)
class Service:
    """The hub as the web floor uses it.

    ``started`` is since when it offers what it offers; ``statements`` keeps what ``/metadata`` of
    each base answered last, with the topics that it was written for.  ``has_xml``:
    resources are read and written as XML, too.  ``demo`` are addresses that only a demo has.
    """

    hub: Hub
    validators: Mapping[FhirRelease, Validator]
    limits: Limits
    started: datetime
    callers: Callers
    has_xml: bool = False
    demo: Mapping[str, str] = field(default_factory=dict)
    statements: dict[FhirRelease, tuple[tuple[str, ...], bytes]] = field(default_factory=dict)

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

    async def read(self, call: Call, query: Callable[[Reader], T]) -> T:
        """Run ``query`` on what the caller may see of the store."""
        store, shows = self.hub.store, partial(self.hub.subscribers.shows, caller=call.client)
        if call.is_administrator:
            return await store.read(query)
        return await store.read(lambda reader: query(ShownReader(reader, shows)))

    def refusal(self, error: HubError, release: FhirRelease | None = None) -> Answer:
        """Return the OperationOutcome that says what was refused."""
        if release is None:
            written = outcome(error)
        else:
            written = outcome(error, self.hub.codecs[release].element)
        return Answer(
            status=error.status,
            body=dumps(written),
            is_outcome=True,
            retry_after=error.retry_after,
            help=f"{self.hub.public_url}/errors/{error.slug}",
            challenge=error.challenge,
        )


def refuse_topic(release: FhirRelease, resource: Resource) -> None:
    """Raise ``MethodNotAllowed`` for an R4 Basic that stands for a topic.

    Clients only read topics; an administrator's writes of them go another way (``hub.web.topic``).
    """
    if is_topic_in(release, resource):
        raise MethodNotAllowed(
            f"a Basic that is a SubscriptionTopic can't be written so: {TOPICS_ARE_READ}",
            expression="Basic.code",
        )


def is_topic_in(release: FhirRelease, resource: Resource) -> bool:
    """Tell whether a resource stands for a topic at the base of ``release``."""
    if release is FhirRelease.R4:
        return is_topic_basic(resource)
    return resource.get("resourceType") == "SubscriptionTopic"
