"""How growth is told, and how figures are compared with earlier ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import pytest

from hub.cli.bench.comparison import Earlier, compared, read_earlier
from hub.cli.bench.figure import Figure, Record
from hub.cli.bench.growth import series_of, short, table
from hub.cli.bench.growth_plot import plot
from hub.cli.exits import CommandError, Exit

_SVG = "{http://www.w3.org/2000/svg}"


def _figures(values: Mapping[int, float], name: str = "search.p99") -> list[Figure]:
    record = Record()
    for size, value in values.items():
        record.add(name, value, size=size)
    record.add("e2e.rate", 1)
    return record.figures()


def test_a_series_is_a_measure_at_several_sizes_smallest_first() -> None:
    (series,) = series_of(_figures({1000: 6, 10: 2, 100: 3}))
    assert [*series.points] == [(10, 2), (100, 3), (1000, 6)]
    assert [*series.relative] == [(10, 1), (100, 1.5), (1000, 3)]


def test_one_size_shows_no_growth() -> None:
    assert series_of(_figures({10: 2})) == []


def test_the_table_has_a_row_for_each_size() -> None:
    lines = table(series_of(_figures({1000: 6, 10: 2}))).splitlines()
    assert len(lines) == 4
    assert lines[-1].endswith("| Tasks | 1,000 | 6 ms | 3 |")


@pytest.mark.parametrize(
    ("value", "text"), [(1234.5, "1,234"), (0.1234, "0.123"), (12.34, "12.3"), (1e-20, "0")]
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert short(value) == text


def test_the_plot_has_a_line_for_each_series_and_higher_is_dearer() -> None:
    figures = _figures({10: 1, 100: 2, 10_000: 500}) + _figures({10: 3, 1000: 3}, "match.change")
    drawing = ElementTree.fromstring(plot(series_of(figures)))
    lines = {
        line.get("stroke"): [
            tuple(map(float, point.split(","))) for point in line.get("points", "").split()
        ]
        for line in drawing.iter(f"{_SVG}polyline")
    }
    level, rising = sorted(lines.values(), key=len)
    assert len(level) == 2 and level[0][1] == level[1][1]
    assert len(rising) == 3
    assert rising[0][0] < rising[1][0] < rising[2][0]
    assert rising[0][1] > rising[1][1] > rising[2][1]
    words = [text.text for text in drawing.iter(f"{_SVG}text")]
    assert "search.p99 by Tasks" in words and "match.change by Subscriptions" in words


def test_a_plot_of_nothing_is_still_a_drawing() -> None:
    assert ElementTree.fromstring(plot([])).tag == f"{_SVG}svg"


def _e2e(value: float, name: str = "e2e.rate") -> Figure:
    record = Record()
    for each in (value * 0.99, value, value * 1.01):
        record.add(name, each)
    return record.figures()[0]


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    figure = _e2e(100)
    path = tmp_path / "before.jsonl"
    path.write_text(f"{figure.json()}\n{_e2e(3, 'e2e.cpu').json()}\n")
    found = read_earlier(path)
    assert found["e2e.rate"] == Earlier(100, 99, 101)
    assert set(found) == {"e2e.rate", "e2e.cpu"}


@pytest.mark.parametrize("text", ["not JSON", "[]", '{"name":"x"}', '{"name":"x","value":null}'])
def test_a_file_of_something_else_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "before.jsonl"
    path.write_text(f"{_e2e(1).json()}\n{text}\n")
    with pytest.raises(CommandError, match="line 2 is no figure") as caught:
        read_earlier(path)
    assert caught.value.code is Exit.USAGE


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        read_earlier(tmp_path / "nothing")


def test_only_what_is_outside_the_spread_has_changed() -> None:
    assert compared(_e2e(100), None) == ""
    assert compared(_e2e(100), Earlier(99, 90, 110)) == "+1 %, within the spread"
    assert compared(_e2e(100), Earlier(50, 49, 51)) == "+100 %, better"
    assert compared(_e2e(100), Earlier(200, 199, 201)) == "-50 %, worse"
    assert compared(_e2e(100, "e2e.cpu"), Earlier(200, 199, 201)) == "-50 %, better"
