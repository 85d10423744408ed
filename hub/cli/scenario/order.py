"""The resources that patterns write: people, orders, Tasks and results, all made up."""

from __future__ import annotations

from typing import Any

from hub.cli.scenario.actor import Actor, to
from hub.core.release import Resource

TASK_CODE = "http://hl7.org/fhir/CodeSystem/task-code"
COMMON_TAGS = "http://terminology.hl7.org/CodeSystem/common-tags"
COW = "http://hl7.org/fhir/uv/cow/CodeSystem/temp"
HAEMOGLOBIN: Resource = {
    "coding": [
        {"system": "http://loinc.org", "code": "718-7", "display": "Hemoglobin [Mass/vol] in Blood"}
    ]
}


def coded(code: str, system: str = TASK_CODE) -> Resource:
    """Return a CodeableConcept of one coding."""
    return {"coding": [{"system": system, "code": code}]}


def patient(**elements: Any) -> Resource:
    """Return a Patient."""
    return {
        "resourceType": "Patient",
        "name": [{"family": "Example", "given": ["Ada"]}],
        "birthDate": "1980-01-01",
        **elements,
    }


def service_request(subject: Resource | str, requester: Actor, **elements: Any) -> Resource:
    """Return an active order."""
    return {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "code": HAEMOGLOBIN,
        "subject": to(subject),
        "requester": to(requester.reference),
        **elements,
    }


def task(
    focus: Resource | str, requester: Actor, owner: Actor | None = None, **elements: Any
) -> Resource:
    """Return a requested Task that asks to fulfil ``focus``."""
    owned = {} if owner is None else {"owner": to(owner.reference)}
    return {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "code": coded("fulfill"),
        "focus": to(focus),
        "requester": to(requester.reference),
        **owned,
        **elements,
    }


def report(order: Resource | str, subject: Resource | str, **elements: Any) -> Resource:
    """Return a final DiagnosticReport on an order."""
    return {
        "resourceType": "DiagnosticReport",
        "status": "final",
        "code": HAEMOGLOBIN,
        "basedOn": [to(order)],
        "subject": to(subject),
        **elements,
    }


def output(result: Resource | str) -> Resource:
    """Return an output of a Task that refers to a result."""
    return {"type": {"text": "Diagnostic report"}, "valueReference": to(result)}
