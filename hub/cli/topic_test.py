"""``fhir-hub topics test``: the truth tables (``cases.json`` beside ``topic.json``)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from hub.cli.exits import Exit
from hub.cli.request import bare_name
from hub.cli.terminal import Terminal, printable
from hub.cli.topic_file import TOPIC_FILE, tables_of
from hub.cli.truth_table import CASES_FILE, check_row, read_rows
from hub.codecs.definitions import Definitions, LoadedTopic
from hub.core.compiled_topic import CompiledTopic
from hub.core.release import FhirRelease, Resource
from hub.core.search_parameter import SearchParameters
from hub.core.topic_description import Compiled, compile_all


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A row that is not as it says: ``reason`` tells what was there instead."""

    release: FhirRelease
    row: str
    reason: str


def test(
    terminal: Terminal, topics: Sequence[LoadedTopic], definitions: Definitions, *, as_json: bool
) -> int:
    """Run the rows of each topic's table in each release; fail if one is not as it says."""
    tables = tables_of(definitions)
    broken = tested = 0
    for loaded in topics:
        file = Path(loaded.where)
        cases = file.with_name(CASES_FILE)
        if file.name != TOPIC_FILE or not cases.is_file():
            terminal.talk(f"{loaded.where}: no {CASES_FILE} beside a {TOPIC_FILE}", "yellow")
            continue
        tested += 1
        rows, failures = _run(cases, compile_all(loaded.topic, tables), tables)
        broken += bool(failures) or not rows
        if as_json:
            told = {
                "url": loaded.topic.url,
                "rows": rows,
                "failures": [asdict(failure) for failure in failures],
            }
            terminal.line(json.dumps(told, ensure_ascii=False))
            continue
        verdict = terminal.paint("failed", "red") if failures else terminal.paint("ok", "green")
        name = printable(bare_name(loaded.topic.url))
        terminal.line(f"{verdict}  {name}  {rows - len(failures)} of {rows} rows")
        for failure in failures:
            terminal.line(
                f"  {failure.release}  {printable(failure.row)}: {printable(failure.reason)}"
            )
    return Exit.OK if tested and not broken else Exit.FAILED


def _run(
    cases: Path, compiled: Compiled, tables: Mapping[FhirRelease, SearchParameters]
) -> tuple[int, list[Failure]]:
    rows = 0
    failures = []
    for number, row in enumerate(read_rows(cases)):
        name = str(row.get("name", f"row {number}"))
        for release, found in _where(row, compiled):
            rows += 1
            if isinstance(found, str):
                reason = f"the topic does not compute: {found}"
            else:
                reason = "; ".join(check_row(row, found, tables[release]))
            if reason:
                failures.append(Failure(release=release, row=name, reason=reason))
    return rows, failures


def _where(row: Resource, compiled: Compiled) -> Iterator[tuple[FhirRelease, CompiledTopic | str]]:
    """Yield the releases of a row: those that it names, else those where the topic computes."""
    named = row.get("release")
    for release, found in compiled.items():
        if named is None:
            if not isinstance(found, str):
                yield release, found
        elif release in named:
            yield release, found
