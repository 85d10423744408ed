"""``fhir-hub topics lint`` and ``load --dry-run``: what of a topic computes where, and why not."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from hub.cli.exits import Exit
from hub.cli.request import bare_name
from hub.cli.terminal import Terminal, printable
from hub.cli.topic_file import reasons_of, tables_of
from hub.codecs.definitions import Definitions, LoadedTopic
from hub.core.release import FhirRelease, Json
from hub.core.topic import SubscriptionTopic
from hub.core.topic_description import Compiled, compile_all, releases_of

_NO = "-"


def lint(
    terminal: Terminal, topics: Sequence[LoadedTopic], definitions: Definitions, *, as_json: bool
) -> int:
    """Show for each topic what computes in which release; fail if one computes in none."""
    tables = tables_of(definitions)
    silent = 0
    for loaded in topics:
        compiled = compile_all(loaded.topic, tables)
        silent += not releases_of(compiled)
        if as_json:
            terminal.line(json.dumps(_described(loaded, compiled), ensure_ascii=False))
        else:
            _matrix(terminal, loaded, compiled)
    if not as_json:
        for line in definitions.left_out:
            terminal.line(f"{terminal.paint('left out', 'yellow')}  {printable(line)}")
        told = f"{len(topics)} topic{'s' * (len(topics) != 1)}, {silent} without any release"
        terminal.talk(told, "red" if silent else "green")
    return Exit.FAILED if silent or not topics else Exit.OK


def would_load(
    terminal: Terminal, topics: Sequence[LoadedTopic], definitions: Definitions, *, as_json: bool
) -> int:
    """Say of each topic what a hub would that is asked to load it."""
    tables = tables_of(definitions)
    refused = 0
    for loaded in topics:
        compiled = compile_all(loaded.topic, tables)
        releases = releases_of(compiled)
        refused += not releases
        reasons = reasons_of(compiled)
        if as_json:
            terminal.line(json.dumps(_described(loaded, compiled), ensure_ascii=False))
            continue
        verdict = (
            terminal.paint("accepted", "green") if releases else terminal.paint("refused", "red")
        )
        where = f" in {' '.join(releases)}" if releases else ""
        terminal.line(f"{verdict}{where}: {printable(loaded.topic.canonical)}")
        if releases and loaded.topic.status != "active":
            terminal.line(f"  it is {loaded.topic.status}: no Subscription can name it yet")
        _tell(terminal, reasons)
    return Exit.REFUSED if refused or not topics else Exit.OK


def _matrix(terminal: Terminal, loaded: LoadedTopic, compiled: Compiled) -> None:
    topic = loaded.topic
    name = terminal.paint(printable(bare_name(topic.url)), "bold")
    terminal.line(f"{name}  {printable(topic.version or '')}  {topic.status}".rstrip())
    terminal.line(f"  {terminal.paint(printable(loaded.where), 'dim')}")
    rows = [[clause, *cells.values()] for clause, cells in _rows(topic, compiled).items()]
    terminal.table(("CLAUSE", *compiled), rows)
    _tell(terminal, reasons_of(compiled))
    terminal.line()


def _tell(terminal: Terminal, reasons: Mapping[str, Sequence[FhirRelease]]) -> None:
    for reason, releases in reasons.items():
        where = terminal.paint(" ".join(releases), "yellow")
        terminal.line(f"  {where}  {printable(reason)}")


def _rows(topic: SubscriptionTopic, compiled: Compiled) -> dict[str, dict[FhirRelease, str]]:
    """Return each trigger and filter with how it computes in each release."""
    rows: dict[str, dict[FhirRelease, str]] = {}
    for number, trigger in enumerate(topic.resource_triggers):
        rows[f"trigger {number}: {trigger.resource}"] = dict.fromkeys(compiled, _NO)
    for number, event in enumerate(topic.event_triggers):
        rows[f"event {number}: {event.resource}"] = dict.fromkeys(compiled, "discovery")
    for release, found in compiled.items():
        if isinstance(found, str):
            continue
        for each in found.triggers:
            how = "always" if each.criteria == "none" else each.criteria
            rows[f"trigger {each.index}: {topic.resource_triggers[each.index].resource}"][
                release
            ] = how
        for type_, name in (*found.filters, *sorted(found.missing_filters)):
            cells = rows.setdefault(f"filter {type_}?{name}", dict.fromkeys(compiled, _NO))
            if (type_, name) in found.filters:
                cells[release] = "yes"
    return rows


def _described(loaded: LoadedTopic, compiled: Compiled) -> dict[str, Json]:
    topic = loaded.topic
    return {
        "url": topic.url,
        "version": topic.version,
        "status": topic.status,
        "where": loaded.where,
        "computes": list(releases_of(compiled)),
        "clauses": _rows(topic, compiled),
        "reasons": [
            {"reason": reason, "releases": releases}
            for reason, releases in reasons_of(compiled).items()
        ],
    }
