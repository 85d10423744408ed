"""Which network addresses the hub may send to.

The tables are written out, because ``ipaddress.is_global`` lets pass what leads inside: addresses
that embed an IPv4 address (NAT64, 6to4, Teredo), multicast, site-local and cloud metadata.
Source: IANA IPv4 and IPv6 Special-Purpose Address Registries; RFC 4291, 6052, 3056, 4380.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)

_SPECIAL_IPV4 = tuple(
    (IPv4Network(network), use)
    for network, use in (
        ("0.0.0.0/8", "this host"),
        ("10.0.0.0/8", "private use"),
        ("100.64.0.0/10", "shared address space"),
        ("127.0.0.0/8", "loopback"),
        ("168.63.129.16/32", "cloud platform service"),
        ("169.254.0.0/16", "link-local, cloud metadata"),
        ("172.16.0.0/12", "private use"),
        ("192.0.0.0/24", "protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("192.31.196.0/24", "AS112"),
        ("192.52.193.0/24", "AMT"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private use"),
        ("192.175.48.0/24", "AS112"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved, broadcast"),
    )
)

_GLOBAL_IPV6 = IPv6Network("2000::/3")
_SPECIAL_IPV6 = tuple(
    (IPv6Network(network), use)
    for network, use in (
        ("2001::/23", "protocol assignments, Teredo"),
        ("2001:db8::/32", "documentation"),
        ("2002::/16", "6to4"),
        ("2620:4f:8000::/48", "AS112"),
        ("3ffe::/16", "6bone"),
        ("3fff::/20", "documentation"),
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")

_WEB_PORTS = frozenset({80, 443})
_SERVICE_PORTS = frozenset(
    {
        *(1433, 1521, 1883, 2049, 2181, 2375, 2376, 2379, 2380, 2575, 3306, 3389),
        *(4222, 5432, 5672, 5900, 5984, 6379, 6443, 8086, 9042, 9092, 9200, 9300),
        *(10250, 11211, 15672, 26379, 27017, 50070, 61616),
    }
)

Network = IPv4Network | IPv6Network
"""A range of addresses, as ``--egress-allow`` takes it."""


def special_use(address: IPv4Address | IPv6Address) -> str | None:
    """Tell what ``address`` is reserved for, or None when it is an ordinary public address.

    A mapped address (``::ffff:a.b.c.d``) is judged as its IPv4 address.  IPv6 is public only
    inside 2000::/3, so that every embedding and every local kind is special without a list.
    """
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return special_use(address.ipv4_mapped)
        if address not in _GLOBAL_IPV6:
            return "not global unicast"
        return next((use for network, use in _SPECIAL_IPV6 if address in network), None)
    return next((use for network, use in _SPECIAL_IPV4 if address in network), None)


@dataclass(frozen=True, slots=True)
class EgressPolicy:
    """Where the hub may send to: public addresses over https, and what the settings add.

    ``allow`` are ranges that are admitted whatever they are (``--egress-allow``), on any port;
    ``allow_http`` admits plain http (``--allow-http``); ``own_ports`` are the ports on which this
    hub listens and which it never calls on its own machine.
    """

    allow: tuple[Network, ...] = ()
    allow_http: bool = False
    own_ports: frozenset[int] = frozenset()

    def deny_reason(self, address: str, port: int | None = None) -> str | None:
        """Tell why nothing is sent to ``address``, or None when it may be.

        ``address`` is an IP address as text, with or without an IPv6 zone; what is none is denied.
        The words are for the administrator: a subscriber is told only that it is not allowed.
        """
        try:
            parsed = ip_address(address)
        except ValueError:
            return "no IP address"
        if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        if port in self.own_ports and (parsed.is_loopback or parsed.is_unspecified):
            return "the hub itself"
        if self._allowed(parsed):
            if isinstance(parsed, IPv6Address) and parsed in _NAT64:
                # The range leads to IPv4: allowing the translator must not allow what is inside.
                return self.deny_reason(str(IPv4Address(int(parsed) & 0xFFFFFFFF)), port)
            return None
        use = special_use(parsed)
        if use is None and port is not None and not is_web_port(port):
            return "a port of another service"
        return use

    def _allowed(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self.allow)


def is_web_port(port: int) -> bool:
    """Tell whether a web server may be expected on ``port``: no well-known port of another kind."""
    return port in _WEB_PORTS or (port >= 1024 and port not in _SERVICE_PORTS)
