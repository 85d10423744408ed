"""What the hub would honour of a submitted Subscription; everything else is refused.

Source: http://hl7.org/fhir/R5/subscription.html; backport IG, "Subscriptions" (a server rejects
what it will not honour).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from hub.core.administrative import check_administrative, check_managing_entity
from hub.core.client import Client
from hub.core.echo import check_echo
from hub.core.filters import Filters
from hub.core.json_text import Document
from hub.core.refusals import Refusals, joined
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
from hub.errors import ChannelNotSupported, SubscriptionRefused, Unprocessable
from hub.ports import Channel, Codec


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What the hub would honour of a Subscription.

    ``owner`` is whose it is from now on; ``asked_anew`` is whether the client asked for a
    handshake; ``carried`` are the headers as they were sent, ``***`` where kept.
    """

    subscription: Subscription
    topic_version: str
    filters: Filters
    owner: str
    asked_anew: bool
    carried: tuple[tuple[str, str], ...] = field(repr=False)


class Acceptance:
    """Checks Subscriptions against topics, filters and channels; stores nothing.

    With ``email_opt_in`` a person must agree before an email Subscription is active;
    ``knows_callers`` is whether the hub asks who calls it.
    """

    def __init__(
        self,
        registry: Registry,
        codecs: Mapping[FhirRelease, Codec],
        parameters: Mapping[FhirRelease, SearchParameters],
        channels: Mapping[ChannelType, Channel],
        *,
        email_opt_in: bool = False,
        knows_callers: bool = False,
    ) -> None:
        self._registry = registry
        self._codecs = codecs
        self._parameters = parameters
        self._channels = channels
        self._email_opt_in = email_opt_in
        self._knows_callers = knows_callers

    def accept(
        self,
        release: FhirRelease,
        id: str,
        document: Document,
        alive: Subscriber | None,
        now: datetime,
        *,
        caller: Client | None = None,
        known: Subscriber | None = None,
    ) -> Accepted:
        """Return what the hub would honour of a submitted Subscription.

        Args:
            id: under which it is, or will be, known.
            alive: the Subscription of this id, None where there is none now.
            now: what an ``end`` is compared with.
            caller: who submits it.
            known: ``alive``, or what is kept of the deleted one of this id.

        Raises:
            SubscriptionRefused: something can't be honoured: all of it, in the release's terms.
            Unprocessable: the client may not set this status.
        """
        refusals = Refusals()
        accepted = self._accepted(
            release, id, document, alive, now, caller=caller, known=known, refusals=refusals
        )
        if accepted is None:
            raise _in_terms_of(self._codecs[release], joined(refusals.found))
        return accepted

    def _accepted(
        self,
        release: FhirRelease,
        id: str,
        document: Document,
        alive: Subscriber | None,
        now: datetime,
        *,
        caller: Client | None,
        known: Subscriber | None,
        refusals: Refusals,
    ) -> Accepted | None:
        """Return what would be honoured, None where something was refused."""
        submitted = replace(
            self._codecs[release].read_subscription(document.value, refusals), id=id
        )
        stored = alive.subscription if alive else None
        submitted = replace(submitted, administrative=_is_administrative(submitted, known, caller))
        refusals.take(partial(check_administrative, submitted), None)
        refusals.take(partial(check_managing_entity, submitted, caller), None)
        owner = known.owner if known is not None else "" if caller is None else caller.name
        echo = partial(check_echo, submitted, owner, knows_callers=self._knows_callers)
        refusals.take(echo, None)
        carried = submitted.parameter
        submitted = refusals.take(partial(with_kept_headers, submitted, stored), submitted)
        pinned = alive is not None and stored is not None and stored.topic == submitted.topic
        decided = None
        if submitted.topic:
            refusals.take(partial(_check_kind, stored, submitted), None)
            decided = refusals.take(
                partial(
                    self._registry.accept,
                    release,
                    alive.topic_version if alive is not None and pinned else submitted.topic,
                    submitted.filter_by,
                    self._parameters[release],
                    for_new=not pinned,
                ),
                None,
            )
        if not any(isinstance(each, ChannelNotSupported) for each in refusals.found):
            refusals.take(partial(self._check_channel, submitted), None)
        over = submitted.end is not None and submitted.end <= now
        status = refusals.take(partial(self._status, stored, submitted, over), None)
        if refusals.found or decided is None or status is None:
            return None
        if stored is None and over:
            submitted = replace(submitted, end=None)
        topic_version, filters = decided
        return Accepted(
            subscription=replace(submitted, status=status),
            topic_version=topic_version,
            filters=filters,
            owner=owner,
            asked_anew=submitted.status is SubscriptionStatusCode.REQUESTED,
            carried=carried,
        )

    def _check_channel(self, submitted: Subscription) -> None:
        channel = self._channels.get(submitted.channel_type)
        if channel is None:
            offered = ", ".join(sorted(self._channels))
            raise ChannelNotSupported(
                f"the channel {submitted.channel_type} is not offered here; {offered} are",
                expression="Subscription.channelType",
            )
        channel.check(submitted)

    def _status(
        self, stored: Subscription | None, submitted: Subscription, over: bool
    ) -> SubscriptionStatusCode:
        if stored is None:
            return initial_status(submitted, email_opt_in=self._email_opt_in)
        status = status_after_update(stored, submitted, email_opt_in=self._email_opt_in)
        return transition(status, Signal.ENDED) if over and counts(status) else status


def _is_administrative(
    submitted: Subscription, known: Subscriber | None, caller: Client | None
) -> bool:
    """Tell whether it is, or will be, one that an identifier alone names.

    What it is settles the create; whoever was not told its id is not told after a deletion either.
    """
    if known is not None and (known.subscription.administrative or not known.deleted):
        return known.subscription.administrative
    return caller is not None and caller.is_administrator and bool(submitted.identifier)


def _check_kind(stored: Subscription | None, submitted: Subscription) -> None:
    if stored is not None and stored.is_classic is not submitted.is_classic:
        raise SubscriptionRefused(
            f"{submitted.reference} can't change between a topic and a search; delete it, then "
            "put it again",
            expression="Subscription.topic",
        )


def _in_terms_of(codec: Codec, error: Unprocessable) -> Unprocessable:
    """Return the refusal with the release's own names of the elements."""
    return type(error)(
        error.diagnostics,
        expression=None if error.expression is None else codec.element(error.expression),
        issues=[
            replace(
                issue,
                expression=None if issue.expression is None else codec.element(issue.expression),
                r5_element=issue.expression,
            )
            for issue in error.issues
        ],
    )
