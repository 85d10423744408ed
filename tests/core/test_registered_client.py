"""The list of clients: read strictly, written as it is read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.client import Client
from hub.core.registered_client import (
    ClientsInvalid,
    RegisteredClient,
    digest_of,
    parse_clients,
    write_clients,
)

TOKEN = "sha256:" + digest_of("x").hex()
LAB: dict[str, Any] = {"name": "lab", "token": TOKEN}


def test_a_list_is_read() -> None:
    other = "sha256:" + digest_of("y").hex()
    parties = ["Organization/lab", "http://sys|123", "urn:oid:1.2|a b"]
    found = parse_clients(
        {
            "clients": [
                {"name": "lab", "token": TOKEN, "parties": parties},
                {"name": "ops", "token": other, "administrator": True},
            ]
        }
    )
    assert found == (
        RegisteredClient(Client(name="lab", parties=frozenset(parties)), digest_of("x")),
        RegisteredClient(Client(name="ops", is_administrator=True), digest_of("y")),
    )
    assert digest_of("x").hex() not in repr(found)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({}, "clients must be a list"),
        ({"clients": {}}, "clients must be a list"),
        ({"clients": [], "x": 1}, "x is unknown; allowed: clients"),
        ({"clients": ["lab"]}, "clients[0] must be an object"),
        ({"clients": [{**LAB, "scope": "*"}]}, "clients[0].scope is unknown"),
        ({"clients": [{"token": TOKEN}]}, "clients[0].name must be 1 to 64"),
        ({"clients": [{**LAB, "name": "a b"}]}, "clients[0].name must be 1 to 64"),
        ({"clients": [{**LAB, "name": "administrator"}]}, "clients[0].name is kept for"),
        ({"clients": [{"name": "lab"}]}, "clients[0].token must be sha256:"),
        ({"clients": [{**LAB, "token": "s3cret"}]}, "clients[0].token must be sha256:"),
        ({"clients": [{**LAB, "token": TOKEN.upper()}]}, "clients[0].token must be sha256:"),
        ({"clients": [{**LAB, "parties": "Organization/lab"}]}, "clients[0].parties must be a li"),
        ({"clients": [{**LAB, "parties": ["lab"]}]}, "clients[0].parties[0] must be a reference"),
        ({"clients": [{**LAB, "parties": [1]}]}, "clients[0].parties[0] must be a reference"),
        ({"clients": [{**LAB, "parties": ["|1"]}]}, "clients[0].parties[0] must be a reference"),
        ({"clients": [{**LAB, "parties": ["http://x/Organization/1"]}]}, "parties[0] must be a"),
        ({"clients": [{**LAB, "administrator": "yes"}]}, "administrator must be true or false"),
        ({"clients": [LAB, LAB]}, "clients[1].name is the one of clients[0], too"),
        ({"clients": [LAB, {**LAB, "name": "b"}]}, "clients[1].token is the one of clients[0]"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(written: dict[str, Any], told: str) -> None:
    with pytest.raises(ClientsInvalid) as refused:
        parse_clients(written)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value) and "s3cret" not in str(refused.value)


CLIENTS = st.builds(
    Client,
    name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9\-_.]{0,9}", fullmatch=True),
    parties=st.frozensets(st.sampled_from(["Organization/lab", "http://s|1"])),
    is_administrator=st.booleans(),
)


@given(st.lists(CLIENTS, max_size=4, unique_by=lambda client: client.name))
def test_what_is_written_is_read_back(clients: list[Client]) -> None:
    registered = tuple(RegisteredClient(each, digest_of(each.name)) for each in clients)
    assert parse_clients(write_clients(registered)) == registered
