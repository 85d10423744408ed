"""The resources of the order story, in R4; all persons and places are made up.

Source: http://hl7.org/fhir/R4/task.html, servicerequest.html, diagnosticreport.html; Clinical Order
Workflows guide, "Subscriptions with Task at Placer".
"""

from __future__ import annotations

from hub.core.release import Resource

_ORDER_URN = "urn:uuid:6f3d3f0e-6a43-4a1c-9a2b-0c5f6d1e0001"
_TASK_URN = "urn:uuid:6f3d3f0e-6a43-4a1c-9a2b-0c5f6d1e0002"
_HAEMOGLOBIN = {
    "coding": [
        {"system": "http://loinc.org", "code": "718-7", "display": "Hemoglobin [Mass/vol] in Blood"}
    ],
    "text": "Haemoglobin",
}


def organization(name: str) -> Resource:
    """Return an Organization."""
    return {"resourceType": "Organization", "active": True, "name": name}


def patient() -> Resource:
    """Return the Patient whom all orders are for."""
    return {
        "resourceType": "Patient",
        "name": [{"family": "Example", "given": ["Ada"]}],
        "gender": "female",
        "birthDate": "1980-01-01",
    }


def order_and_task(patient: str, placer: str, fulfiller: str) -> Resource:
    """Return a transaction: a ServiceRequest, and a Task that asks ``fulfiller`` to fulfil it."""
    order = {
        "resourceType": "ServiceRequest",
        "status": "active",
        "intent": "order",
        "code": _HAEMOGLOBIN,
        "subject": {"reference": patient},
        "requester": {"reference": placer},
        "performer": [{"reference": fulfiller}],
    }
    task = {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "code": {
            "coding": [{"system": "http://hl7.org/fhir/CodeSystem/task-code", "code": "fulfill"}]
        },
        "basedOn": [{"reference": _ORDER_URN}],
        "focus": {"reference": _ORDER_URN},
        "for": {"reference": patient},
        "requester": {"reference": placer},
        "owner": {"reference": fulfiller},
    }
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "fullUrl": _ORDER_URN,
                "resource": order,
                "request": {"method": "POST", "url": "ServiceRequest"},
            },
            {
                "fullUrl": _TASK_URN,
                "resource": task,
                "request": {"method": "POST", "url": "Task"},
            },
        ],
    }


def report(order: str, patient: str, fulfiller: str) -> Resource:
    """Return the final DiagnosticReport of an order."""
    return {
        "resourceType": "DiagnosticReport",
        "status": "final",
        "code": _HAEMOGLOBIN,
        "basedOn": [{"reference": order}],
        "subject": {"reference": patient},
        "performer": [{"reference": fulfiller}],
        "conclusion": "Haemoglobin 8.6 mmol/L, within the reference range.",
    }


def completed(task: Resource, report: str) -> Resource:
    """Return the Task as completed, with the report as its output."""
    output = {
        "type": {"text": "Diagnostic report"},
        "valueReference": {"reference": report},
    }
    return {**task, "status": "completed", "output": [output]}
