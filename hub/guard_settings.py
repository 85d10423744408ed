"""What the hub guards against, off by default, as an administrator sets it.

Readers raise ``ValueError`` with one line for people.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

from hub.core.json_text import parse
from hub.core.task_guard import TaskGuard
from hub.core.task_table import TaskGuardInvalid, parse_task_guard
from hub.errors import HubError


def read_types(texts: Iterable[str]) -> frozenset[str]:
    """Read names of resource types; whether there are such types is found out at the start."""
    types = frozenset(texts)
    for name in sorted(types):
        if not (name.isascii() and name.isalpha() and name[0].isupper()):
            raise ValueError(f"{name!r} is no resource type; write one such as Task")
    return types


def read_task_guard(text: str) -> TaskGuard:
    """Read the table of the Task's life cycle: one that comes with the hub, or a JSON file.

    ``fhir`` is FHIR's state machine, in which anybody may move a Task.  ``order`` is the same with
    roles: the requester asks and calls off, the owner accepts and does the work.
    """
    packaged = packaged_guards()
    path = packaged.get(text) or Path(text)
    try:
        return parse_task_guard(parse(path.read_bytes()).value)
    except OSError as error:
        names = " or ".join(sorted(packaged))
        raise ValueError(
            f"{text!r} can't be read: {error.strerror}; write {names}, or the name of a file"
        ) from None
    except HubError as error:
        raise ValueError(f"{text}: {error.diagnostics}") from None
    except TaskGuardInvalid as error:
        raise ValueError(f"{text}: {error}") from None


def packaged_guards() -> dict[str, Path]:
    """Return the tables that come with the hub, by name."""
    folder = Path(str(resources.files("hub"))) / "task_guards"
    return {path.stem: path for path in sorted(folder.glob("*.json"))}


GUARD_OPTIONS: tuple[dict[str, Any], ...] = (
    {
        "name": "require_if_match",
        "flag": "--require-if-match",
        "metavar": "TYPE",
        "read": read_types,
        "repeatable": True,
        "help": "nobody changes one of this type without If-Match, as Task; repeatable (none)",
    },
    {
        "name": "task_guard",
        "flag": "--task-guard",
        "metavar": "fhir|order|FILE",
        "read": read_task_guard,
        "help": "which status a Task may move to, and who may move it: a table or JSON file (any)",
    },
)
