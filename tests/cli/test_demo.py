"""A demo's first minutes: what it tells to try works, and what it sends can be looked at."""

from __future__ import annotations

import json
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from tests.cli.test_main import REPOSITORY
from tests.support.deadline import DEADLINE

STAYING = ("watch", "receiver")
"""Commands that go on until somebody stops them."""


@pytest.fixture(scope="module")
def about() -> Iterator[dict[str, Any]]:
    """Return what a running demo says of itself, once its story is over."""
    process = subprocess.Popen(
        [sys.executable, "-m", "hub", "demo"], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            assert process.stdout is not None
            banner = [process.stdout.readline() for _ in range(4)]
            assert "/demo/receiver shows it" in banner[3]
            while "The developer's view" not in process.stdout.readline():
                pass
            yield get(banner[2].split()[1])
        finally:
            process.kill()


def get(url: str) -> dict[str, Any]:
    answer = httpx.get(url, headers={"accept": "application/json"}, trust_env=False)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_what_the_endpoints_of_the_story_got_is_shown(about: dict[str, Any]) -> None:
    told = get(about["demo"]["receiver"])
    assert told["endpoint"] == about["demo"]["endpoint"]
    received = told["received"]
    assert (received[-1]["type"], received[-1]["receiver"]) == ("handshake", "fulfiller")
    assert {"200", "503", "200, then lost"} <= {each["answered"] for each in received}
    assert [each["number"] for each in received] == list(range(len(received), 0, -1))
    assert json.loads(httpx.get(received[0]["payload"], trust_env=False).text)


def test_a_visitor_s_own_subscription_has_somewhere_to_go(about: dict[str, Any]) -> None:
    url = about["bases"]["R5"].partition("/fhir/")[0]
    form = {"topic": about["topics"][0]["topic"], "endpoint": about["demo"]["endpoint"]}
    tried = httpx.post(f"{url}/subscribe", json=form, trust_env=False).json()["R5"]
    assert tried["accepted"], tried["issues"]
    created = httpx.post(tried["url"], json=tried["resource"], trust_env=False)
    assert created.status_code == 201
    name = f"Subscription/{created.json()['id']}"
    while True:
        received = get(about["demo"]["receiver"])["received"]
        mine = [each for each in received if each["subscription"] == name]
        if mine:
            break
    assert (mine[-1]["type"], mine[-1]["receiver"]) == ("handshake", "your endpoint")


def test_every_command_that_is_told_works(about: dict[str, Any]) -> None:
    assert len(about["try"]) > 3
    for command in (each["command"] for each in about["try"]):
        words = shlex.split(command)
        if words[0] == "curl":
            assert shutil.which("curl"), "curl is needed"
        else:
            assert words[0] == "fhir-hub", command
            words[0:1] = [sys.executable, "-m", "hub"]
        if "--port" in words:
            words[words.index("--port") + 1] = a_free_port()
        if any(each in words for each in STAYING):
            with subprocess.Popen(words, cwd=REPOSITORY, stderr=subprocess.PIPE) as process:
                assert process.stderr is not None
                said = process.stderr.readline().decode()
                process.kill()
            assert said.startswith("●"), command
        else:
            done = subprocess.run(
                words, cwd=REPOSITORY, capture_output=True, timeout=DEADLINE, check=False
            )
            assert done.returncode == 0, command
            if words[0] == "curl":
                assert json.loads(done.stdout)["resourceType"] != "OperationOutcome", command


def a_free_port() -> str:
    with closing(socket.create_server(("127.0.0.1", 0))) as found:
        return str(found.getsockname()[1])
