"""Which events say what kind of authorization gives access to what they are about.

The hint names a type only, never a value: a value would have to be short-lived and be used once,
and nobody but an authorization server could honour it.  It goes over protected connections only.
Source: backport IG, StructureDefinition notification-authorization-hint.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from hub.core.related_query import Coding
from hub.core.subscription import ChannelType, Subscription


class AuthorizationHints:
    """Gives the hint where it may be sent; ``hint`` None is a hub without one."""

    def __init__(self, hint: Coding | None, public_url: str) -> None:
        self._hint = hint
        self._answers = hint if _is_protected(public_url) else None

    def of_answers(self) -> Coding | None:
        """Return the hint for what is told to who asks the hub, or has bound a socket."""
        return self._answers

    def of_endpoint(self, subscription: Subscription) -> Coding | None:
        """Return the hint for what goes to the endpoint of a Subscription; never by email."""
        if self._hint is None or subscription.channel_type is ChannelType.EMAIL:
            return None
        return self._hint if _is_protected(subscription.endpoint or "") else None


def _is_protected(url: str) -> bool:
    """Tell whether a connection is encrypted, or stays on this machine."""
    parts = urlsplit(url)
    if parts.scheme in ("https", "wss"):
        return True
    if parts.hostname == "localhost":
        return True
    try:
        return ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False
