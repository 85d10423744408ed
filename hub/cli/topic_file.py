"""Topics from folders, files and packages, compiled for each release."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from hub.cli.exits import CommandError, Exit
from hub.codecs.definitions import Definitions, DefinitionsError, read_definitions
from hub.core.compiled_topic import CompiledTopic, compile_topic, does_not_compute
from hub.core.release import FhirRelease
from hub.core.search_parameter import SearchParameters
from hub.core.topic import SubscriptionTopic
from hub.errors import TopicRefused

Compiled = Mapping[FhirRelease, CompiledTopic | str]
"""A topic in each release, or why it does not compute there."""

TOPIC_FILE = "topic.json"
"""The name of a topic's file in a folder of its own."""


_CLAUSE = re.compile(r"; (?=resourceTrigger\[)")


def is_path(name: str) -> bool:
    """Tell whether a word of the command line is a path and no topic's name."""
    return name.endswith((".json", ".tgz")) or ("://" not in name and Path(name).exists())


def definitions_of(paths: Iterable[Path]) -> Definitions:
    """Read folders, files and packages; a folder may be that of one topic.

    Raises:
        CommandError: one can't be read.
    """
    found = []
    for path in paths:
        if not path.exists():
            raise CommandError(Exit.USAGE, f"{path} is neither a directory nor a file")
        own = path / TOPIC_FILE
        found.append(own if own.is_file() else path)
    try:
        return read_definitions(found)
    except DefinitionsError as error:
        raise CommandError(Exit.FAILED, str(error)) from None


def tables_of(definitions: Definitions) -> Mapping[FhirRelease, SearchParameters]:
    """Return the search parameters of each release with what ``definitions`` add."""
    return {
        release: definitions.search_parameters(release, f"http://localhost/fhir/{release.path}")
        for release in FhirRelease
    }


def compile_all(
    topic: SubscriptionTopic, tables: Mapping[FhirRelease, SearchParameters]
) -> Compiled:
    """Compile a topic for each release; a text says why it does not compute in one."""
    compiled: dict[FhirRelease, CompiledTopic | str] = {}
    for release, parameters in tables.items():
        try:
            compiled[release] = compile_topic(topic, parameters)
        except TopicRefused as error:
            compiled[release] = error.diagnostics.removeprefix(does_not_compute(topic, release))
    return compiled


def releases_of(compiled: Compiled) -> str:
    """Return the releases where a topic computes, with a space between."""
    return " ".join(release for release, found in compiled.items() if not isinstance(found, str))


def reasons_of(compiled: Compiled) -> dict[str, list[FhirRelease]]:
    """Return each reason why something does not compute, with the releases it is true of."""
    reasons: dict[str, list[FhirRelease]] = {}
    for release, found in compiled.items():
        told_there = (found,) if isinstance(found, str) else found.refusals
        for reason in (part for each in told_there for part in _CLAUSE.split(each)):
            told = reasons.setdefault(reason.replace(f" in {release}", ""), [])
            if release not in told:
                told.append(release)
    return reasons
