"""Where notifications go: addresses and paths on this machine.

Subscribers have endpoints of their own, so each is an origin of its own as far as there are
addresses: all of 127.0.0.0/8 is this machine.
"""

from __future__ import annotations

HOSTS = 64
"""How many addresses are enough where origins are not what is measured."""


def host(number: int) -> str:
    """Return one of the loopback addresses."""
    return f"127.1.{number // 250}.{number % 250 + 1}"


def hosts(count: int = HOSTS) -> list[str]:
    """Return so many of them."""
    return [host(number) for number in range(count)]


def endpoint(number: int, port: int, path: str, among: int = HOSTS) -> str:
    """Return the URL of one endpoint; all are spread over ``among`` addresses."""
    return f"http://{host(number % among)}:{port}{path}"
