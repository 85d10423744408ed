"""Echo: the changes that whoever owns a Subscription wrote itself, and need not be told of.

A Subscription asks for that by the hub's extension (``SUPPRESS_ECHO``).  What is suppressed is no
event of its stream, so the numbers of the others have no gaps.
"""

from __future__ import annotations

from typing import Final

from hub.core.subscription import Subscription
from hub.errors import SubscriptionRefused

SUPPRESS_ECHO: Final = "http://example.org/fhir-hub/StructureDefinition/suppress-echo"
"""The extension of Subscription, with ``valueBoolean``: its owner's own changes are no events."""

_PLACE: Final = "Subscription.extension"


def check_echo(submitted: Subscription, owner: str, *, knows_callers: bool) -> None:
    """Refuse to suppress an echo that the hub would not know from other changes.

    Args:
        submitted: what is asked for.
        owner: whose it is or will be, empty where nobody knows.
        knows_callers: whether the hub asks who calls it.

    Raises:
        SubscriptionRefused: it is not known whose changes would be the echo.
    """
    if not submitted.suppress_echo:
        return
    if submitted.administrative:
        raise SubscriptionRefused(
            "suppress-echo is about changes by the owner of a Subscription; an administrator "
            "created this one for somebody else",
            expression=_PLACE,
        )
    if not knows_callers:
        raise SubscriptionRefused(
            "suppress-echo needs a hub that knows who calls it, and this one asks nobody",
            expression=_PLACE,
        )
    if not owner:
        raise SubscriptionRefused(
            "suppress-echo is about changes by the owner of a Subscription, and nobody owns this "
            "one; create it anew, with a token that the hub knows",
            expression=_PLACE,
        )


def muted_by(subscription: Subscription, owner: str) -> str:
    """Return of whose changes a Subscription is not told, empty where of everybody's it is."""
    return owner if subscription.suppress_echo else ""
