"""The list of clients in a file, and the setting that names it."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from hub.client_settings import add_client, check_token, read_clients
from hub.core.client import Client
from hub.core.registered_client import RegisteredClient, digest_of
from hub.settings import Settings, SettingsError, read_settings

LAB = RegisteredClient(
    Client(name="lab", parties=frozenset({"Organization/lab"})), digest_of("lab")
)
OPS = RegisteredClient(Client(name="ops", is_administrator=True), digest_of("ops"))


def test_a_file_is_made_private_and_keeps_what_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "clients.json"
    add_client(path, LAB)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    add_client(path, OPS)
    assert read_clients(str(path)) == (LAB, OPS)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert [each.name for each in tmp_path.iterdir()] == ["clients.json"]
    with pytest.raises(ValueError, match="there is a client 'lab' already"):
        add_client(path, LAB)
    assert read_clients(str(path)) == (LAB, OPS)


def test_a_link_stays_one(tmp_path: Path) -> None:
    target, link = tmp_path / "real.json", tmp_path / "clients.json"
    add_client(target, LAB)
    link.symlink_to(target)
    add_client(link, OPS)
    assert link.is_symlink()
    assert read_clients(str(target)) == (LAB, OPS)


def test_nothing_is_left_where_nothing_can_be_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="can't be written: No such file"):
        add_client(tmp_path / "gone" / "clients.json", LAB)
    path = tmp_path / "clients.json"
    path.mkdir()
    with pytest.raises(ValueError, match="can't be read: Is a directory"):
        add_client(path, LAB)
    assert [each.name for each in tmp_path.iterdir()] == ["clients.json"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[]", "object"),
        (b"{", "a key in"),
        (b'{"clients": 1}', "clients must be a list"),
        (b'{"clients": [], "clients": []}', "clients"),
    ],
)
def test_a_list_that_is_wrong_is_one_line_that_names_the_setting(
    tmp_path: Path, content: bytes, told: str
) -> None:
    path = tmp_path / "clients.json"
    path.write_bytes(content)
    for source, flags, variables in (
        ("--clients", {"clients": str(path)}, {}),
        ("HUB_CLIENTS", {}, {"HUB_CLIENTS": str(path)}),
    ):
        with pytest.raises(SettingsError, match=f"^{source}: .*{told}") as refused:
            read_settings(flags, variables)
        assert "\n" not in str(refused.value)


def test_a_list_that_others_may_write_or_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clients.json"
    add_client(path, LAB)
    path.chmod(0o664)
    with pytest.raises(ValueError, match=r"others may write .*: chmod 600"):
        read_clients(str(path))
    with pytest.raises(ValueError, match="can't be read: No such file"):
        read_clients(str(tmp_path / "none"))


def test_a_hub_that_asks_who_calls_may_be_open_to_the_network(tmp_path: Path) -> None:
    path = tmp_path / "clients.json"
    add_client(path, LAB)
    with pytest.raises(SettingsError, match="--clients"):
        read_settings({"host": "0.0.0.0"}, {})  # what is refused
    found = read_settings({"host": "0.0.0.0", "clients": str(path)}, {})  # allowed
    assert found.clients == (LAB,)
    assert Settings().clients is None
    path.write_text(json.dumps({"clients": []}))
    assert read_settings({"clients": str(path)}, {}).clients == ()


def test_a_token_is_checked_and_never_shown() -> None:
    assert check_token("a" * 43, "HUB_TOKEN") == "a" * 43
    with pytest.raises(ValueError, match="HUB_TOKEN must hold one token") as refused:
        check_token("s3cret", "HUB_TOKEN")
    assert "s3cret" not in str(refused.value)
