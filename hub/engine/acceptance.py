"""What the hub would honour of a submitted Subscription; everything else is refused.

Source: http://hl7.org/fhir/R5/subscription.html; backport IG, "Subscriptions" (a server rejects
what it will not honour).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from hub.core.filters import Filters, accept_filters
from hub.core.json_text import Document
from hub.core.registry import Registry
from hub.core.release import FhirRelease
from hub.core.search_parameter import SearchParameters
from hub.core.subscriber import Subscriber
from hub.core.subscription import (
    ChannelType,
    Signal,
    Subscription,
    SubscriptionStatusCode,
    counts,
    initial_status,
    status_after_update,
    transition,
)
from hub.engine.header_mask import with_kept_headers
from hub.errors import ChannelNotSupported, SubscriptionRefused
from hub.ports import Channel, Codec


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What the hub would honour of a Subscription.

    ``asked_anew`` is whether the client asked for a handshake; ``carried`` are the headers as they
    were sent, ``***`` where kept.
    """

    subscription: Subscription
    topic_version: str
    filters: Filters
    owner: str
    asked_anew: bool
    carried: tuple[tuple[str, str], ...] = field(repr=False)


class Acceptance:
    """Checks Subscriptions against topics, filters and channels; stores nothing."""

    def __init__(
        self,
        registry: Registry,
        codecs: Mapping[FhirRelease, Codec],
        parameters: Mapping[FhirRelease, SearchParameters],
        channels: Mapping[ChannelType, Channel],
    ) -> None:
        self._registry = registry
        self._codecs = codecs
        self._parameters = parameters
        self._channels = channels

    def accept(
        self,
        release: FhirRelease,
        id: str,
        document: Document,
        alive: Subscriber | None,
        now: datetime,
    ) -> Accepted:
        """Return what the hub would honour of a submitted Subscription.

        Args:
            id: under which it is, or will be, known.
            alive: the Subscription of this id, None where there is none now.
            now: what an ``end`` is compared with.

        Raises:
            SubscriptionRefused: something can't be honoured; in the release's terms.
            Unprocessable: the client may not set this status.
        """
        try:
            return self._accepted(release, id, document, alive, now)
        except SubscriptionRefused as error:
            raise _in_terms_of(self._codecs[release], error) from None

    def _accepted(
        self,
        release: FhirRelease,
        id: str,
        document: Document,
        alive: Subscriber | None,
        now: datetime,
    ) -> Accepted:
        codec = self._codecs[release]
        submitted = replace(codec.decode_subscription(document.value), id=id)
        stored = alive.subscription if alive else None
        carried = submitted.parameter
        submitted = with_kept_headers(submitted, stored)
        pinned = alive is not None and stored is not None and stored.topic == submitted.topic
        compiled = self._registry.topic(
            release,
            alive.topic_version if alive is not None and pinned else submitted.topic,
            for_new=not pinned,
        )
        filters = accept_filters(compiled, submitted.filter_by, self._parameters[release])
        channel = self._channels.get(submitted.channel_type)
        if channel is None:
            offered = ", ".join(sorted(self._channels))
            raise ChannelNotSupported(
                f"the channel {submitted.channel_type} is not offered here; {offered} are",
                expression="Subscription.channelType",
            )
        channel.check(submitted)
        over = submitted.end is not None and submitted.end <= now
        if stored is None:
            status = initial_status(submitted)
            if over:
                submitted = replace(submitted, end=None)
        else:
            status = status_after_update(stored, submitted)
            if over:
                status = transition(status, Signal.ENDED) if counts(status) else status
        return Accepted(
            subscription=replace(submitted, status=status),
            topic_version=compiled.topic.canonical,
            filters=filters,
            owner=alive.owner if alive else "",
            asked_anew=submitted.status is SubscriptionStatusCode.REQUESTED,
            carried=carried,
        )


def _in_terms_of(codec: Codec, error: SubscriptionRefused) -> SubscriptionRefused:
    """Return the refusal with the release's own name of the element."""
    if error.expression is None:
        return error
    return type(error)(error.diagnostics, expression=codec.element(error.expression))
