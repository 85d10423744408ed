"""Topics from folders, files and packages, compiled for each release."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from hub.cli.exits import CommandError, Exit
from hub.codecs.definitions import Definitions, DefinitionsError, read_definitions
from hub.core.release import FhirRelease
from hub.core.search_parameter import SearchParameters
from hub.core.topic_description import Compiled, reasons_in

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


def reasons_of(compiled: Compiled) -> dict[str, list[FhirRelease]]:
    """Return each reason why something does not compute, with the releases it is true of."""
    reasons: dict[str, list[FhirRelease]] = {}
    for release, found in compiled.items():
        for reason in (part for each in reasons_in(found) for part in _CLAUSE.split(each)):
            told = reasons.setdefault(reason.replace(f" in {release}", ""), [])
            if release not in told:
                told.append(release)
    return reasons
