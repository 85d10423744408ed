"""All refusals of the hub by their slugs, as ``fhir-hub errors`` explains them."""

from __future__ import annotations

import inspect

from hub.errors import HubError


def explained(kind: type[HubError]) -> dict[str, str | int]:
    """Return what is to be said of a refusal: slug, HTTP status, issue type, meaning and hint."""
    return {
        "slug": kind.slug,
        "status": kind.status,
        "code": kind.code,
        "explanation": " ".join((inspect.getdoc(kind) or "").split()),
        "hint": kind.hint,
    }


def catalogue() -> dict[str, type[HubError]]:
    """Return every refusal by its slug."""
    found: dict[str, type[HubError]] = {}
    waiting: list[type[HubError]] = [HubError]
    while waiting:
        kind = waiting.pop()
        found[kind.slug] = kind
        waiting.extend(kind.__subclasses__())
    return dict(sorted(found.items()))
