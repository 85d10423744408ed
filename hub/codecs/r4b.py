"""R4B: the backport guide's Subscription, and a status that is a SubscriptionStatus resource.

Source: http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-notification.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from hub.codecs.backport import BackportCodec
from hub.codecs.bundle import subscription_status
from hub.codecs.extension import BACKPORT
from hub.core.notification import Notification
from hub.core.release import FhirRelease

NOTIFICATION_PROFILE: Final = f"{BACKPORT}/StructureDefinition/backport-subscription-notification"


class R4BCodec(BackportCodec):
    """R4B, see ``hub.ports.Codec``."""

    release = FhirRelease.R4B
    notification_profile: ClassVar[str | None] = NOTIFICATION_PROFILE

    def status_resource(
        self, notification: Notification, base_url: str, own: Sequence[bytes]
    ) -> list[bytes]:
        """Write the status as a SubscriptionStatus."""
        return subscription_status(notification, base_url, own)
