"""What would become of a Subscription if it were created; nothing is stored, nothing is sent.

It is judged by the very code that judges a create (``hub.engine.acceptance``).

Source: http://hl7.org/fhir/resource-operation-validate.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from hub.core.client import Client
from hub.core.json_text import Document
from hub.core.release import FhirRelease, Resource
from hub.core.subscription import Subscription
from hub.engine.acceptance import Acceptance
from hub.ports import Clock, Codec


@dataclass(frozen=True, slots=True)
class WouldBe:
    """What a create would make of it: as the hub understands it, its topic, and the resource."""

    subscription: Subscription
    topic_version: str
    resource: Resource


class DryRun:
    """Tries Subscriptions out."""

    def __init__(
        self, acceptance: Acceptance, codecs: Mapping[FhirRelease, Codec], clock: Clock
    ) -> None:
        self._acceptance = acceptance
        self._codecs = codecs
        self._clock = clock

    def create(
        self, release: FhirRelease, document: Document, *, caller: Client | None = None
    ) -> WouldBe:
        """Return what a create of a validated Subscription would make of it.

        Raises:
            Unprocessable: it would be refused, for these reasons.
        """
        accepted = self._acceptance.accept(
            release,
            "",
            document,
            None,
            self._clock.now(),
            caller=caller,
        )
        subscription = accepted.subscription
        resource = self._codecs[release].amend_subscription(
            document.value,
            replace(subscription, parameter=accepted.carried),
            masked=False,
            error=None,
        )
        return WouldBe(subscription, accepted.topic_version, resource)
