"""The releases of FHIR that the hub speaks, and the JSON values they share.

A hub has one base URL per release; resources of one release are never seen through another.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypeAlias

Json: TypeAlias = Any
"""A parsed JSON value.  Fractions are ``decimal.Decimal``, so that 1.10 stays 1.10."""

Resource: TypeAlias = dict[str, Any]
"""A parsed FHIR resource."""


class FhirRelease(StrEnum):
    """A release of FHIR, named as people name it."""

    R4 = "R4"
    R4B = "R4B"
    R5 = "R5"

    @property
    def version(self) -> str:
        """The short version, as the MIME parameter ``fhirVersion`` has it: ``4.0``, ``5.0``."""
        return {"R4": "4.0", "R4B": "4.3", "R5": "5.0"}[self.value]

    @property
    def full_version(self) -> str:
        """The version as ``CapabilityStatement.fhirVersion`` has it: ``4.0.1``."""
        return {"R4": "4.0.1", "R4B": "4.3.0", "R5": "5.0.0"}[self.value]

    @property
    def path(self) -> str:
        """The last segment of the base URL: ``r4``, ``r4b``, ``r5``."""
        return self.value.lower()


CLASSIC = (FhirRelease.R4, FhirRelease.R4B)
"""The releases in which criteria of a Subscription may be a search."""
