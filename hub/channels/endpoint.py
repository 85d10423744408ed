"""What the URL of an endpoint may look like.

The grammar is narrower than RFC 3986, because parsers disagree on everything odd, and a URL that
two of them read differently is how a check is fooled.  The client dials exactly what ``parse``
read here.
Source: RFC 3986; RFC 1123, 2.1; RFC 6761 (localhost); WHATWG URL, "ends in a number".
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from yarl import URL

from hub.channels.addresses import EgressPolicy, is_web_port
from hub.errors import EndpointInvalid, EndpointNotAllowed

MAX_URL = 2048

_URL = re.compile(r"(https?)://([^/?]*)(/[^?]*)?(?:\?(.*))?", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:%@]+))(?::([0-9]{1,5}))?")
_TARGET = re.compile(r"[!$-;=?-~]*")
_LABEL = re.compile(r"(?!-)[0-9a-z_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_LOCAL_NAMES = (
    *("localhost", "localdomain", "local", "internal", "intranet", "private"),
    *("corp", "home", "lan", "home.arpa"),
)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The parts of an endpoint's URL: ``host`` in ASCII, ``path`` and ``query`` as written.

    ``address`` is True when ``host`` is an IP address and not a name.
    """

    scheme: str
    host: str
    port: int
    path: str
    query: str
    address: bool

    @property
    def url(self) -> URL:
        """The URL that is requested, nothing quoted anew."""
        return URL.build(
            scheme=self.scheme,
            host=f"[{self.host}]" if ":" in self.host else self.host,
            port=self.port,
            path=self.path,
            query_string=self.query,
            encoded=True,
        )


def parse(url: str, *, expression: str = "Subscription.endpoint") -> Endpoint:
    """Read an absolute http or https URL.

    Raises:
        EndpointInvalid: it is none, or one that could be read in two ways.
    """

    def refuse(words: str) -> EndpointInvalid:
        return EndpointInvalid(f"the endpoint {words}", expression=expression)

    if len(url) > MAX_URL:
        raise refuse(f"is longer than {MAX_URL} characters")
    if any(not character.isprintable() or character in ' \\"<>' for character in url):
        raise refuse("holds a blank, a control character, a backslash, a quote or a bracket")
    if "#" in url:
        raise refuse("has a fragment")
    parts = _URL.fullmatch(url)
    if parts is None or not parts[2]:
        raise refuse("is no absolute https URL with a host")
    if "@" in parts[2]:
        raise refuse("has a user or password; send a header instead")
    path, query = parts[3] or "/", parts[4] or ""
    if not _TARGET.fullmatch(path) or not _TARGET.fullmatch(query):
        raise refuse("has characters in its path or query that must be percent-encoded")
    authority = _AUTHORITY.fullmatch(parts[2])
    if authority is None:
        raise refuse("has a host or port that can't be read")
    literal, name, digits = authority.groups()
    scheme = parts[1].lower()
    port = int(digits) if digits else {"https": 443, "http": 80}[scheme]
    if not 0 < port < 65536:
        raise refuse("has a port that is not in 1 to 65535")
    host, address = (_literal(literal), True) if literal else _host(name)
    if not host:
        raise refuse("has a host that is neither a domain name nor a plain IP address")
    return Endpoint(scheme, host, port, path, query, address)


def check_endpoint(
    url: str, policy: EgressPolicy, *, expression: str = "Subscription.endpoint"
) -> None:
    """Refuse a URL that the hub can't use, or that ``policy`` does not let it use.

    IP addresses are judged now.  A name is looked up at each connection only, as what it stands
    for may change; names that are local by definition are refused unless the policy allows some
    ranges.  Every refused address gets the same words.

    Raises:
        EndpointInvalid: ``parse`` refuses it.
        EndpointNotAllowed: the policy speaks against its scheme, address, name or port.
    """
    endpoint = parse(url, expression=expression)
    if endpoint.scheme == "http" and not policy.allow_http:
        raise EndpointNotAllowed(
            "the endpoint is plain http; `--allow-http` would allow it", expression=expression
        )
    if not _admits(policy, endpoint):
        raise EndpointNotAllowed(
            "the hub's settings do not let it send to this address; "
            "`--egress-allow CIDR` would allow it",
            expression=expression,
        )


def _admits(policy: EgressPolicy, endpoint: Endpoint) -> bool:
    if endpoint.address:
        return policy.deny_reason(endpoint.host, endpoint.port) is None
    name = endpoint.host.rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        loopbacks = ("127.0.0.1", "::1")
        return any(policy.deny_reason(address, endpoint.port) is None for address in loopbacks)
    if policy.allow:
        return True
    local = "." not in name or name.endswith(tuple(f".{suffix}" for suffix in _LOCAL_NAMES))
    return not local and is_web_port(endpoint.port)


def _literal(text: str) -> str:
    try:
        return str(IPv6Address(text))
    except ValueError:
        return ""


def _host(written: str) -> tuple[str, bool]:
    """Return the host in ASCII and whether it is an address; an empty one if it can't be used."""
    name = written.lower()
    if not name.isascii():
        if unicodedata.normalize("NFKC", name) != name:
            # Full-width or circled digits: what they become depends on who reads them.
            return "", False
        try:
            name = URL.build(scheme="https", host=name).raw_host or ""
        except ValueError:
            return "", False
    labels = name.removesuffix(".").split(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return "", False
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return str(IPv4Address(name)), True
        except ValueError:
            return "", False
    if not all(_decodes(label) for label in labels if label.startswith("xn--")):
        return "", False
    return name, False


def _decodes(label: str) -> bool:
    """Tell whether an ``xn--`` label stands for something, in this one spelling."""
    try:
        text = label.removeprefix("xn--").encode("ascii").decode("punycode")
        return (
            text.isprintable()
            and not text.isascii()
            and f"xn--{text.encode('punycode').decode('ascii')}" == label
        )
    except ValueError:
        return False
