"""``fhir-hub topics publish``: the topics under another publisher's base."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hub.__main__ import main
from hub.cli.exits import Exit
from hub.core.topic import CANONICAL_BASE
from hub.settings import packaged_topics
from tests.support.topics import topic_json

BASE = "https://ihe.example/fhir"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def published(*arguments: str) -> int:
    return main(["topics", "publish", *arguments])


def write(name: str, **elements: object) -> str:
    Path(name).mkdir()
    Path(name, "topic.json").write_text(json.dumps(topic_json({}, **elements)))
    return name


def test_the_whole_set_moves_and_its_tables_hold(capsys: pytest.CaptureFixture[str]) -> None:
    assert published("--base", f"{BASE}/", "--into", "ours", "--publisher", "IHE") == Exit.OK
    packaged = {each.name for each in packaged_topics().iterdir() if each.is_dir()}
    assert {each.name for each in Path("ours").iterdir()} == packaged
    for name in packaged:
        there = json.loads(Path("ours", name, "topic.json").read_bytes())
        own = json.loads((packaged_topics() / name / "topic.json").read_bytes())
        assert own["url"] == CANONICAL_BASE + name
        assert there == own | {"url": f"{BASE}/SubscriptionTopic/{name}", "publisher": "IHE"}
    capsys.readouterr()
    names = [str(each) for each in sorted(Path("ours").iterdir())]
    assert main(["topics", "test", *names, "--format", "json"]) == Exit.OK
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == len(packaged) and not any(row["failures"] for row in rows)


def test_what_a_topic_is_derived_from_moves_along_if_it_is_among_them() -> None:
    one = "http://a.example/SubscriptionTopic/one"
    other = "http://a.example/SubscriptionTopic/other"
    paths = [
        write("a", url=one, version="1"),
        write("b", url=other, derivedFrom=[f"{one}|1", "http://c.example/t"]),
    ]
    assert published(*paths, "--base", BASE, "--into", "ours") == Exit.OK
    derived = json.loads(Path("ours", "other", "topic.json").read_bytes())["derivedFrom"]
    assert derived == [f"{BASE}/SubscriptionTopic/one|1", "http://c.example/t"]
    assert not Path("ours", "other", "cases.json").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "write `topics publish [NAME ...] --base URL --into DIR`"),
        (("--base", BASE), "write `topics publish [NAME ...] --base URL --into DIR`"),
        (("--base", "ihe", "--into", "ours"), "--base takes an absolute URL, not 'ihe'"),
        (("--base", f"{BASE}?x", "--into", "ours"), "--base takes an absolute URL"),
        (("--base", "https:///x", "--into", "ours"), "--base names no host"),
        (("nothing", "--base", BASE, "--into", "ours"), "there is no topic 'nothing'"),
    ],
)
def test_wrong_usage_is_one_line(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert published(*arguments) == Exit.USAGE
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
    assert not Path("ours").exists()


def test_nothing_is_overwritten_and_two_of_one_name_are_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("ours/task-open").mkdir(parents=True)
    arguments = ("--base", BASE, "--into", "ours")
    assert published(*arguments) == Exit.FAILED
    assert "ours/task-open is there already" in capsys.readouterr().err
    assert [each.name for each in Path("ours").iterdir()] == ["task-open"]
    paths = [write(name, url=f"http://{name}.example/same") for name in ("a", "b")]
    assert published(*paths, *arguments) == Exit.USAGE
    assert "two topics have the same name" in capsys.readouterr().err


def test_a_url_can_t_lead_out_of_the_folder(capsys: pytest.CaptureFixture[str]) -> None:
    for url in ("http://a.example/..", "http://a.example/", "urn:x:y"):
        path = write(f"t{len(url)}", url=url)
        assert published(path, "--base", BASE, "--into", "ours") == Exit.FAILED
        assert "no name that a folder can have" in capsys.readouterr().err
    assert not Path("ours").exists()
