"""Figures: medians, percentiles, ratios, and the line that is written of each."""

from __future__ import annotations

import json
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.cli.bench.failure import Wrong
from hub.cli.bench.figure import Figure, Record, percentile
from hub.cli.bench.measure import MEASURES
from hub.cli.bench.memory import slope

_NUMBERS = st.lists(st.integers(-1000, 1000), min_size=1)


@given(_NUMBERS, st.floats(0, 1))
def test_a_percentile_is_a_value_that_enough_others_do_not_exceed(
    values: list[int], part: float
) -> None:
    found = percentile(values, part)
    assert found in values
    assert sum(each <= found for each in values) >= part * len(values)
    assert sum(each < found for each in values) <= part * len(values)


def test_nothing_measured_has_no_percentile() -> None:
    with pytest.raises(Wrong):
        percentile([], 0.5)


@given(_NUMBERS)
def test_a_figure_is_the_median_of_its_runs_with_their_extremes(values: list[int]) -> None:
    record = Record()
    for value in values:
        record.add("e2e.rate", value, ceiling=value * 2)
    (figure,) = record.figures()
    assert (figure.value, figure.low, figure.high, figure.runs) == (
        median(values),
        min(values),
        max(values),
        len(values),
    )
    assert figure.ceiling == median(value * 2 for value in values)


def _figure(name: str, value: float, *, ceiling: float | None = None, size: int = 0) -> Figure:
    record = Record()
    record.add(name, value, ceiling=ceiling, size=size)
    return record.figures()[0]


def test_a_ratio_of_one_is_all_that_the_machine_does() -> None:
    assert _figure("e2e.rate", 500, ceiling=1000).ratio == 0.5
    assert _figure("e2e.cpu", 0.4, ceiling=0.1).ratio == 0.25
    assert _figure("e2e.cpu", 0.4).ratio is None
    assert _figure("e2e.rate", 0, ceiling=1000).ratio is None


def test_a_target_is_reached_from_the_right_side() -> None:
    assert _figure("e2e.rate", 3_500).reached is True
    assert _figure("e2e.rate", 3_499).reached is False
    assert _figure("e2e.p99", 25).reached is True
    assert _figure("e2e.p99", 25.1).reached is False
    assert _figure("ingest.rate", 1).reached is None


def test_a_target_is_that_of_the_size() -> None:
    large = _figure("search.p99", 12, size=1_000_000)
    assert (large.name, large.reached) == ("search.p99@1000000", True)
    assert _figure("search.p99", 12, size=1_000).target is None


def test_a_line_has_what_others_read() -> None:
    line = json.loads(_figure("match.change", 8, ceiling=2, size=10_000).json())
    assert line == {
        "name": "match.change@10000",
        "value": 8,
        "unit": "us",
        "target": 10,
        "stretch": 5,
        "ceiling": 2,
        "ratio": 0.25,
        "runs": 1,
        "low": 8,
        "high": 8,
    }


def test_what_no_one_has_named_is_no_figure() -> None:
    with pytest.raises(KeyError):
        Record().add("e2e.speed", 1)


def test_what_every_bench_has_besides_comes_last() -> None:
    record = Record()
    for name in ("e2e.process", "e2e.stall", "e2e.rate"):
        record.add(name, 1, size=0)
    names = [figure.measure.name for figure in record.figures()]
    assert names == ["e2e.rate", "e2e.process", "e2e.stall"]


def test_targets_know_which_way_is_better() -> None:
    for measure in MEASURES.values():
        for target in measure.targets.values():
            if target.stretch is not None:
                assert (target.stretch > target.value) is measure.more


@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(2, 20))
def test_the_slope_of_a_line_is_its_own(rise: int, start: int, count: int) -> None:
    points = [(x, start + rise * x) for x in range(count)]
    assert slope(points) == pytest.approx(rise)


def test_what_is_flat_or_alone_has_no_slope() -> None:
    assert slope([]) == slope([(1, 5)]) == slope([(1, 5), (2, 5), (3, 5)]) == 0
