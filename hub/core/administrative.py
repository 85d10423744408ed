"""Administrative Subscriptions: an administrator creates them, an identifier alone names them.

Whoever gets the notifications did not create the Subscription and can't read it; so the reference
in a notification is logical, and what it names must tell one Subscription from all others.
Source: backport IG, "Managing Subscriptions" (administrative); http://hl7.org/fhir/references.html
(logical references).
"""

from __future__ import annotations

from hub.core.client import Client
from hub.core.release import FhirRelease
from hub.core.subscription import ChannelType, Subscription
from hub.errors import ExtensionNotAllowed, SubscriptionRefused


def check_administrative(submitted: Subscription) -> None:
    """Refuse an administrative Subscription that can't be named by its first identifier alone.

    Raises:
        SubscriptionRefused: that is missing or has no value, or the channel goes by the id.
    """
    if not submitted.administrative:
        return
    if not submitted.identifier or not submitted.identifier[0].value:
        raise SubscriptionRefused(
            "a Subscription that an administrator creates with an identifier is named by that "
            "alone; it needs one, the first must have a value",
            expression="Subscription.identifier",
        )
    if submitted.is_classic and submitted.channel_type is ChannelType.WEBSOCKET:
        raise SubscriptionRefused(
            "a websocket is bound to a classic Subscription by its id, which nobody is told of one "
            "that an administrator creates with an identifier; name a topic in criteria",
            expression="Subscription.channelType",
        )


def check_managing_entity(submitted: Subscription, caller: Client | None) -> None:
    """Refuse a managing entity that would be somebody else's, or that the release can't name.

    R4 and R4B have no such element; there the extension of R5's is taken where it means something.

    Raises:
        ExtensionNotAllowed: it is not administrative, and of a release without managingEntity.
        SubscriptionRefused: the caller does not act for the managing entity.
    """
    if not submitted.managing_entity or submitted.administrative:
        return
    if submitted.release is not FhirRelease.R5:
        raise ExtensionNotAllowed(
            "a managingEntity is taken in this release only where an administrator creates a "
            "Subscription with an identifier",
            expression="Subscription.managingEntity",
        )
    if caller is None or caller.is_administrator:
        return
    if submitted.managing_entity.isdisjoint(caller.parties):
        raise SubscriptionRefused(
            f"Subscription.managingEntity is nobody for whom {caller.name} acts",
            expression="Subscription.managingEntity",
        )
