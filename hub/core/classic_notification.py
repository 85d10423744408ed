"""What a person is told of an event of a classic Subscription: no number, as nobody knows of any.

Source: http://hl7.org/fhir/R4/subscription.html (channel email).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hub.core.change import Interaction
from hub.core.notification import NumberedEvent, stable_uuid
from hub.core.release import FhirRelease
from hub.core.subscription import PayloadContent, Subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassicNotification:
    """All that the words about one event say; where ``is_event`` is not set, only the way is tried.

    ``id`` is a UUID that a retry repeats; ``subscription_name`` is the Subscription's reference,
    or the identifier of an administrative one; ``timestamp`` is when the resource changed.
    Nothing is held that ``content`` does not allow to be told: ``resource_type`` and ``focus``
    (``Type/id``) are None where it is ``empty``, ``interaction`` unless it is ``full-resource``.
    """

    id: str
    release: FhirRelease
    subscription_name: str
    administrative: bool
    content: PayloadContent
    timestamp: datetime
    is_event: bool
    resource_type: str | None = None
    focus: str | None = None
    interaction: Interaction | None = None


def classic_notification(
    subscription: Subscription, event: NumberedEvent | None, now: datetime
) -> ClassicNotification:
    """Return what may be told of ``event``, or, where there is none, of a trial at ``now``."""
    content = subscription.content
    told = content is not PayloadContent.EMPTY
    focus = event.focus if event is not None else None
    timestamp = now if event is None else event.timestamp
    return ClassicNotification(
        id=stable_uuid(
            *(subscription.release, subscription.id, "classic", timestamp.isoformat()),
            "" if event is None else event.number,
        ),
        release=subscription.release,
        subscription_name=subscription.name,
        administrative=subscription.administrative,
        content=content,
        timestamp=timestamp,
        is_event=event is not None,
        resource_type=subscription.topic if told else None,
        focus=focus.key.reference if told and focus is not None else None,
        interaction=focus.interaction
        if content is PayloadContent.FULL_RESOURCE and focus is not None
        else None,
    )
