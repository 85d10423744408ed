"""What a channel is handed for one attempt: the notification, its text, and where it goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from hub.core.classic_notification import classic_notification
from hub.core.delivery import Envelope
from hub.core.notification import (
    Form,
    Notification,
    NotificationType,
    NumberedEvent,
    build_notification,
    event_id,
)
from hub.core.related_query import Coding
from hub.core.release import FhirRelease
from hub.core.subscriber import Subscriber
from hub.core.subscription import ChannelType, Subscription, SubscriptionStatusCode
from hub.engine.classic_notification import classic_payload
from hub.engine.encoding import encoded
from hub.ports import Codec

DEFAULT_TIMEOUT = timedelta(seconds=15)

_MOST_FORMS: Final = 1_024
_Kind: TypeAlias = tuple[str, str, str, str, str, str, str, bool, Coding | None]
"""What is the same in all notifications that one form writes."""


class Envelopes:
    """Puts notifications into envelopes.

    Args:
        codecs: write the text of each release.
        base_url: of a release.
        confirm_url: where a person agrees to get the mails of a Subscription, who is asked by the
            mail of the given instant; None where nobody is asked.
    """

    def __init__(
        self,
        codecs: Mapping[FhirRelease, Codec],
        base_url: Callable[[FhirRelease], str],
        *,
        confirm_url: Callable[[Subscriber, datetime], str] | None = None,
    ) -> None:
        self._codecs = codecs
        self._base_urls = {release: base_url(release) for release in codecs}
        self._confirm_url = confirm_url
        self._forms: dict[_Kind, Form | None] = {}

    def around(self, notification: Notification, subscriber: Subscriber) -> Envelope:
        """Return the envelope with ``notification`` for ``subscriber``."""
        subscription = subscriber.subscription
        release = notification.release
        asks = notification.type is NotificationType.HANDSHAKE
        return Envelope(
            channel_type=subscription.channel_type,
            endpoint=subscription.endpoint or "",
            content_type=subscription.content_type,
            body=encoded(
                self._codecs[release], subscription, notification, self._base_urls[release]
            ),
            parameter=subscription.parameter,
            timeout=subscription.timeout or DEFAULT_TIMEOUT,
            notification=notification,
            confirm_url=self._question(subscriber, notification.timestamp) if asks else None,
        )

    def about(
        self, subscriber: Subscriber, event: NumberedEvent, hint: Coding | None
    ) -> Envelope | None:
        """Return the envelope with the notification about one event, None where that is not simple.

        Most notifications to endpoints are about one change, and what they have in common is
        written once.
        """
        subscription, focus = subscriber.subscription, event.focus
        if (
            subscription.channel_type is not ChannelType.REST_HOOK
            or focus is None
            or event.lost
            or event.context
            or event.queries
        ):
            return None
        release, level = subscription.release, subscription.content
        kind = (
            *(release, subscription.topic, subscription.status, level, subscription.content_type),
            *(focus.key.resource_type, focus.interaction, focus.deleted, hint),
        )
        codec, base_url = self._codecs[release], self._base_urls[release]
        try:
            form = self._forms[kind]
        except KeyError:
            form = self._forms[kind] = _form(codec, base_url, subscription, event, hint)
            if len(self._forms) > _MOST_FORMS:
                del self._forms[next(iter(self._forms))]
        if form is None:
            return None
        return Envelope(
            channel_type=ChannelType.REST_HOOK,
            endpoint=subscription.endpoint or "",
            content_type=subscription.content_type,
            body=form(event_id(subscription, event), codec.called(subscription, base_url), event),
            parameter=subscription.parameter,
            timeout=subscription.timeout or DEFAULT_TIMEOUT,
        )

    def classic(
        self, subscriber: Subscriber, now: datetime, event: NumberedEvent | None = None
    ) -> Envelope:
        """Return the envelope of what a classic Subscription is sent of an event.

        Without one it is the call alone, or a mail that tries the way or asks for consent.
        """
        subscription = subscriber.subscription
        update, body = None, b""
        if event is not None:
            codec = self._codecs[subscription.release]
            update, body = classic_payload(codec, subscription, event)
        by_mail = subscription.channel_type is ChannelType.EMAIL
        return Envelope(
            channel_type=subscription.channel_type,
            endpoint=subscription.endpoint or "",
            content_type=subscription.content_type,
            body=body,
            parameter=subscription.parameter,
            timeout=subscription.timeout or DEFAULT_TIMEOUT,
            update=None if by_mail else update,
            classic=classic_notification(subscription, event, now) if by_mail else None,
            confirm_url=self._question(subscriber, now) if event is None else None,
        )

    def _question(self, subscriber: Subscriber, now: datetime) -> str | None:
        """Return where a person agrees, None where nobody is to be asked, or not any more."""
        subscription = subscriber.subscription
        if (
            self._confirm_url is None
            or subscription.channel_type is not ChannelType.EMAIL
            or subscription.status is not SubscriptionStatusCode.REQUESTED
        ):
            return None
        return self._confirm_url(subscriber, now)

    def asks_first(self, subscription: Subscription) -> bool:
        """Tell whether a person must agree before events are sent."""
        return self._confirm_url is not None and subscription.channel_type is ChannelType.EMAIL


def _form(
    codec: Codec,
    base_url: str,
    subscription: Subscription,
    event: NumberedEvent,
    hint: Coding | None,
) -> Form | None:
    """Return what writes notifications as that about ``event``, None if it writes it otherwise."""
    notification = build_notification(
        subscription,
        NotificationType.EVENT_NOTIFICATION,
        total=event.number,
        timestamp=event.timestamp,
        events=(event,),
        hint=hint,
    )
    form = codec.encode_form(notification, base_url)
    written = form(notification.id, codec.called(subscription, base_url), event)
    return form if written == codec.encode_payload(notification, base_url) else None
