"""What an operation is, and its OperationDefinition.

An operation of the standard has the standard's canonical URL and parameters.  The others have the
address where their definition is read.
Sources: http://hl7.org/fhir/operationdefinition.html; backport IG, OperationDefinitions;
http://hl7.org/fhir/R5/subscription-operations.html.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from hub.codecs.extension import BACKPORT
from hub.core.release import FhirRelease, Resource

_CORE: Final = "http://hl7.org/fhir/OperationDefinition/"
_GUIDE: Final = f"{BACKPORT}/OperationDefinition/backport-subscription-"


@dataclass(frozen=True, slots=True)
class Parameter:
    """``OperationDefinition.parameter``; ``type`` is ``number`` for an event number.

    ``most`` None means any number of times; ``parts`` are those of a parameter without a value.
    """

    name: str
    type: str
    documentation: str
    least: int = 0
    most: int | None = 1
    is_out: bool = False
    parts: tuple[Parameter, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation.

    ``code`` is its name without ``$``.  ``resource`` is ``Topic`` for what has topics in a
    release, ``Resource`` for every type.  ``in_guide`` and ``in_core``: the backport guide, or R5,
    defines it; ``core_id`` is that of its definition where every release does.
    """

    code: str
    name: str
    title: str
    description: str
    parameters: tuple[Parameter, ...]
    resource: str = "Subscription"
    on_type: bool = False
    on_system: bool = False
    on_instance: bool = True
    affects_state: bool = False
    in_guide: bool = False
    in_core: bool = False
    core_id: str = ""
    comment: str = ""

    def type_in(self, release: FhirRelease) -> str:
        """Return the resource type that it is offered on in a release."""
        if self.resource != "Topic":
            return self.resource
        return "Basic" if release is FhirRelease.R4 else "SubscriptionTopic"

    def canonical(self, release: FhirRelease, base_url: str) -> str:
        """Return the canonical URL of its definition, at the base ``base_url`` of a release."""
        if self.core_id:
            return f"{_CORE}{self.core_id}"
        if release is FhirRelease.R5 and self.in_core:
            return f"{_CORE}Subscription-{self.code}"
        if release is not FhirRelease.R5 and self.in_guide:
            return f"{_GUIDE}{self.code}"
        return f"{base_url}/OperationDefinition/{self.id_in(release)}"

    def id_in(self, release: FhirRelease) -> str:
        """Return the id of its definition in a release."""
        if self.core_id:
            return self.core_id
        if release is not FhirRelease.R5 and self.in_guide:
            return f"backport-subscription-{self.code}"
        return f"{self.type_in(release)}-{self.code}"


def operation_definition(operation: Operation, release: FhirRelease, base_url: str) -> Resource:
    """Return the OperationDefinition of an operation, at the base ``base_url`` of a release."""
    written: Resource = {
        "resourceType": "OperationDefinition",
        "id": operation.id_in(release),
        "url": operation.canonical(release, base_url),
        "name": operation.name,
        "title": operation.title,
        "status": "active",
        "kind": "operation",
        "description": operation.description,
        "affectsState": operation.affects_state,
        "code": operation.code,
    }
    if operation.comment:
        written["comment"] = operation.comment
    return written | {
        "resource": [operation.type_in(release)],
        "system": operation.on_system,
        "type": operation.on_type,
        "instance": operation.on_instance,
        "parameter": list(_parameters(operation.parameters, release)),
    }


def _parameters(parameters: tuple[Parameter, ...], release: FhirRelease) -> Iterator[Resource]:
    for each in parameters:
        written: Resource = {
            "name": each.name,
            "use": "out" if each.is_out else "in",
            "min": each.least,
            "max": "*" if each.most is None else str(each.most),
            "documentation": each.documentation,
        }
        if each.parts:
            written["part"] = list(_parameters(each.parts, release))
        elif each.type != "number":
            written["type"] = each.type
        else:
            written["type"] = "integer64" if release is FhirRelease.R5 else "string"
        yield written
