"""``fhir-hub client``: tokens are made, shown once and never kept; the list holds digests."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from hub.__main__ import main
from hub.cli.exits import Exit
from hub.client_settings import read_clients
from hub.core.client import Client
from hub.core.registered_client import digest_of


def test_a_token_is_shown_once_and_only_its_digest_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "clients.json"
    party = ("--party", "Organization/lab", "--party", "http://sys|123")
    assert main(["client", "new", "lab", *party, "--file", str(file)]) == Exit.OK
    shown = capsys.readouterr()
    token = shown.out.strip()
    assert len(token) == 43 and token not in shown.err + file.read_text()
    assert "once" in shown.err and f"serve --clients {file}" in shown.err
    (known,) = read_clients(str(file))
    assert known.digest == digest_of(token)
    assert known.client == Client(
        name="lab", parties=frozenset({"Organization/lab", "http://sys|123"})
    )


def test_a_token_is_written_where_only_its_owner_reads_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, into = tmp_path / "clients.json", tmp_path / "ops.token"
    words = ["client", "new", "ops", "--administrator", "--file", str(file)]
    assert main([*words, "--token-file", str(into), "--format", "json"]) == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert told == {"name": "ops", "token": None, "file": str(file)}
    assert stat.S_IMODE(into.stat().st_mode) == 0o600
    (known,) = read_clients(str(file))
    assert known.digest == digest_of(into.read_text().strip())
    assert known.client.is_administrator


def test_clients_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = ("--file", str(tmp_path / "clients.json"))
    main(["client", "new", "lab", "--party", "Organization/lab", *file])
    main(["client", "new", "ops", "--administrator", *file, "--format", "json"])
    token = json.loads(capsys.readouterr().out.splitlines()[-1])["token"]
    assert main(["client", "list", *file]) == Exit.OK
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1:] == [["lab", "Organization/lab"], ["ops", "yes"]]
    assert main(["client", "list", *file, "--format", "json"]) == Exit.OK
    listed = capsys.readouterr().out
    assert token not in listed
    assert [json.loads(line) for line in listed.splitlines()] == [
        {"name": "lab", "parties": ["Organization/lab"], "administrator": False},
        {"name": "ops", "parties": [], "administrator": True},
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["new"], "write `client new NAME`"),
        (["new", "a b"], "'a b' must be 1 to 64 letters"),
        (["new", "administrator"], "is kept for whoever"),
        (["new", "x", "--party", "lab"], "--party 'lab' must be a reference"),
        (["new", "lab"], "there is a client 'lab' already"),
        (["new", "x", "--token-file", "{folder}/taken"], "can't be made: File exists"),
        (["new", "x", "--token-file", "{folder}/gone/x"], "can't be made: No such file"),
        (["list", "--file", "{folder}/none"], "can't be read: No such file"),
        (["list", "--file", "{folder}/taken"], "taken: "),
    ],
)
def test_what_is_wrong_is_one_line_and_leaves_nothing(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "clients.json"
    (tmp_path / "taken").write_text("x")
    main(["client", "new", "lab", "--file", str(file)])
    before = file.read_text()
    capsys.readouterr()
    chosen = [] if "--file" in words else ["--file", str(file)]
    spoken = [word.replace("{folder}", str(tmp_path)) for word in words]
    assert main(["client", *spoken, *chosen]) == Exit.USAGE
    shown = capsys.readouterr()
    assert told in shown.err and shown.err.count("\n") == 1 and not shown.out
    assert file.read_text() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == ["clients.json", "taken"]


def test_no_token_is_left_where_the_list_can_not_be_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["client", "new", "lab", "--file", str(tmp_path / "gone" / "clients.json")]
    assert main([*words, "--token-file", str(tmp_path / "lab.token")]) == Exit.USAGE
    shown = capsys.readouterr()
    assert "can't be written" in shown.err and not shown.out
    assert list(tmp_path.iterdir()) == []
