"""Who may call the hub, as an administrator sets it: the list of clients in a file.

Readers raise ``ValueError`` with one line for people.
"""

from __future__ import annotations

import json
import os
import re
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from hub.core.client import Client
from hub.core.json_text import parse
from hub.core.registered_client import (
    ClientsInvalid,
    RegisteredClient,
    parse_clients,
    write_clients,
)
from hub.errors import HubError

SHORTEST_TOKEN, LONGEST_TOKEN = 32, 1024
_TOKEN: Final = re.compile(rf"(?=.{{{SHORTEST_TOKEN},{LONGEST_TOKEN}}}$)[A-Za-z0-9\-._~+/]+=*")
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


def check_token(token: str, holder: str) -> str:
    """Return ``token`` if it is a bearer token; a refusal names its ``holder``, never itself."""
    if not _TOKEN.fullmatch(token):
        raise ValueError(
            f"{holder} must hold one token of {SHORTEST_TOKEN} to {LONGEST_TOKEN} letters, "
            "digits and -._~+/="
        )
    return token


def read_clients(text: str) -> tuple[RegisteredClient, ...]:
    """Read the list of clients in a file.

    It holds digests of long random tokens, so others may read it; but who may write it says who
    may call.
    """
    path = Path(text)
    try:
        if path.stat().st_mode & _OTHERS_WRITE:
            raise ValueError(f"others may write {text!r}: chmod 600 it")
        return parse_clients(parse(path.read_bytes()).value)
    except OSError as error:
        raise ValueError(f"{text!r} can't be read: {error.strerror}") from None
    except HubError as error:
        raise ValueError(f"{text}: {error.diagnostics}") from None
    except ClientsInvalid as error:
        raise ValueError(f"{text}: {error}") from None


def check_addable(path: Path, client: Client) -> None:
    """Return if a client can be added to the list in a file, as far as the list goes.

    Raises:
        ValueError: there is a client of this name, or the list can't be read.
    """
    if path.exists() and any(each.client.name == client.name for each in read_clients(str(path))):
        raise ValueError(f"{path}: there is a client {client.name!r} already")


def add_client(path: Path, client: RegisteredClient) -> None:
    """Add a client to the list in a file, which is made (0600) where there is none.

    The file is replaced whole: a hub that starts meanwhile reads the one list or the other.

    Raises:
        ValueError: there is a client of this name, or the list can't be read or written.
    """
    check_addable(path, client.client)
    mode = 0o600
    known: tuple[RegisteredClient, ...] = ()
    if path.exists():
        known = read_clients(str(path))
        mode = stat.S_IMODE(path.stat().st_mode)
    # What a link names is replaced, not the link.
    target = path.resolve()
    written = json.dumps(write_clients((*known, client)), indent=2, ensure_ascii=False) + "\n"
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(written)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(target)
        except BaseException:
            with suppress(OSError):
                fresh.unlink()
            raise
    except OSError as error:
        raise ValueError(f"{str(path)!r} can't be written: {error.strerror}") from None


CLIENT_OPTIONS: tuple[dict[str, Any], ...] = (
    {
        "name": "clients",
        "flag": "--clients",
        "metavar": "FILE",
        "read": read_clients,
        "help": "who may call, from 'client new'; read at the start (nobody is asked who they are)",
    },
)
