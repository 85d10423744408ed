"""``fhir-hub topics test``: the truth tables (``cases.json`` beside ``topic.json``)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from hub.cli.exits import CommandError, Exit
from hub.cli.request import bare_name
from hub.cli.terminal import Terminal, printable
from hub.cli.topic_file import TOPIC_FILE, Compiled, compile_all, tables_of
from hub.codecs.definitions import Definitions, LoadedTopic
from hub.core.change import Change, Interaction
from hub.core.compiled_topic import CompiledTopic
from hub.core.release import FhirRelease, Json, Resource
from hub.core.search import NOWHERE

CASES_FILE = "cases.json"


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
        rows, failures = _run(cases, compile_all(loaded.topic, tables))
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


def _run(cases: Path, compiled: Compiled) -> tuple[int, list[Failure]]:
    rows = 0
    failures = []
    for number, case in enumerate(_read(cases)):
        row = str(case.get("name", f"row {number}"))
        for release, found in _where(case, compiled):
            rows += 1
            reason = _try(case, release, found)
            if reason is not None:
                failures.append(Failure(release=release, row=row, reason=reason))
    return rows, failures


def _read(path: Path) -> list[Resource]:
    try:
        cases = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise CommandError(Exit.FAILED, f"{path}: {error}") from None
    if not isinstance(cases, list) or not all(isinstance(case, dict) for case in cases):
        raise CommandError(Exit.FAILED, f"{path}: it must be a list of rows")
    return cases


def _where(case: Resource, compiled: Compiled) -> Iterator[tuple[FhirRelease, CompiledTopic | str]]:
    """Yield the releases of a row: those that it names, else those where the topic computes."""
    named = case.get("release")
    for release, found in compiled.items():
        if named is None:
            if not isinstance(found, str):
                yield release, found
        elif release in named:
            yield release, found


def _try(case: Resource, release: FhirRelease, found: CompiledTopic | str) -> str | None:
    """Return None if a row is as it says, else what is wrong."""
    if isinstance(found, str):
        return f"the topic does not compute: {found}"
    previous, current = case.get("previous"), case.get("current")
    states = [each for each in (current, previous) if each is not None]
    state: Json = states[0] if states else None
    if not all(isinstance(each, dict) for each in states) or not isinstance(state, dict):
        return "previous or current must be a resource"
    if case.get("interaction") not in tuple(Interaction):
        return f"interaction must be one of {', '.join(Interaction)}"
    if not isinstance(case.get("fires"), bool):
        return "fires must be true or false"
    change = Change(
        release=release,
        resource_type=str(state.get("resourceType")),
        id=str(state.get("id", "1")),
        interaction=Interaction(case["interaction"]),
        previous=previous,
        current=current,
    )
    errors = [each.error for each in found.explain(change, NOWHERE) if each.error]
    if errors:
        return f"it can't be evaluated: {'; '.join(errors)}"
    fires = bool(found.fires(change, NOWHERE))
    if fires is case["fires"]:
        return None
    return "it fires, and should not" if fires else "it does not fire, and should"
