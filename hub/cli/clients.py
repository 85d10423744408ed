"""``fhir-hub client``: who may call a hub that asks, and the token that each one shows."""

from __future__ import annotations

import argparse
import json
import os
import secrets
from contextlib import suppress
from pathlib import Path

from hub.cli.exits import CommandError, Exit
from hub.cli.terminal import Terminal
from hub.client_settings import add_client, check_addable, read_clients
from hub.core.client import Client
from hub.core.registered_client import (
    ClientsInvalid,
    RegisteredClient,
    digest_of,
    read_name,
    read_party,
)

_TOKEN_BYTES = 32


def run(arguments: argparse.Namespace) -> int:
    """Make a client with its token, or list those that there are."""
    terminal = Terminal.standard(os.environ, plain=arguments.plain)
    as_json = arguments.format == "json"
    try:
        if arguments.action == "list":
            return _list(terminal, arguments.file, as_json=as_json)
        return _new(terminal, arguments, as_json=as_json)
    except ValueError as error:
        raise CommandError(Exit.USAGE, str(error)) from None


def _new(terminal: Terminal, arguments: argparse.Namespace, *, as_json: bool) -> int:
    if arguments.name is None:
        raise CommandError(Exit.USAGE, "write `client new NAME`")
    client = _client(arguments)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    file, into = Path(arguments.file), arguments.token_file
    check_addable(file, client)
    if into is not None:
        _keep(Path(into), token)
    try:
        add_client(file, RegisteredClient(client, digest_of(token)))
    except ValueError:
        if into is not None:
            with suppress(OSError):
                Path(into).unlink()
        raise
    if as_json:
        shown = {"name": client.name, "token": token if into is None else None, "file": str(file)}
        terminal.line(json.dumps(shown, ensure_ascii=False))
    elif into is None:
        terminal.line(token)
    where = "shown this once and kept nowhere" if into is None else f"in {into}"
    terminal.talk(f"{client.name} is in {file}; its token is {where}", "green")
    terminal.talk(
        f"a hub that runs knows it once it is started anew: serve --clients {file}", "dim"
    )
    return Exit.OK


def _client(arguments: argparse.Namespace) -> Client:
    try:
        return Client(
            name=read_name(arguments.name, f"{arguments.name!r}"),
            parties=frozenset(read_party(each, f"--party {each!r}") for each in arguments.party),
            is_administrator=arguments.administrator,
        )
    except ClientsInvalid as error:
        raise CommandError(Exit.USAGE, str(error)) from None


def _keep(path: Path, token: str) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CommandError(
            Exit.USAGE, f"--token-file {str(path)!r} can't be made: {error.strerror}"
        ) from None
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(f"{token}\n")


def _list(terminal: Terminal, file: str, *, as_json: bool) -> int:
    clients = [each.client for each in read_clients(file)]
    if as_json:
        for each in clients:
            row = {
                "name": each.name,
                "parties": sorted(each.parties),
                "administrator": each.is_administrator,
            }
            terminal.line(json.dumps(row, ensure_ascii=False))
        return Exit.OK
    rows = [
        [each.name, "yes" if each.is_administrator else "", ", ".join(sorted(each.parties))]
        for each in clients
    ]
    terminal.table(("NAME", "ADMINISTRATOR", "ACTS FOR"), rows)
    return Exit.OK
