from __future__ import annotations

import asyncio
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from hub.cli.arguments import build_parser
from hub.cli.exits import CommandError, Exit
from hub.cli.subs import act
from hub.cli.subs_check import MOST_BYTES, release_of
from hub.codecs.xml_writer import write_xml
from hub.core.release import FhirRelease, Resource
from tests.cli.fake_hub import FakeHub
from tests.cli.screen import PATIENCE, Screen
from tests.support.builders import a_subscription

R4, R4B, R5 = FhirRelease.R4, FhirRelease.R4B, FhirRelease.R5
ENDPOINT = "http://127.0.0.1:1/hook"


async def ask(*words: str) -> tuple[int, Screen]:
    screen = Screen()
    arguments = build_parser().parse_args(["subs", "check", *words])
    async with asyncio.timeout(PATIENCE):
        return await act(arguments, screen.terminal), screen


def written(folder: Path, content: Resource | bytes) -> str:
    file = folder / "subscription"
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return str(file)


@pytest.mark.parametrize("release", FhirRelease)
@pytest.mark.parametrize("is_xml", [False, True])
def test_a_sound_subscription_exits_with_0_and_tells_what_would_be_done(
    hub_url: str, tmp_path: Path, release: FhirRelease, is_xml: bool
) -> None:
    wanted = a_subscription(
        release,
        endpoint=ENDPOINT,
        heartbeat=0,
        payload=f"application/fhir+json; fhirVersion={release.version}",
    )
    text = json.dumps(wanted).encode()
    file = written(tmp_path, write_xml(text, release) if is_xml else text)
    code, screen = asyncio.run(ask(file, "--url", hub_url))
    assert code == Exit.OK
    assert screen.rows[0] == "· the Subscription would be accepted"
    assert all(row.startswith("· ") for row in screen.rows)
    assert any("would be 1 instead of 0" in row for row in screen.rows)
    talk = screen.talk.getvalue()
    assert "would be accepted at" in talk and f"/fhir/{release.path}" in talk


def test_all_that_is_wrong_is_told_a_line_each_and_exits_with_1(
    hub_url: str, tmp_path: Path
) -> None:
    wrong = a_subscription(R4, endpoint="ftp://x", topic_name="nope", payload="text/csv")
    file = written(tmp_path, wrong)
    code, screen = asyncio.run(ask(file, "--url", hub_url))
    assert code == Exit.FAILED
    assert [row.rpartition("(")[2] for row in screen.rows] == [
        "payload-not-supported)",
        "topic-unknown)",
        "endpoint-invalid)",
    ]
    assert all(row.startswith("✗ ") for row in screen.rows)
    code, screen = asyncio.run(ask(file, "--url", hub_url, "--format", "json"))
    assert code == Exit.FAILED
    assert json.loads(screen.rows[0])["expression"] == ["Subscription.channel.payload"]


def test_stdin_is_read_and_may_hold_parameters(
    hub_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "resource", "resource": a_subscription(R5, endpoint=ENDPOINT)},
            {"name": "profile", "valueUri": "http://example.org/x"},
        ],
    }
    stdin = io.TextIOWrapper(io.BytesIO(json.dumps(parameters).encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    code, screen = asyncio.run(ask("-", "--url", hub_url))
    assert code == Exit.OK
    assert "! the parameter profile is ignored" in screen.rows


@pytest.mark.parametrize("content", [b"{", b"<Subscription", b"[]", b'{"resourceType":"Task"}'])
def test_what_is_no_subscription_would_be_refused(
    hub_url: str, tmp_path: Path, content: bytes
) -> None:
    code, screen = asyncio.run(ask(written(tmp_path, content), "--url", hub_url))
    assert code == Exit.FAILED
    assert screen.rows[0].startswith("✗ ")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b" \n", "nothing in it"),
        (b"x" * (MOST_BYTES + 1), "larger than 2 MiB"),
    ],
)
def test_a_file_that_can_not_be_read_exits_with_2(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    file = str(tmp_path / "none") if content is None else written(tmp_path, content)
    with pytest.raises(CommandError, match=words) as caught:
        asyncio.run(ask(file))
    assert caught.value.code == Exit.USAGE


def test_a_server_without_the_check_and_one_that_is_not_there(tmp_path: Path) -> None:
    file = written(tmp_path, a_subscription(R4))

    async def scenario() -> None:
        async with FakeHub() as hub:
            with pytest.raises(CommandError, match=r"\$validate") as caught:
                await ask(file, "--url", hub.url)
            assert caught.value.code == Exit.REFUSED
        with pytest.raises(CommandError) as caught:
            await ask(file, "--url", hub.url)
        assert caught.value.code == Exit.UNREACHABLE

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("value", "release"),
    [
        (a_subscription(R4), R4),
        (a_subscription(R4B, payload="application/fhir+json;fhirVersion=4.3"), R4B),
        (a_subscription(R5), R5),
        ({"resourceType": "Subscription", "status": "requested"}, R4),
        ({"resourceType": "Parameters", "parameter": [1, {"resource": {"topic": "x"}}]}, R5),
        ([], R4),
        ("<Subscription><topic value='x'/></Subscription>", R5),
        ("<Subscription><criteria value='topic'/></Subscription>", R4),
        ("[" * 100_000, R4),
    ],
)
def test_the_release_is_seen_from_the_elements(value: Any, release: FhirRelease) -> None:
    text = value if isinstance(value, str) else json.dumps(value)
    assert release_of(text.encode()) is release
