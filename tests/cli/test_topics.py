"""``fhir-hub topics``: what authors of topics see."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hub.__main__ import main
from hub.cli.exits import Exit
from hub.settings import packaged_topics
from tests.support.packages import a_package
from tests.support.topics import topic_json

VALUE_SET = {
    "resourceType": "ValueSet",
    "url": "http://v",
    "compose": {"include": [{"system": "http://c", "concept": [{"code": "a"}]}]},
}
BY_VALUE_SET = topic_json({"queryCriteria": {"current": "code:in=http://v"}})


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(path: str, content: Any) -> str:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    "resource", ["Task", "Observation", "Patient", "Encounter", "NutritionIntake", "Basic"]
)
def test_a_new_topic_passes_its_own_table_and_lint(
    resource: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["topics", "new", "mine", "--resource", resource]) == Exit.OK
    assert capsys.readouterr().out.split() == ["mine/topic.json", "mine/cases.json"]
    assert main(["topics", "test", "mine"]) == Exit.OK
    assert capsys.readouterr().out.startswith("ok  mine  ")
    assert main(["topics", "lint", "mine"]) == Exit.OK
    assert main(["topics", "load", "mine", "--dry-run"]) == Exit.OK
    assert "accepted in R" in capsys.readouterr().out


def test_a_new_topic_overwrites_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["topics", "new", "mine", "--resource", "Task"]) == Exit.OK
    assert main(["topics", "new", "mine", "--resource", "Task"]) == Exit.FAILED
    assert "mine is there already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["new", "../x", "--resource", "Task"], "is no name"),
        (["new", "x", "--resource", "Basket"], "not 'Basket'"),
        (["new", "x"], "--resource takes a type"),
        (["new"], "topics new NAME --resource TYPE"),
        (["load", "task-open"], "give --token-file FILE"),
        (["load", "task-open", "--admin-token-file", "gone"], "can't be read"),
        (["load"], "topics load PATH"),
        (["lint", "gone"], "there is no topic 'gone'"),
        (["lint", "gone.tgz"], "gone.tgz is neither"),
    ],
)
def test_wrong_usage_is_one_line(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["topics", *words]) == Exit.USAGE
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1


def test_the_packaged_topics_pass_their_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["topics", "test", "task-requested"]) == Exit.OK
    assert "ok  task-requested  48 of 48 rows" in capsys.readouterr().out
    assert main(["topics", "test", "task-requested", "--format", "json"]) == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert (told["rows"], told["failures"]) == (48, [])
    assert main(["topics", "lint"]) == Exit.OK


def test_a_row_that_is_not_as_it_says_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    task = {"resourceType": "Task", "id": "1"}
    row = {"interaction": "create", "previous": None, "current": task, "fires": True}
    write(
        "mine/cases.json",
        [
            row,
            row | {"name": "silent", "fires": False},
            row | {"name": "other", "release": ["R4"], "interaction": "created"},
            row | {"name": "none", "release": ["R4"], "current": None},
            row | {"name": "word", "release": ["R4"], "current": "Task/1"},
            row | {"name": "unsaid", "release": ["R4"], "fires": None},
            row | {"name": "costly", "release": ["R4"], "current": task | {"x": [1, 2]}},
        ],
    )
    write("mine/topic.json", topic_json({"fhirPathCriteria": "%current.x.single() = 1 or true"}))
    assert main(["topics", "test", "mine"]) == Exit.FAILED
    out = capsys.readouterr().out
    assert out.startswith("failed  http://example.org/topic  3 of 11 rows\n")
    for words in (
        "R5  silent: it fires, and should not",
        "R4  other: interaction must be one of create, update, delete",
        "R4  none: previous or current must be a resource",
        "R4  word: previous or current must be a resource",
        "R4  unsaid: fires must be true or false",
        "R4  costly: it can't be evaluated: ",
    ):
        assert words in out
    assert main(["topics", "test", "mine", "--format", "json"]) == Exit.FAILED
    assert json.loads(capsys.readouterr().out)["failures"][0]["row"] == "silent"


def test_filters_and_shapes_that_are_not_as_a_row_says_are_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    focus = {"reference": "ServiceRequest/o1"}
    task = {"resourceType": "Task", "id": "1", "status": "draft", "focus": focus}
    order = {"resourceType": "ServiceRequest", "id": "o1"}
    step = {"resourceType": "Task", "id": "2", "partOf": [{"reference": "Task/1"}]}
    row = {"interaction": "create", "previous": None, "current": task, "fires": True}
    write(
        "mine/cases.json",
        [
            row
            | {
                "name": "right",
                "others": [order, step],
                "filters": {
                    "status=draft": True,
                    "Task?status=requested": False,
                    "Task?_has:Task:part-of:_id=2": True,
                    "Task?_has:Task:part-of:_id=3": False,
                },
                "includes": ["Task/2", "ServiceRequest/o1"],
            },
            row | {"name": "wrong", "filters": {"status=draft": False, "status=x": True}},
            row | {"name": "unknown", "filters": {"owner=Patient/1": True}},
            row | {"name": "bare", "others": [order], "includes": []},
            row | {"name": "form", "filters": ["status=draft"]},
        ],
    )
    filters = [{"filterParameter": "status"}, {"filterParameter": "_has:Task:part-of:_id"}]
    shape = [{"resource": "Task", "include": ["Task:focus"], "revInclude": ["Task:part-of"]}]
    write("mine/topic.json", topic_json({}, canFilterBy=filters, notificationShape=shape))
    assert main(["topics", "test", "mine"]) == Exit.FAILED
    out = capsys.readouterr().out
    assert out.startswith("failed  http://example.org/topic  3 of 15 rows\n")
    for words in (
        "R4  wrong: filter status=draft lets through it, and should not; "
        "filter status=x stops it, and should not",
        "R4  unknown: filter owner=Patient/1: filter 'owner' is not offered",
        "R4  bare: it shows ServiceRequest/o1 besides the focus",
        "R4  form: filters must be an object, others a list",
    ):
        assert words in out


def test_a_table_for_a_release_without_the_topic_fails(capsys: pytest.CaptureFixture[str]) -> None:
    state = {"resourceType": "NutritionIntake", "id": "1"}
    row = {"name": "a", "interaction": "create", "previous": None, "current": state, "fires": True}
    write("mine/cases.json", [row | {"release": ["R4", "R5"]}, row | {"fires": False}])
    write("mine/topic.json", topic_json({"resource": "NutritionIntake"}))
    assert main(["topics", "test", "mine/topic.json"]) == Exit.FAILED
    out = capsys.readouterr().out
    assert "1 of 3 rows" in out and "R4  a: the topic does not compute: " in out


def test_a_topic_without_a_readable_table_fails(capsys: pytest.CaptureFixture[str]) -> None:
    write("mine.json", topic_json({}))
    assert main(["topics", "test", "mine.json"]) == Exit.FAILED
    assert "no cases.json beside a topic.json" in capsys.readouterr().err
    write("mine/topic.json", topic_json({}))
    for text, words in (({}, "must be a list of rows"), ("x", "must be a list")):
        write("mine/cases.json", text)
        assert main(["topics", "test", "mine"]) == Exit.FAILED
        assert words in capsys.readouterr().err
    Path("mine/cases.json").write_text("[")
    assert main(["topics", "test", "mine"]) == Exit.FAILED
    assert "cases.json: " in capsys.readouterr().err
    write("mine/cases.json", [])
    assert main(["topics", "test", "mine"]) == Exit.FAILED


def test_lint_shows_what_computes_where_and_why_not(capsys: pytest.CaptureFixture[str]) -> None:
    write(
        "mine.json",
        topic_json(
            {"queryCriteria": {"current": "requestedperformer-reference=Patient/1"}},
            {"resource": "Task"},
            eventTrigger=[{"resource": "Task", "event": {"text": "x"}}],
            canFilterBy=[{"resource": "Task", "filterParameter": "requestedperformer-reference"}],
        ),
    )
    assert main(["topics", "lint", "mine.json"]) == Exit.OK
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["CLAUSE", "R4", "R4B", "R5"] in rows
    assert ["trigger", "0:", "Task", "-", "-", "query"] in rows
    assert ["trigger", "1:", "Task", "always", "always", "always"] in rows
    assert ["filter", "Task?requestedperformer-reference", "-", "-", "yes"] in rows
    assert any(row[:2] == ["R4", "R4B"] and "filter" in row for row in rows)
    assert main(["topics", "lint", "mine.json", "--format", "json"]) == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert told["computes"] == ["R4", "R4B", "R5"]
    assert told["clauses"]["trigger 0: Task"] == {"R4": "-", "R4B": "-", "R5": "query"}
    assert told["reasons"][0]["releases"] == ["R4", "R4B"]


def test_lint_fails_if_a_topic_computes_nowhere_and_says_what_it_needs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    write("mine.json", BY_VALUE_SET)
    assert main(["topics", "lint", "mine.json"]) == Exit.FAILED
    out = capsys.readouterr().out
    assert "R4 R4B R5  resourceTrigger[0].queryCriteria.current: Task?code:in=http://v" in out
    assert out.count("http://v is not loaded") == 1
    assert main(["topics", "load", "mine.json", "--dry-run"]) == Exit.REFUSED
    assert capsys.readouterr().out.startswith("refused: http://example.org/topic\n")
    assert main(["topics", "load", "mine.json", "--dry-run", "--format", "json"]) == Exit.REFUSED
    assert json.loads(capsys.readouterr().out)["computes"] == []
    values = write("values/v.json", VALUE_SET)
    assert main(["topics", "lint", "mine.json", "--topics", str(Path(values).parent)]) == Exit.OK
    assert main(["topics", "lint", values]) == Exit.FAILED


def test_a_draft_is_told_to_be_one(capsys: pytest.CaptureFixture[str]) -> None:
    write("mine.json", topic_json({}) | {"status": "draft"})
    assert main(["topics", "load", "mine.json", "--dry-run"]) == Exit.OK
    assert "it is draft: no Subscription can name it yet" in capsys.readouterr().out


def test_a_package_is_linted_with_what_it_brings(capsys: pytest.CaptureFixture[str]) -> None:
    broken = {"resourceType": "SearchParameter", "url": "http://p", "code": "x", "base": []}
    Path("guide.tgz").write_bytes(a_package(BY_VALUE_SET, VALUE_SET, broken | {"base": "Task"}))
    assert main(["topics", "lint", "guide.tgz"]) == Exit.OK
    told = capsys.readouterr()
    assert "trigger 0: Task  query  query  query" in told.out
    assert "left out  guide.tgz: SearchParameter-2.json: " in told.out
    assert "1 topic, 0 without any release" in told.err
    assert main(["topics", "--topics", "guide.tgz"]) == Exit.OK
    assert "http://example.org/topic" in capsys.readouterr().out
    Path("guide.tgz").write_bytes(b"broken")
    assert main(["topics", "lint", "guide.tgz"]) == Exit.FAILED
    assert capsys.readouterr().err.count("\n") == 1


def test_a_packaged_topic_may_be_named_by_its_folder(capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(packaged_topics() / "task-open")
    assert main(["topics", "lint", folder]) == Exit.OK
    assert main(["topics", "show", folder]) == Exit.OK
    assert capsys.readouterr().out
