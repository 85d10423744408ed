"""What the codecs of all releases have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar

from hub.codecs.bundle import notification_text, write_statuses
from hub.codecs.message import write_message
from hub.codecs.notification_form import form_of, marked
from hub.codecs.notification_text import called, for_many, holes, told
from hub.codecs.parameters import read_parameters, write_parameters
from hub.codecs.topic import to_release
from hub.codecs.xml import is_xml
from hub.codecs.xml_writer import write_xml
from hub.core.message import DEFAULT_MESSAGE_EVENT, MessageEvent
from hub.core.notification import Alike, Called, Form, Notification, NotificationEntry
from hub.core.refusals import Refusals
from hub.core.release import FhirRelease, Resource
from hub.core.subscription import Subscription
from hub.core.topic import SubscriptionTopic


class ReleaseCodec(ABC):
    """The half of ``hub.ports.Codec`` that differs between releases in names only.

    A release says which Bundle type a notification has, which profile it claims, and how the
    status resource is written.

    Args:
        message_event: the event of the messages that carry notifications.
        has_xml: whether payloads in XML are accepted; writing them takes the extra ``xml``.
    """

    release: FhirRelease
    bundle_type: ClassVar[str] = "history"
    notification_profile: ClassVar[str | None] = None

    def __init__(
        self, message_event: MessageEvent = DEFAULT_MESSAGE_EVENT, *, has_xml: bool = True
    ) -> None:
        self._message_event = message_event
        self.has_xml = has_xml

    def decode_subscription(self, resource: Resource) -> Subscription:
        """Read a validated Subscription resource; its id may be empty.

        Raises:
            SubscriptionRefused: what can't be honoured, all of it, with the release's elements.
        """
        refusals = Refusals()
        found = self.read_subscription(resource, refusals)
        refusals.raise_any()
        return found

    @abstractmethod
    def read_subscription(self, resource: Resource, refusals: Refusals) -> Subscription:
        """Read a validated Subscription resource as far as it can be honoured."""

    def writes(self, content_type: str) -> bool:
        """Tell whether payloads of a MIME type that was accepted once can be written now."""
        return self.has_xml or not _is_xml(content_type)

    def encode_payload(self, notification: Notification, base_url: str) -> bytes:
        """Write the notification Bundle in the MIME type that its Subscription asks for."""
        body = self.encode_notification(notification, base_url)
        return write_xml(body, self.release) if _is_xml(notification.content_type) else body

    def called(self, subscription: Subscription, base_url: str) -> Called:
        """Return how payloads call a Subscription."""
        name = subscription.identifier[0] if subscription.identifier else None
        return called(subscription.id, name, subscription.administrative, base_url)

    def encode_alike(self, notification: Notification, base_url: str) -> Alike:
        """Return what writes payloads that say the same to other Subscriptions."""
        write = for_many(self._pieces(notification, base_url, holes(len(notification.events))))
        if _is_xml(notification.content_type):
            return lambda *told: write_xml(write(*told), self.release)
        return write

    def encode_form(self, notification: Notification, base_url: str) -> Form:
        """Return what writes payloads that say the same of other changes."""
        write = form_of(self._pieces(marked(notification), base_url, holes(1)))
        if _is_xml(notification.content_type):
            return lambda *told: write_xml(write(*told), self.release)
        return write

    def encode_notification(self, notification: Notification, base_url: str) -> bytes:
        """Write the notification Bundle (also of ``$events``) as JSON, always the same bytes."""
        own = told(notification.addressee, base_url)
        return b"".join(self._pieces(notification, base_url, own))

    def _pieces(
        self, notification: Notification, base_url: str, own: Sequence[bytes]
    ) -> list[bytes]:
        return notification_text(
            notification,
            base_url,
            own,
            bundle_type=self.bundle_type,
            profile=self.notification_profile,
            status=self.status_resource,
            entries=self.further_entries(notification),
        )

    def encode_resource(self, body: bytes, content_type: str) -> bytes:
        """Write a stored resource, given as JSON text, in a MIME type that was asked for."""
        return write_xml(body, self.release) if is_xml(content_type) else body

    def encode_message(self, notification: Notification, base_url: str, destination: str) -> bytes:
        """Write the message Bundle with the notification inside, in the MIME type asked for."""
        bundle = self.encode_notification(notification, base_url)
        body = write_message(
            notification, bundle, base_url, event=self._message_event, destination=destination
        )
        return write_xml(body, self.release) if _is_xml(notification.content_type) else body

    def encode_statuses(
        self, statuses: Sequence[Notification], base_url: str, self_url: str
    ) -> bytes:
        """Write the searchset Bundle that answers ``$status``."""
        return write_statuses(statuses, base_url, self_url, status=self.status_resource)

    @abstractmethod
    def status_resource(
        self, notification: Notification, base_url: str, own: Sequence[bytes]
    ) -> list[bytes]:
        """Write the status resource of a notification (``hub.codecs.bundle.StatusWriter``)."""

    def further_entries(self, notification: Notification) -> Sequence[NotificationEntry]:
        """Return the entries that follow the status."""
        return notification.entries

    def encode_parameters(self, values: Sequence[tuple[str, str, str]]) -> Resource:
        """Write a Parameters resource of (name, value type such as ``valueString``, value)."""
        return write_parameters(values)

    def decode_parameters(self, resource: Resource) -> list[tuple[str, str]]:
        """Read the primitive parameters of a Parameters resource as (name, text)."""
        return read_parameters(resource)

    def encode_topic(self, topic: SubscriptionTopic) -> Resource:
        """Write a topic as the release's resource (R4: ``Basic``)."""
        return to_release(topic.source, self.release)


@lru_cache(maxsize=64)
def _is_xml(content_type: str) -> bool:
    """Tell whether the Bundle is asked for in XML."""
    return is_xml(bundle_type(content_type))


def bundle_type(content_type: str) -> str:
    """Return the MIME type of the Bundle itself: of a mail it is what is attached."""
    name, *parameters = content_type.split(";")
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if name.strip().lower().startswith("text/") and key.strip().lower() == "attach":
            return value.strip().strip('"')
    return content_type
