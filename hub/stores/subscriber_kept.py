"""What a store keeps of a Subscription."""

from __future__ import annotations

from dataclasses import replace

from hub.core.subscriber import Subscriber


def without_secrets(subscriber: Subscriber) -> Subscriber:
    """Return what is kept of a deleted Subscription: everything but its headers."""
    return replace(subscriber, subscription=replace(subscriber.subscription, parameter=()))
