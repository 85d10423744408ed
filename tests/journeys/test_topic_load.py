"""``fhir-hub topics load`` publishes topics on a hub that runs."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from hub.__main__ import main
from hub.cli.exits import Exit
from hub.core.release import FhirRelease
from tests.journeys.hosting import in_every_release, running_hub
from tests.support.builders import a_subscription
from tests.support.packages import a_package
from tests.support.topics import topic_json
from tests.web.topics import TOKEN, URL, administered


def written(path: Path, **elements: Any) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(topic_json({}, url=URL, **elements)))
    return str(path)


def loaded(url: str, *words: str) -> int:
    return main(["topics", "load", *words, "--url", url, "--no-color"])


def test_a_topic_is_loaded_kept_changed_and_can_be_subscribed_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = administered(tmp_path)
    token = ("--admin-token-file", str(settings.admin_token_file))
    path = tmp_path / "mine" / "topic.json"
    with running_hub(admin_token_file=settings.admin_token_file) as hub:
        written(path, version="1 beta", status="draft")
        assert loaded(hub.url, str(path.parent), *token) == Exit.OK
        told = capsys.readouterr().out
        assert told == f"created  {URL}|1 beta\n  it is draft: no Subscription can name it yet\n"
        assert loaded(hub.url, str(path), *token) == Exit.OK
        assert capsys.readouterr().out.startswith("unchanged  ")
        written(path, version="1 beta")
        assert loaded(hub.url, str(path), *token) == Exit.OK
        assert capsys.readouterr().out == f"changed  {URL}|1 beta\n"
        written(path, version="1 beta", title="another")
        assert loaded(hub.url, str(path), *token, "--format", "json") == Exit.REFUSED
        row = json.loads(capsys.readouterr().out)
        assert row["verdict"] == "refused" and "other content" in row["reason"]

        async def subscribe(fhir: Any) -> None:
            await fhir.create(a_subscription(fhir.release, channel="websocket", topic_name=URL))

        in_every_release(hub, subscribe)


def test_a_package_is_loaded_as_far_as_the_hub_can_compute_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = administered(tmp_path)
    path = tmp_path / "guide.tgz"
    other = topic_json({"queryCriteria": {"current": "frobnication=1"}}, url="http://x/other")
    path.write_bytes(a_package(topic_json({"resource": "Transport"}), other))
    with running_hub(admin_token_file=settings.admin_token_file) as hub:
        token = str(settings.admin_token_file)
        assert loaded(hub.url, str(path), "--admin-token-file", token) == Exit.REFUSED
        captured = capsys.readouterr()
        assert "created  http://example.org/topic\n" in captured.out
        assert "refused  http://x/other\n" in captured.out and "frobnication" in captured.out
        assert "1 of 2 topics are at" in captured.err

        async def look() -> int:
            async with hub.client(FhirRelease.R5) as fhir:
                found = await fhir.get("SubscriptionTopic?url=http://example.org/topic")
                return len(found["entry"])

        assert asyncio.run(look()) == 1


def test_without_the_right_token_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = administered(tmp_path)
    path = written(tmp_path / "topic.json")
    with running_hub() as hub:
        monkeypatch.delenv("HUB_ADMIN_TOKEN_FILE", raising=False)
        assert loaded(hub.url, path) == Exit.USAGE
        assert "give --token-file FILE" in capsys.readouterr().err
        token = str(settings.admin_token_file)
        assert loaded(hub.url, path, "--admin-token-file", token) == Exit.REFUSED
        assert "of no administrator" in capsys.readouterr().out
    other = tmp_path / "other.token"
    other.write_text(TOKEN[::-1])
    other.chmod(0o600)
    with running_hub(admin_token_file=settings.admin_token_file) as hub:
        assert loaded(hub.url, path, "--admin-token-file", str(other)) == Exit.REFUSED
        assert "bearer token" in capsys.readouterr().out
    assert loaded(hub.url, path, "--admin-token-file", str(other)) == Exit.UNREACHABLE
