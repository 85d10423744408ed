"""Evaluating FHIRPath in tests."""

from __future__ import annotations

from typing import Any

from hub.core.fhirpath import FhirPathError, compile_expression
from hub.core.release import FhirRelease


def values_of(
    expression: str, current: dict[str, Any] | None = None, release: FhirRelease = FhirRelease.R4
) -> list[Any]:
    """Return the values of an expression that has some or none."""
    result = compile_expression(expression, release).values(None, current)
    assert not isinstance(result, FhirPathError), result
    return result


def failure_of(expression: str, current: dict[str, Any] | None = None) -> str:
    """Return why an expression has no values."""
    result = compile_expression(expression, FhirRelease.R4).values(None, current)
    assert isinstance(result, FhirPathError), result
    return result.reason
