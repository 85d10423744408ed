"""What a failed attempt means for its Subscription at once.

Source: http://hl7.org/fhir/R5/subscriptions.html; backport IG, "Handling Errors as a Server".
"""

from __future__ import annotations

from hub.core.delivery import FailureClass
from hub.core.subscription import Signal
from hub.core.timing import Kind

_HANDSHAKE_AGAIN = frozenset(
    {
        FailureClass.BUSY,
        FailureClass.DNS,
        FailureClass.CONNECTION,
        FailureClass.TLS,
        FailureClass.TIMEOUT,
        FailureClass.PROTOCOL,
    }
)


def final_signal(kind: Kind, failure: FailureClass) -> Signal | None:
    """Return what a failure means at once, None if it may be tried again."""
    if failure is FailureClass.GONE:
        return Signal.GONE
    if failure is FailureClass.BLOCKED:
        return Signal.BLOCKED
    if failure is FailureClass.UNDELIVERABLE:
        return Signal.UNDELIVERABLE
    if kind is Kind.HANDSHAKE and failure not in _HANDSHAKE_AGAIN:
        return Signal.HANDSHAKE_FAILED
    return None
