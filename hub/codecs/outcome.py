"""OperationOutcome: how a refusal, or a piece of information, reads in FHIR.

Source: http://hl7.org/fhir/operationoutcome.html.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from hub.codecs.extension import BACKPORT
from hub.core.release import Resource
from hub.errors import HubError, InvalidResource

ERROR_SYSTEM: Final = "urn:fhir-hub:errors"
"""The code system of the slugs that ``fhir-hub errors`` explains."""

LONGEST_ECHO: Final = 64
"""How many characters of what was sent a message repeats in one piece."""

_END: Final = 30
_LONG: Final = re.compile(
    rf"(?<!\S)'[^'\n]{{{LONGEST_ECHO},}}?'(?!\w)"
    rf'|(?<!\S)"[^"\n]{{{LONGEST_ECHO},}}?"(?!\w)'
    rf"|\S{{{LONGEST_ECHO + 1},}}"
)


def _same(expression: str) -> str:
    return expression


def outcome(error: HubError, element: Callable[[str], str] = _same) -> Resource:
    """Write a refusal, one issue for each complaint; each hint is told once.

    Args:
        error: what was refused and why.
        element: turns an R5 element into the release's own, see ``hub.ports.Codec.element``.
            What is wrong with a resource's form names its elements as the release has them already.
    """
    if isinstance(error, InvalidResource):
        element = _same
    issues: list[Resource] = []
    told = {""}
    for issue in error.issues:
        words, slug = _LONG.sub(_shortened, issue.diagnostics), issue.slug or error.slug
        hint = issue.hint or error.hint
        if hint not in told:
            words = f"{words.rstrip('.')}. {hint}"
            told.add(hint)
        written: Resource = {
            "severity": issue.severity,
            "code": issue.code,
            "details": {"coding": [{"system": ERROR_SYSTEM, "code": slug}]},
            "diagnostics": words,
        }
        if issue.expression is not None:
            written["expression"] = [element(issue.expression)]
        issues.append(written)
    return {"resourceType": "OperationOutcome", "issue": issues}


def _shortened(found: re.Match[str]) -> str:
    """Return the ends of a long word or quotation; the guide's own URLs stay as they are."""
    text = found[0]
    if text.lstrip("'\"").startswith(BACKPORT) and len(text) <= len(BACKPORT) + LONGEST_ECHO:
        return text
    return f"{text[:_END]}...{text[-_END:]}"


def information(text: str, *warnings: str) -> Resource:
    """Write an OperationOutcome that only informs, and warns of what else is to be known."""
    told = [
        ("information", "informational", text),
        *(("warning", "processing", w) for w in warnings),
    ]
    return {
        "resourceType": "OperationOutcome",
        "issue": [
            {"severity": severity, "code": code, "diagnostics": words}
            for severity, code, words in told
        ],
    }
