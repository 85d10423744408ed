"""``publish`` writes what it is given; ``trigger`` makes something happen with all it needs."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.__main__ import main
from hub.cli.exits import Exit

TASK = {"resourceType": "Task", "status": "requested", "intent": "order"}


def written(tmp_path: Path, text: str, name: str = "some.json") -> str:
    path = tmp_path / name
    path.write_text(text)
    return str(path)


def published(hub_url: str, *words: str) -> int:
    return main(["publish", *words, "--url", hub_url, "--no-color"])


def get(hub_url: str, path: str) -> Any:
    return httpx.get(f"{hub_url}/fhir/r4/{path}", trust_env=False).json()


def test_resources_are_put_posted_and_sent_together(
    hub_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry = {"resource": TASK, "request": {"method": "POST", "url": "Task"}}
    transaction = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    collection = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": TASK | {"id": "pub-2"}}, {"fullUrl": "urn:x:1"}],
    }
    lines = "\n".join(json.dumps(each) for each in (TASK | {"id": "pub-1"}, TASK, collection))
    several = written(tmp_path, f"{lines}\n\n", "lines.ndjson")
    listed = written(tmp_path, json.dumps([transaction, TASK | {"id": "pub-3"}]))
    assert published(hub_url, several, listed) == Exit.OK
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows] == ["201", "201", "201", "200", "201"]
    assert rows[0].endswith("Task/pub-1") and "Bundle (transaction)" in rows[3]
    assert get(hub_url, "Task/pub-3")["status"] == "requested"
    assert published(hub_url, several, "--rate", "1000") == Exit.OK
    assert capsys.readouterr().out.startswith("200 ")


def test_what_the_hub_refuses_is_told_and_the_rest_is_written(
    hub_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, json.dumps([TASK | {"status": "x"}, TASK | {"id": "pub-4"}]))
    assert published(hub_url, path, "--format", "json") == Exit.REFUSED
    refused, taken = (json.loads(row) for row in capsys.readouterr().out.splitlines())
    assert refused["status"] == 400 and "Task.status" in refused["refused"]
    assert (taken["resource"], taken["refused"]) == ("Task/pub-4", None)


def test_standard_input_is_read(
    hub_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(TASK | {"id": "pub-5"})))
    assert published(hub_url, "-") == Exit.OK
    assert "Task/pub-5" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "nothing to publish"),
        ("[]", "nothing to publish"),
        ("{", "is no JSON"),
        ('{"resourceType": "Task"}\n{', "line 2"),
        ("[1]", "no FHIR resource"),
        ('{"a": 1}', "no FHIR resource: no resourceType"),
    ],
)
def test_what_is_no_resource_is_one_line(
    hub_url: str, tmp_path: Path, text: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert published(hub_url, written(tmp_path, text)) == Exit.USAGE
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1
    assert published(hub_url, str(tmp_path / "gone.json")) == Exit.USAGE


def test_nothing_that_answers_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps(TASK))
    assert published("http://127.0.0.1:9", path) == Exit.UNREACHABLE


@pytest.mark.parametrize(
    ("story", "status", "order"),
    [
        ("task-requested", "requested", "active"),
        ("task-accepted", "accepted", "active"),
        ("task-completed", "completed", "active"),
        ("order-cancelled", "cancelled", "revoked"),
        ("flood", "requested", "active"),
    ],
)
def test_a_story_leads_to_its_point(
    hub_url: str, story: str, status: str, order: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["trigger", story, "--count", "2", "--rate", "500", "--url", hub_url]
    assert main([*words, "--override", "Task.priority=stat", "--format", "json"]) == Exit.OK
    rows = [json.loads(row) for row in capsys.readouterr().out.splitlines()]
    placed = [row["resource"].split(" and ") for row in rows if " and " in row["resource"]]
    assert len(placed) == 2
    for request, task in placed:
        stored = get(hub_url, task)
        assert (stored["status"], stored["priority"]) == (status, "stat")
        assert get(hub_url, request)["status"] == order


def test_a_story_can_be_looked_at_without_being_sent(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["trigger", "task-requested", "--dry-run", "--url", "http://127.0.0.1:9"]
    assert main([*words, "--override", 'ServiceRequest.note=[{"text": "x"}]']) == Exit.OK
    captured = capsys.readouterr()
    assert '"text": "x"' in captured.out and "nothing was sent" in captured.err


@pytest.mark.parametrize("text", ["priority=stat", "Patient.name=x", "Task.priority", "Task.=x"])
def test_a_wrong_override_is_one_line(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["trigger", "flood", "--override", text]) == Exit.USAGE
    assert "write Task.element=value" in capsys.readouterr().err
