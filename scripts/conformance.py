"""Run tests/conformance and print its table; called by scripts/conformance."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from hub.core.release import FhirRelease  # noqa: E402  # needs ROOT
from tests.conformance.item import Strength, without_test  # noqa: E402  # needs ROOT


@dataclass(frozen=True, slots=True, order=True)
class Row:
    """One line of the table; ``result`` is passed, failed, untestable or unsupported.

    ``test`` is the test's name in words, or the reason why there is none.
    """

    item: str
    strength: str
    release: str
    test: str
    result: str


class Collector:
    """Keeps what came of each test of an item; a plugin of pytest."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a result: a failed set-up counts, and the first failure stays."""
        properties: dict[str, Any] = dict(report.user_properties)
        if "item" not in properties or (report.when != "call" and report.passed):
            return
        known = self.rows.get(report.nodeid)
        if known is not None and known.result == "failed":
            return
        number, strength, release = properties["item"]
        name = report.nodeid.rpartition("::test_")[2].partition("[")[0]
        words = name.removeprefix(number.replace(".", "_")).strip("_").replace("_", " ")
        result = "passed" if report.passed else "failed"
        self.rows[report.nodeid] = Row(number, strength, release, words, result)


def place(row: Row) -> tuple[list[tuple[int, str]], str, str]:
    """Return where a row stands: by number, then release."""
    parts = [
        (int("".join(filter(str.isdigit, part))), part.lstrip("0123456789"))
        for part in row.item.split(".")
    ]
    return parts, row.test, row.release


def run(section: int | None) -> list[Row]:
    """Run the tests and return all rows in order."""
    folder = ROOT / "tests" / "conformance"
    pattern = "test_section_*.py" if section is None else f"test_section_{section:02}_*.py"
    files = [str(each) for each in sorted(folder.glob(pattern))]
    if not files:
        print(f"section {section} of the checklist has no tests", file=sys.stderr)
        sys.exit(2)
    collector = Collector()
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        arguments = ["-q", "-n", "2", "--dist", "loadfile", "--rootdir", str(ROOT)]
        code = pytest.main([*arguments, *files], plugins=[collector])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or not collector.rows:
        sys.exit(said.getvalue())
    if code is not pytest.ExitCode.OK:
        print(said.getvalue(), file=sys.stderr)
    rows = list(collector.rows.values())
    rows += (
        Row(each["number"], each["strength"], "all", each["reason"], each["why"])
        for each in without_test()
        if section is None or each["number"].split(".")[0] == str(section)
    )
    return sorted(rows, key=place)


def totals(rows: Iterable[Row]) -> list[dict[str, str | int]]:
    """Count the items that passed and failed per release and strength."""
    results: dict[tuple[str, str], dict[str, str]] = {}
    for row in rows:
        if row.result in ("passed", "failed"):
            of_item = results.setdefault((row.release, row.strength), {})
            of_item[row.item] = "failed" if of_item.get(row.item) == "failed" else row.result
    lines: list[dict[str, str | int]] = []
    for release in (each.name for each in FhirRelease):
        for strength in Strength:
            counted = Counter(results.get((release, strength.value), {}).values())
            lines.append(
                {
                    "release": release,
                    "strength": strength.value,
                    "passed": counted["passed"],
                    "failed": counted["failed"],
                }
            )
    return lines


def main() -> int:
    """Print the table; return the exit code."""
    parser = argparse.ArgumentParser(prog="scripts/conformance", description=__doc__)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--section", type=int, help="only the items of one section")
    asked = parser.parse_args()
    rows = run(asked.section)
    counted = totals(rows)
    failed = any(row.result == "failed" for row in rows)
    if asked.format == "json":
        print(json.dumps({"rows": [asdict(row) for row in rows], "totals": counted}, indent=1))
        return int(failed)
    for row in rows:
        print(f"{row.item:8}{row.strength:8}{row.release:5}{row.result:13}{row.test}")
    print()
    for line in counted:
        print("{release:5}{strength:8}{passed:4} passed {failed:4} failed".format(**line))
    without = Counter(row.result for row in rows if row.release == "all")
    print(f"\n{without['untestable']} items can't be tested on a server, ", end="")
    print(f"{without['unsupported']} are not offered; the reasons stand in the table.")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
