"""Every workflow pattern, played over real sockets: each line of its acceptance holds."""

from __future__ import annotations

import asyncio
import json

import pytest

from hub.__main__ import main
from hub.cli.exits import Exit
from hub.cli.scenario.command import mermaid, play
from hub.cli.scenario.pattern import Pattern, patterns
from hub.cli.scenario.stage import Stage
from hub.cli.story_actor import Missing


@pytest.mark.parametrize("each", patterns(), ids=lambda each: each.id)
def test_a_pattern_holds(each: Pattern) -> None:
    played = asyncio.run(play(each))
    failed = [check for check in played.stage.checks if not check.held]
    assert (failed, played.error) == ([], "")
    assert played.held and played.stage.steps
    assert all(step.held for step in played.stage.steps)


def test_patterns_are_told_with_source_and_text() -> None:
    for each in patterns():
        assert each.title and each.source and len(each.text) > 40, each.id


def test_a_check_that_fails_or_a_play_that_breaks_off_is_a_pattern_that_fails() -> None:
    async def wrong(stage: Stage) -> None:
        await stage.actor("placer")
        stage.equal("one is two", 1, 2)

    async def broken(stage: Stage) -> None:
        stage.check("it began", True)
        raise Missing("nothing came")

    async def silent(stage: Stage) -> None:
        """Check nothing."""

    for function in (wrong, broken, silent):
        made = Pattern(id="P99", title="x", source="x", play=function)
        assert not asyncio.run(play(made)).held


def test_patterns_are_listed_shown_and_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenario", "list"]) == Exit.OK
    assert "P13  " in capsys.readouterr().out
    assert main(["scenario", "show", "p13"]) == Exit.OK
    shown = capsys.readouterr().out
    assert "sequenceDiagram" in shown and "participant a0 as placer" in shown
    assert main(["scenario", "run", "P13", "--format", "json"]) == Exit.OK
    row = json.loads(capsys.readouterr().out)
    assert row["held"] and row["events"] and row["checks"][0]["held"]
    assert main(["scenario", "run", "P13", "--no-color"]) == Exit.OK
    assert "✓ the performer is told of the Task" in capsys.readouterr().out
    assert mermaid([])[1] == "sequenceDiagram"


@pytest.mark.parametrize(
    ("words", "told"),
    [(["run"], "scenario run P13`, or all"), (["run", "P0"], "there is no pattern 'P0'")],
)
def test_wrong_usage_is_one_line(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scenario", *words]) == Exit.USAGE
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1


def test_a_pattern_runs_on_a_hub_that_is_named(
    hub_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scenario", "run", "P13", "--base", hub_url]) == Exit.OK
    assert "every check held" in capsys.readouterr().err
