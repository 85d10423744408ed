"""Runs HL7's FHIRPath tests through the hub's engine and counts how it answers.

Run by ``scripts/fhirpath-suite``.  Prints per release and group how many tests pass, fail, use what
the hub refuses, or don't apply; then each reason with its tests.  Exit code 1 if a test fails or is
refused for a reason that ``fhirpath_kinds`` doesn't name.
Source: Maven ``org.hl7.fhir.testcases:fhir-test-cases``, ``rN/fhirpath/tests-fhir-rN.xml``.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from zipfile import ZipFile

from fhirpath_input import read_resource
from fhirpath_kinds import UNKNOWN, failure_kind, not_applicable, refusal_kind

from hub.core.fhirpath import FhirPathError, compile_expression
from hub.core.fhirpath_moment import Moment
from hub.core.fhirpath_quantity import Quantity
from hub.core.release import FhirRelease
from hub.errors import TopicRefused

ROOT = "org/hl7/fhir/testcases"
_NO_TEXT = ("boolean", "integer", "decimal", "Quantity")
RESULTS = ("passed", "failed", "refused", "not applicable")


@dataclass(frozen=True)
class Test:
    """One test of the suite: what is asked of which resource, and what must come out."""

    release: FhirRelease
    group: str
    name: str
    expression: str
    mode: str
    must_fail: bool
    predicate: bool
    any_order: bool
    input_file: str
    outputs: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Verdict:
    """How a test ended; ``kind`` says why unless it passed, ``seen`` what the hub answered."""

    result: str
    kind: str = ""
    seen: str = ""


def read_tests(jar: ZipFile, release: FhirRelease) -> list[Test]:
    """Return the tests of a release in their order."""
    path = f"{ROOT}/{release.path}/fhirpath/tests-fhir-{release.path}.xml"
    tests = []
    for group in ElementTree.fromstring(jar.read(path)).findall("{*}group"):  # noqa: S314  # HL7's own
        for test in group.findall("{*}test"):
            (expression,) = test.findall("{*}expression")
            tests.append(
                Test(
                    release,
                    group.attrib["name"],
                    test.attrib["name"],
                    (expression.text or "").strip(),
                    test.get("mode", expression.get("mode", "")),
                    expression.get("invalid", "false") != "false",
                    test.get("predicate") == "true",
                    test.get("ordered") == "false",
                    test.get("inputfile", ""),
                    tuple(
                        (output.get("type", ""), output.text or "")
                        for output in test.findall("{*}output")
                    ),
                )
            )
    return tests


class Inputs:
    """The resources that the tests look at, each read once."""

    def __init__(self, jar: ZipFile) -> None:
        self._jar = jar
        self._read: dict[tuple[FhirRelease, str], dict[str, Any] | None] = {}

    def of(self, test: Test) -> dict[str, Any] | None:
        """Return the resource of a test, None if it has none."""
        key = (test.release, test.input_file)
        if key not in self._read:
            path = f"{ROOT}/{test.release.path}/{test.input_file}"
            data = self._jar.read(path) if test.input_file else b""
            self._read[key] = read_resource(path, data, test.release) if data else None
        return self._read[key]


def run(test: Test, inputs: Inputs) -> Verdict:
    """Run one test."""
    reason = not_applicable(test.mode)
    if reason:
        return Verdict("not applicable", reason)
    try:
        compiled = compile_expression(test.expression, test.release)
    except TopicRefused as refusal:
        kind = refusal_kind(refusal.diagnostics)
        if kind is not None:
            return Verdict("refused", kind, refusal.diagnostics)
        if test.must_fail:
            return Verdict("passed")
        return Verdict("failed", failure_kind(test.release, test.name), refusal.diagnostics)
    result = compiled.values(None, inputs.of(test))
    if isinstance(result, FhirPathError):
        right, seen = test.must_fail, f"error: {result.reason}"
    else:
        right = not test.must_fail and as_expected(result, test)
        seen = repr(result)[:200]
    if right:
        return Verdict("passed")
    return Verdict("failed", failure_kind(test.release, test.name), seen)


def as_expected(values: list[Any], test: Test) -> bool:
    """Tell whether the values are those that the suite names."""
    if test.predicate:
        values = [bool(values)]
    if len(values) != len(test.outputs):
        return False
    if test.any_order:
        return all(any(is_output(v, *output) for v in values) for output in test.outputs)
    return all(is_output(v, *output) for v, output in zip(values, test.outputs, strict=True))


def is_output(value: Any, type_name: str, text: str) -> bool:
    """Tell whether a value is what an ``output`` names.

    Its type is checked as far as it is known: an element that is text may be of any type of text.
    """
    if isinstance(value, bool):
        return type_name in ("boolean", "") and text == str(value).lower()
    if isinstance(value, int):
        return type_name in ("integer", "decimal", "") and Decimal(text) == value
    if isinstance(value, Decimal):
        return type_name in ("decimal", "") and text == format(value, "f")
    if isinstance(value, Moment):
        mark = "@T" if value.kind == "Time" else "@"
        kinds = {"date": "Date", "dateTime": "DateTime", "time": "Time"}
        return kinds.get(type_name, value.kind) == value.kind and text == mark + value.text
    if isinstance(value, Quantity):
        return type_name in ("Quantity", "") and text == str(value)
    return isinstance(value, str) and type_name not in _NO_TEXT and text.lstrip("@") == value


def report(verdicts: list[tuple[Test, Verdict]], verbose: bool) -> None:
    """Print the totals, then every reason with what it concerns."""
    groups: dict[tuple[FhirRelease, str], Counter[str]] = defaultdict(Counter)
    totals: dict[FhirRelease, Counter[str]] = defaultdict(Counter)
    kinds: dict[tuple[str, str], list[str]] = defaultdict(list)
    for test, verdict in verdicts:
        groups[test.release, test.group][verdict.result] += 1
        totals[test.release][verdict.result] += 1
        if verdict.kind:
            line = f"{test.release} {test.name}"
            if verbose or verdict.kind == UNKNOWN:
                line += f": {' '.join(test.expression.split())}\n        {verdict.seen}"
            kinds[verdict.result, verdict.kind].append(line)
    for (release, group), counts in groups.items():
        print(f"{release:4} {group:32} {_counts(counts)}")
    for (result, kind), lines in sorted(kinds.items()):
        print(f"\n{result}, {len(lines)}: {kind}")
        separator = "\n    " if verbose or kind == UNKNOWN else ", "
        print("    " + separator.join(lines))
    print()
    for release, counts in totals.items():
        print(f"{release}: {sum(counts.values())} tests, {_counts(counts)}")


def _counts(counts: Counter[str]) -> str:
    return ", ".join(f"{counts[result]} {result}" for result in RESULTS if counts[result])


def main() -> int:
    """Run the suite of one release, or of all."""
    parser = argparse.ArgumentParser(prog="scripts/fhirpath-suite")
    parser.add_argument("jar", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--release", type=FhirRelease, choices=list(FhirRelease))
    parser.add_argument("--verbose", action="store_true", help="show what the hub answered")
    parser.add_argument("--cache", metavar="FOLDER", help="where the suite is kept")
    options = parser.parse_args()
    releases = [options.release] if options.release else list(FhirRelease)
    with ZipFile(options.jar) as jar:
        inputs = Inputs(jar)
        tests = [test for release in releases for test in read_tests(jar, release)]
        verdicts = [(test, run(test, inputs)) for test in tests]
    report(verdicts, options.verbose)
    return 1 if any(verdict.kind == UNKNOWN for _, verdict in verdicts) else 0


if __name__ == "__main__":
    sys.exit(main())
