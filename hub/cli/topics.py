"""``fhir-hub topics``: what can be subscribed to, and by what it can be filtered."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from hub.cli.exits import CommandError, Exit
from hub.cli.request import bare_name, canonical
from hub.cli.terminal import Terminal, printable
from hub.codecs.tables.search import search_parameters
from hub.codecs.topic import from_json
from hub.core.compiled_topic import PLAIN, CompiledTopic, FilterRule, compile_topic
from hub.core.json_text import parse
from hub.core.release import FhirRelease, Json
from hub.core.search_parameter import SearchParameters
from hub.core.topic import ResourceTrigger, SubscriptionTopic, parse_topic
from hub.errors import HubError, TopicRefused
from hub.settings import packaged_topics

Compiled = Mapping[FhirRelease, CompiledTopic | str]
"""A topic in each release, or why it does not compute there."""


def run(arguments: argparse.Namespace) -> int:
    """List the topics that come with the hub and those of ``--topics``, or show one."""
    terminal = Terminal.standard(os.environ, plain=arguments.plain)
    if (arguments.name is None) != (arguments.action == "list"):
        raise CommandError(Exit.USAGE, "write `topics list` or `topics show NAME`")
    more = [Path(arguments.topics)] if arguments.topics else []
    topics = load_topics([packaged_topics(), *more])
    if arguments.name is not None:
        topics = [topic for topic in topics if topic.url == canonical(arguments.name)]
        if not topics:
            raise CommandError(
                Exit.USAGE, f"there is no topic {arguments.name!r}; see `fhir-hub topics`"
            )
    tables = {
        release: search_parameters(release, f"http://localhost/fhir/{release.path}")
        for release in FhirRelease
    }
    found = [(topic, _compile(topic, tables)) for topic in topics]
    if arguments.format == "json":
        for topic, compiled in found:
            terminal.line(json.dumps(_described(topic, compiled), ensure_ascii=False))
    elif arguments.name is None:
        rows = [
            [bare_name(topic.url), topic.version or "", _releases(compiled), topic.title or ""]
            for topic, compiled in found
        ]
        terminal.table(("NAME", "VERSION", "RELEASES", "TITLE"), rows)
        terminal.talk("fhir-hub topics show NAME lists triggers and filters", "dim")
    else:
        for topic, compiled in found:
            _show(terminal, topic, compiled)
    return Exit.OK


def load_topics(directories: Iterable[Path]) -> list[SubscriptionTopic]:
    """Read ``*/topic.json`` and ``*.json`` of each directory.

    Raises:
        CommandError: a directory or a file can't be read, or is no topic.
    """
    topics = []
    for directory in directories:
        if not directory.is_dir():
            raise CommandError(Exit.USAGE, f"{directory} is no directory")
        for path in [*sorted(directory.glob("*/topic.json")), *sorted(directory.glob("*.json"))]:
            try:
                topics.append(parse_topic(from_json(parse(path.read_bytes()).value)))
            except (OSError, HubError) as error:
                raise CommandError(Exit.FAILED, f"{path}: {error}") from None
    return topics


def _compile(topic: SubscriptionTopic, tables: Mapping[FhirRelease, SearchParameters]) -> Compiled:
    compiled: dict[FhirRelease, CompiledTopic | str] = {}
    for release, parameters in tables.items():
        try:
            compiled[release] = compile_topic(topic, parameters)
        except TopicRefused as error:
            compiled[release] = error.diagnostics
    return compiled


def _releases(compiled: Compiled) -> str:
    return " ".join(release for release, found in compiled.items() if not isinstance(found, str))


def _show(terminal: Terminal, topic: SubscriptionTopic, compiled: Compiled) -> None:
    name = terminal.paint(bare_name(topic.url), "bold")
    terminal.line(f"{name}  {printable(topic.version or '')}  {topic.status}")
    terminal.line(f"  {terminal.paint(topic.canonical, 'cyan')}")
    if topic.description:
        terminal.line(f"  {printable(topic.description)}")
    terminal.line()
    terminal.line(terminal.paint("fires", "bold"))
    for trigger in topic.resource_triggers:
        terminal.line(f"  {trigger.resource} {_interactions(trigger)}")
        for line in _criteria(trigger):
            terminal.line(f"    {terminal.paint(printable(line), 'dim')}")
    terminal.line()
    terminal.line(terminal.paint("filters", "bold"))
    rows = [
        [f"{type_}?{name}", releases, _allowed(rule), rule.description or ""]
        for (type_, name), (releases, rule) in _filters(compiled).items()
    ]
    if rows:
        terminal.table(("FILTER", "RELEASES", "MODIFIERS", "MEANING"), rows)
    else:
        terminal.line("  none")
    refused = {reason for found in compiled.values() for reason in _reasons(found)}
    if refused:
        terminal.line()
        terminal.line(terminal.paint("not in every release", "bold"))
        for reason in sorted(refused):
            terminal.line(f"  {printable(reason)}")


def _interactions(trigger: ResourceTrigger) -> str:
    known = ("create", "update", "delete")
    return ", ".join(code for code in known if code in trigger.supported_interaction)


def _criteria(trigger: ResourceTrigger) -> Iterator[str]:
    if trigger.description:
        yield trigger.description
    query = trigger.query_criteria
    if query is not None:
        if query.previous is not None:
            yield f"before  {query.previous}"
        if query.current is not None:
            yield f"after   {query.current}"
    if trigger.fhirpath_criteria is not None:
        yield f"FHIRPath  {trigger.fhirpath_criteria}"


def _filters(compiled: Compiled) -> dict[tuple[str, str], tuple[str, FilterRule]]:
    """Return each filter with the releases that have it, in the order of the first of them."""
    filters: dict[tuple[str, str], tuple[str, FilterRule]] = {}
    for release, found in compiled.items():
        if isinstance(found, str):
            continue
        for key, rule in found.filters.items():
            before = filters.get(key)
            filters[key] = (release, rule) if before is None else (f"{before[0]} {release}", rule)
    return filters


def _allowed(rule: FilterRule) -> str:
    modifiers = [f":{modifier}" for modifier in sorted(rule.modifiers)]
    return " ".join([*modifiers, *_comparators(rule)])


def _comparators(rule: FilterRule) -> list[str]:
    return sorted(rule.comparators - rule.modifiers - PLAIN)


def _reasons(found: CompiledTopic | str) -> tuple[str, ...]:
    return (found,) if isinstance(found, str) else found.refusals


def _described(topic: SubscriptionTopic, compiled: Compiled) -> dict[str, Json]:
    return {
        "name": bare_name(topic.url),
        "url": topic.url,
        "version": topic.version,
        "status": topic.status,
        "title": topic.title,
        "description": topic.description,
        "releases": {
            release: {
                "computes": not isinstance(found, str),
                "filters": []
                if isinstance(found, str)
                else [
                    {
                        "resource": type_,
                        "parameter": name,
                        "modifiers": sorted(rule.modifiers),
                        "comparators": _comparators(rule),
                    }
                    for (type_, name), rule in found.filters.items()
                ],
                "refusals": list(_reasons(found)),
            }
            for release, found in compiled.items()
        },
    }
