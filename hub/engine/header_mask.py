"""Header values of Subscriptions: secrets, shown as ``***`` and kept when that is sent back.

Source: http://hl7.org/fhir/R5/subscription.html ("Safety and Security": headers may hold secrets).
"""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from hub.core.subscription import Subscription
from hub.errors import HeaderNotAllowed

MASK = "***"
"""What stands in place of a header value when a Subscription is read."""


def with_kept_headers(submitted: Subscription, stored: Subscription | None) -> Subscription:
    """Return ``submitted`` with the stored value wherever it says ``***``.

    Raises:
        HeaderNotAllowed: there is no such value, or it would be sent to another origin.
    """
    if all(value != MASK for _, value in submitted.parameter):
        return submitted
    kept: dict[str, list[str]] = {}
    if stored is not None:
        if _origin(stored.endpoint) != _origin(submitted.endpoint):
            raise HeaderNotAllowed(
                "the endpoint has another origin, so header values must be given anew",
                expression="Subscription.parameter",
            )
        for name, value in stored.parameter:
            kept.setdefault(name.lower(), []).append(value)
    parameter: list[tuple[str, str]] = []
    for name, value in submitted.parameter:
        if value == MASK:
            values = kept.get(name.lower())
            if not values:
                raise HeaderNotAllowed(
                    f"there is no stored value of the header {name[:64]} for {MASK} to keep",
                    expression="Subscription.parameter",
                )
            value = values.pop(0)
        parameter.append((name, value))
    return replace(submitted, parameter=tuple(parameter))


def _origin(url: str | None) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url or "")
    return parts.scheme, parts.hostname, parts.port
