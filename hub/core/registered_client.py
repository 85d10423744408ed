"""The list of clients that a hub's administrator keeps: who may call, known by which token.

It is JSON, an object with ``clients``; each client has

- ``name``: what it is called, unique, 1 to 64 letters, digits and ``-_.``;
- ``token``: ``sha256:`` and the 64 hexadecimal digits of the token's SHA-256, unique: the list
  holds no secret;
- ``parties`` (optional): whom it acts for: relative references such as ``Organization/lab``, or
  identifiers ``SYSTEM|VALUE``;
- ``administrator`` (optional): true for one that sees and may do everything.

Source: RFC 6750 (bearer tokens); http://hl7.org/fhir/references.html (relative references and
identifiers).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, NoReturn

from hub.core.client import ADMINISTRATOR, Client
from hub.core.release import Json, Resource

_MEMBERS: Final = ("name", "token", "parties", "administrator")
_PREFIX: Final = "sha256:"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-_.]{0,63}")
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_REFERENCE: Final = re.compile(r"[A-Z][A-Za-z]{1,63}/[A-Za-z0-9\-.]{1,64}")
_IDENTIFIER: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\s|]+\|[^\s|](?:[^|\n]*[^\s|])?")


class ClientsInvalid(ValueError):
    """A list that can't be used; one line that names the place in it."""


@dataclass(frozen=True, slots=True)
class RegisteredClient:
    """A client and the SHA-256 of its token."""

    client: Client
    digest: bytes = field(repr=False)


def digest_of(token: str) -> bytes:
    """Return the SHA-256 of a token."""
    return sha256(token.encode()).digest()


def parse_clients(written: Resource) -> tuple[RegisteredClient, ...]:
    """Read a list, as the module describes it.

    Raises:
        ClientsInvalid: it is none.
    """
    _only(written, ("clients",), "")
    items = written.get("clients")
    if not isinstance(items, list):
        _refuse("clients", "must be a list")
    found: list[RegisteredClient] = []
    for index, item in enumerate(items):
        place = f"clients[{index}]"
        read = _client(item, place)
        for number, other in enumerate(found):
            if other.client.name == read.client.name:
                _refuse(f"{place}.name", f"is the one of clients[{number}], too")
            if other.digest == read.digest:
                _refuse(f"{place}.token", f"is the one of clients[{number}], too")
        found.append(read)
    return tuple(found)


def write_clients(clients: Iterable[RegisteredClient]) -> Resource:
    """Write a list; ``parse_clients`` reads the same back."""
    return {"clients": [_written(each) for each in clients]}


def _written(registered: RegisteredClient) -> Resource:
    client = registered.client
    written: Resource = {"name": client.name, "token": _PREFIX + registered.digest.hex()}
    if client.parties:
        written["parties"] = sorted(client.parties)
    if client.is_administrator:
        written["administrator"] = True
    return written


def _client(written: Json, place: str) -> RegisteredClient:
    if not isinstance(written, dict):
        _refuse(place, "must be an object")
    _only(written, _MEMBERS, f"{place}.")
    token = written.get("token")
    if not isinstance(token, str) or not _DIGEST.fullmatch(token):
        _refuse(f"{place}.token", "must be sha256: and 64 digits of 0-9a-f, not the token itself")
    parties = written.get("parties", [])
    if not isinstance(parties, list):
        _refuse(f"{place}.parties", "must be a list")
    administrator = written.get("administrator", False)
    if not isinstance(administrator, bool):
        _refuse(f"{place}.administrator", "must be true or false")
    client = Client(
        name=read_name(written.get("name"), f"{place}.name"),
        parties=frozenset(
            read_party(each, f"{place}.parties[{index}]") for index, each in enumerate(parties)
        ),
        is_administrator=administrator,
    )
    return RegisteredClient(client, bytes.fromhex(token.removeprefix(_PREFIX)))


def read_name(written: Json, place: str) -> str:
    """Return the name of a client.

    Raises:
        ClientsInvalid: it is none, or it is reserved; the text names ``place``.
    """
    if not isinstance(written, str) or not _NAME.fullmatch(written):
        _refuse(place, "must be 1 to 64 letters, digits and -_., the first a letter or digit")
    if written == ADMINISTRATOR.name:
        _refuse(place, "is kept for whoever shows the token of --admin-token-file")
    return written


def read_party(written: Json, place: str) -> str:
    """Return whom a client acts for.

    Raises:
        ClientsInvalid: it is neither a relative reference nor an identifier; the text names
            ``place``.
    """
    sound = isinstance(written, str) and (
        _REFERENCE.fullmatch(written) or _IDENTIFIER.fullmatch(written)
    )
    if not isinstance(written, str) or not sound:
        _refuse(place, "must be a reference such as Organization/lab, or SYSTEM|VALUE")
    return written


def _only(written: Resource, members: tuple[str, ...], path: str) -> None:
    for name in written:
        if name not in members:
            _refuse(f"{path}{name[:64]}", f"is unknown; allowed: {', '.join(members)}")


def _refuse(place: str, words: str) -> NoReturn:
    raise ClientsInvalid(f"{place} {words}")
