"""Where two resources differ, element by element.

Source: http://hl7.org/fhir/json.html; http://hl7.org/fhir/fhirpath.html (simple FHIRPath).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hub.core.json_text import same
from hub.core.release import Json


@dataclass(frozen=True, slots=True)
class Difference:
    """An element that is not the same: its path, and what it is on both sides, None if absent."""

    path: str
    before: Json
    after: Json


def differences(before: Json, after: Json, path: str) -> Iterator[Difference]:
    """Yield where ``after`` differs from ``before``, the smallest elements that do.

    Args:
        before: a resource or a part of one.
        after: what became of it.
        path: its path; that of a primitive's extension is the primitive's own.
    """
    if same([before], [after]):
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys((*before, *after)):
            inner = f"{path}.{name.removeprefix('_')}"
            yield from differences(before.get(name), after.get(name), inner)
    elif isinstance(before, list) and isinstance(after, list):
        for index in range(max(len(before), len(after))):
            yield from differences(
                before[index] if index < len(before) else None,
                after[index] if index < len(after) else None,
                f"{path}[{index}]",
            )
    else:
        yield Difference(path, before, after)
