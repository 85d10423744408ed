"""Messages that carry orders, in R4; everything is named by numbers of the placer.

Source: http://hl7.org/fhir/R4/messaging.html; COW, order messages.
"""

from __future__ import annotations

from hub.cli.scenario.order import COW, HAEMOGLOBIN
from hub.core.release import Resource

NUMBERS = "urn:example:placer:"


def named(kind: str, number: str) -> str:
    """Return what a number is searched by."""
    return f"{NUMBERS}{kind}|{number}"


def identified(kind: str, number: str) -> Resource:
    """Return a resource of a type with a number of the placer."""
    system = f"{NUMBERS}{kind.lower()}"
    return {"resourceType": kind, "identifier": [{"system": system, "value": number}]}


def message(source: str, id: str, event: str, *, status: str, number: str) -> Resource:
    """Return a message about a Task that both sides know by its number."""
    work = identified("Task", number) | {"status": status, "intent": "order"}
    return _bundle(source, id, event, [(f"urn:uuid:task-{id}", work)])


def new_order(source: str, id: str, number: str, **elements: object) -> Resource:
    """Return a message with a new order: Task, request and patient, and nothing outside it."""
    task, request, patient = (f"urn:uuid:{kind}-{id}" for kind in ("task", "request", "patient"))
    subject = {"reference": patient}
    order = identified("ServiceRequest", number) | {
        "status": "active",
        "intent": "order",
        "code": HAEMOGLOBIN,
        "subject": subject,
    }
    work = identified("Task", number) | {
        "status": "requested",
        "intent": "order",
        "focus": {"reference": request},
        "for": subject,
        **elements,
    }
    ada = identified("Patient", number) | {"name": [{"family": "Example"}]}
    return _bundle(source, id, "new-order", [(task, work), (request, order), (patient, ada)])


def answered(answer: Resource | None) -> str:
    """Return the code of the response in the message that answers a message."""
    entries = (answer or {}).get("entry", [{}])
    header = entries[0].get("resource", {})
    return str(header.get("response", {}).get("code", ""))


def _bundle(source: str, id: str, event: str, entries: list[tuple[str, Resource]]) -> Resource:
    header: Resource = {
        "resourceType": "MessageHeader",
        "id": id,
        "eventCoding": {"system": COW, "code": event},
        "source": {"endpoint": source},
        "focus": [{"reference": entries[0][0]}],
    }
    return {
        "resourceType": "Bundle",
        "type": "message",
        "entry": [
            {"fullUrl": f"urn:uuid:{id}", "resource": header},
            *({"fullUrl": name, "resource": each} for name, each in entries),
        ],
    }
