"""``fhir-hub topics new``: a topic with its truth table to begin from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from hub.cli.exits import CommandError, Exit
from hub.cli.terminal import Terminal
from hub.cli.topic_file import TOPIC_FILE, tables_of
from hub.cli.truth_table import CASES_FILE
from hub.codecs.definitions import Definitions
from hub.codecs.tables import elements
from hub.core.release import FhirRelease, Json, Resource
from hub.core.topic import CANONICAL_BASE, STRUCTURE_DEFINITION

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_LIKED = ("requested", "active", "final", "current", "completed")
_FILTERS = ("patient", "subject", "owner", "requester", "encounter", "code")
_SHOWN = 8


def new(terminal: Terminal, name: str, resource: str | None) -> int:
    """Write ``NAME/topic.json`` and ``NAME/cases.json`` here; nothing is overwritten."""
    if not _NAME.fullmatch(name):
        raise CommandError(Exit.USAGE, f"{name!r} is no name; use a-z, 0-9 and -")
    known = [each for each in FhirRelease if resource in elements(each).resource_types]
    if resource is None or not known:
        raise CommandError(
            Exit.USAGE, f"--resource takes a type of FHIR such as Task, not {resource!r}"
        )
    folder = Path(name)
    if folder.exists():
        raise CommandError(Exit.FAILED, f"{folder} is there already")
    codes = _codes(resource, known)
    written: tuple[tuple[str, Json], ...] = (
        (TOPIC_FILE, _topic(name, resource, codes)),
        (CASES_FILE, list(_cases(resource, codes))),
    )
    folder.mkdir()
    for file, content in written:
        (folder / file).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        terminal.line(str(folder / file))
    terminal.talk(f"now: fhir-hub topics test {name}, fhir-hub topics lint {name}", "dim")
    return Exit.OK


def _codes(resource: str, known: Sequence[FhirRelease]) -> tuple[str, ...]:
    """Return the codes that ``status`` may have in every release, the one to wait for first."""
    found: list[str] | None = None
    for release in known:
        own = next((each for each in elements(release).of(resource) if each.name == "status"), None)
        codes = own.codes or () if own is not None and own.types == ("code",) else ()
        found = [code for code in (codes if found is None else found) if code in codes]
    listed = found or []
    return tuple(sorted(listed, key=lambda code: _LIKED.index(code) if code in _LIKED else 99))


def _topic(name: str, resource: str, codes: Sequence[str]) -> Resource:
    trigger: Resource = {
        "description": f"What happened to the {resource}, in words",
        "resource": STRUCTURE_DEFINITION + resource,
        "supportedInteraction": ["create", "update"],
    }
    if codes:
        trigger["queryCriteria"] = {
            "previous": f"status:not={codes[0]}",
            "resultForCreate": "test-passes",
            "current": f"status={codes[0]}",
            "resultForDelete": "test-fails",
            "requireBoth": True,
        }
        trigger["fhirPathCriteria"] = (
            f"(%previous.exists() and %previous.status = '{codes[0]}').not() "
            f"and %current.status = '{codes[0]}'"
        )
    tables = tables_of(Definitions()).values()
    return {
        "resourceType": "SubscriptionTopic",
        "id": name,
        "url": CANONICAL_BASE + name,
        "version": "0.1.0",
        "title": name.replace("-", " ").capitalize(),
        "status": "active",
        "description": "Whom this tells what",
        "resourceTrigger": [trigger],
        "canFilterBy": [
            {"resource": STRUCTURE_DEFINITION + resource, "filterParameter": code}
            for code in ("_id", *_FILTERS)
            if any(table.get(resource, code) is not None for table in tables)
        ],
        "notificationShape": [{"resource": STRUCTURE_DEFINITION + resource}],
    }


def _cases(resource: str, codes: Sequence[str]) -> Iterator[Resource]:
    def state(status: str) -> Resource:
        return {"resourceType": resource, "id": "1", **({"status": status} if status else {})}

    wanted = codes[0] if codes else ""
    changed = f" as {wanted}" if wanted else ""
    yield _case(f"created{changed}", "create", None, state(wanted), fires=True)
    yield _case("updated without a change", "update", state(wanted), state(wanted), fires=not codes)
    yield _case("deleted", "delete", state(wanted), None, fires=False)
    for other in codes[1:_SHOWN]:
        yield _case(f"created as {other}", "create", None, state(other), fires=False)
        yield _case(f"{other} to {wanted}", "update", state(other), state(wanted), fires=True)
        yield _case(f"{wanted} to {other}", "update", state(wanted), state(other), fires=False)


def _case(name: str, interaction: str, previous: Json, current: Json, *, fires: bool) -> Resource:
    return {
        "name": name,
        "interaction": interaction,
        "previous": previous,
        "current": current,
        "fires": fires,
    }
