"""Clients that a hub knows, and how each one says who it is."""

from __future__ import annotations

from typing import Any

from hub.core.client import Client
from hub.core.registered_client import RegisteredClient, digest_of
from hub.settings import Settings

LAB = Client(name="lab", parties=frozenset({"Organization/lab", "http://ura.example.org|1"}))
WARD = Client(name="ward", parties=frozenset({"Organization/ward"}))
OPS = Client(name="ops", is_administrator=True)


def token_of(client: Client) -> str:
    """Return the token that a client shows."""
    return f"t0ken-of-{client.name}-0123456789-0123456789"


def shown_by(client: Client) -> dict[str, Any]:
    """Return the header by which a client says who it is."""
    return {"authorization": f"Bearer {token_of(client)}"}


CLIENTS = tuple(RegisteredClient(each, digest_of(token_of(each))) for each in (LAB, WARD, OPS))


def asking(**more: Any) -> Settings:
    """Return the settings of a hub that asks who calls."""
    return Settings(clients=CLIENTS, **more)
