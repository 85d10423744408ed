"""What the endpoint of an email Subscription may look like: ``mailto:`` and one plain address.

The grammar is much narrower than RFC 6068 and RFC 5322.  Mail software disagrees on everything
odd, and some of it turns what looks like one address into two recipients, a pipe or a file.
Source: RFC 6068; RFC 5321, 4.1.2 and 4.5.3.1; OWASP, "Email injection".
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.errors import EndpointInvalid
from hub.mail_settings import LONGEST_ADDRESS, is_domain, split_address

_SCHEME = "mailto:"
_SIGNS = (
    ("?&", "has header fields behind its address; a parameter named Subject sets the subject line"),
    ("%", "is percent-encoded; write the address as it is"),
    (",;:", "names more than one recipient; make one Subscription for each"),
    ('"\\', "has a quoted local part"),
    ("[]", "has an address in brackets for its domain; write a domain name"),
    ("<>()", "has a bracket or comment; write the address alone"),
    ("|/!`$", "could be taken for a command, a file or a route"),
)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One recipient; ``domain`` is in lower case."""

    local: str
    domain: str

    @property
    def address(self) -> str:
        """The address as mail servers take it."""
        return f"{self.local}@{self.domain}"


def parse_mailto(url: str, *, expression: str = "Subscription.endpoint") -> Mailbox:
    """Read ``mailto:`` and one address.

    Raises:
        EndpointInvalid: it is anything else.
    """

    def refuse(words: str) -> EndpointInvalid:
        return EndpointInvalid(f"the endpoint {words}", expression=expression)

    if url[: len(_SCHEME)].lower() != _SCHEME:
        raise refuse("is no mailto: address, such as mailto:ward@example.org")
    address = url[len(_SCHEME) :]
    if len(address) > LONGEST_ADDRESS:
        raise refuse(f"has an address of more than {LONGEST_ADDRESS} characters")
    if not address.isascii():
        raise refuse("has other characters than ASCII; write a domain in its xn-- form")
    if not address.isprintable() or " " in address:
        raise refuse("holds a blank or a control character")
    for signs, words in _SIGNS:
        if any(sign in address for sign in signs):
            raise refuse(words)
    if address.count("@") != 1:
        raise refuse("has no domain; write NAME@DOMAIN" if "@" not in address else "has two @")
    if not is_domain(address.rpartition("@")[2].lower()):
        raise refuse("has a domain that is none of the Internet, such as example.org")
    parts = split_address(address)
    if parts is None:
        raise refuse("has a local part that is not plain: letters, digits and . _ + = ' ~ -")
    return Mailbox(*parts)
