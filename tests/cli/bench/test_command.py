"""What is run, and what becomes of a bench that fails."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hub.__main__ import main
from hub.cli.arguments_bench import BENCH_NAMES
from hub.cli.bench.command import BENCHES, chosen
from hub.cli.bench.failure import Wrong
from hub.cli.bench.setting import Setting
from hub.cli.exits import Exit


def test_what_can_be_typed_is_what_there_is() -> None:
    assert set(BENCH_NAMES) == {*BENCHES, "growth"}


def test_all_run_where_none_is_named_and_growth_stands_for_several() -> None:
    assert chosen([]) == list(BENCHES)
    assert chosen(["growth"]) == ["match", "fanout", "search", "restart"]
    assert chosen(["search", "growth"]) == ["search", "match", "fanout", "restart"]


@pytest.mark.parametrize("words", [["speed"], ["e2e", "--runs", "0"], ["--format", "xml"]])
def test_wrong_usage_is_told_in_one_line(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hub", "bench", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == Exit.USAGE
    assert done.stderr.count("\n") == 1 and done.stdout == ""


def test_a_file_to_compare_with_must_be_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "startup", "--compare", "/nothing"]) == Exit.USAGE
    assert "--compare /nothing" in capsys.readouterr().err


def test_a_plot_that_can_not_be_drawn_is_told_before_anything_runs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["bench", "startup", "--plot", "/nowhere/growth.svg"]) == Exit.USAGE
    told = capsys.readouterr()
    assert "--plot /nowhere/growth.svg" in told.err and not told.out


async def _wrong(at: Setting) -> None:
    at.record.add("e2e.rate", 1e9)
    raise Wrong("3 of 4 events came")


async def _right(at: Setting) -> None:
    at.record.add("match.topics", 5)


def test_a_fast_wrong_run_gives_no_figures_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(BENCHES, "e2e", _wrong)
    monkeypatch.setitem(BENCHES, "match", _right)
    assert main(["bench", "e2e", "match", "--tiny"]) == Exit.FAILED
    told = capsys.readouterr()
    assert "bench e2e failed: 3 of 4 events came" in told.err
    assert "e2e.rate" not in told.out and "match.topics" in told.out
