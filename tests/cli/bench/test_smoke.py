"""Each bench in its tiniest size: it runs, finds its own numbers right, and ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree

import pytest

from hub.cli.bench.command import BENCHES
from hub.cli.bench.measure import GROWTH, MEASURES

_KEYS = {"name", "value", "unit", "target", "ceiling", "ratio", "runs"}
_PATIENCE = 320


def _bench(*words: str) -> list[dict[str, object]]:
    """Run a bench and return what it wrote; nothing that it started stays."""
    with subprocess.Popen(
        [sys.executable, "-m", "hub", "bench", *words, "--tiny", "--format", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            out, said = process.communicate(timeout=_PATIENCE)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, said
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.parametrize("name", BENCHES)
def test_every_measure_of_a_bench_is_taken(name: str, tmp_path: Path) -> None:
    plot = tmp_path / "growth.svg"
    lines = _bench(name, "--plot", str(plot))
    taken = {str(line["name"]).partition("@")[0] for line in lines}
    wanted = {each for each in MEASURES if each.partition(".")[0] == name}
    # Matching is measured without a hub.
    assert taken == wanted - {"match.process"}
    assert all(line.keys() >= _KEYS and line["runs"] for line in lines)
    drawn = ElementTree.parse(plot).findall(".//{http://www.w3.org/2000/svg}polyline")
    assert len(drawn) == sum(each.startswith(f"{name}.") for each in GROWTH)
