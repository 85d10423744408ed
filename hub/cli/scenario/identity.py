"""Who an actor is at a hub that asks its callers."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from hub.core.client import Client
from hub.core.registered_client import RegisteredClient, digest_of

_TOKEN_BYTES = 32


def _new_token() -> str:
    return secrets.token_urlsafe(_TOKEN_BYTES)


@dataclass(frozen=True, slots=True)
class Identity:
    """The Organization that an actor acts for, by the id under which it will be, and its token."""

    id: str
    token: str = field(default_factory=_new_token, repr=False)

    @property
    def registered(self) -> RegisteredClient:
        """The actor as the hub's administrator lists it."""
        parties = frozenset({f"Organization/{self.id}"})
        return RegisteredClient(Client(name=self.id, parties=parties), digest_of(self.token))
