"""Messages in the form of each release, as senders post them to ``$process-message``."""

from __future__ import annotations

import json
from typing import Any, Final

from hub.core.release import FhirRelease, Resource

COW: Final = "http://hl7.org/fhir/uv/cow/CodeSystem/temp"
PLACER: Final = "https://placer.example.org/fhir"


def a_header(
    release: FhirRelease,
    id: str = "m1",
    *,
    event: str = "new-order",
    source: str = PLACER,
    focus: str | None = None,
    **more: Any,
) -> Resource:
    """Return a MessageHeader; ``event`` is a code of orders."""
    endpoint = "endpointUrl" if release is FhirRelease.R5 else "endpoint"
    header: Resource = {
        "resourceType": "MessageHeader",
        "id": id,
        "eventCoding": {"system": COW, "code": event},
        "source": {endpoint: source},
    }
    if focus is not None:
        header["focus"] = [{"reference": focus}]
    return header | more


def a_message(header: Resource, *entries: tuple[str | None, Resource]) -> Resource:
    """Return a message; each further entry is a fullUrl, None for no name, and a resource."""
    written: list[Resource] = [{"fullUrl": f"urn:uuid:{header['id']}", "resource": header}]
    for full_url, resource in entries:
        named = {} if full_url is None else {"fullUrl": full_url}
        written.append(named | {"resource": resource})
    return {"resourceType": "Bundle", "type": "message", "entry": written}


def an_order(
    release: FhirRelease,
    id: str = "m1",
    *,
    number: str = "1",
    status: str = "requested",
    **more: Any,
) -> Resource:
    """Return an order: a Task for a ServiceRequest about a Patient, each with an identifier.

    Args:
        id: of the MessageHeader.
        number: in the identifiers; the same number is the same order.
        status: of the Task.
        more: elements of the Task, or ``event`` and ``source`` of the MessageHeader.
    """
    header = {name: more.pop(name) for name in ("event", "source") if name in more}
    task, request, patient = (f"urn:uuid:{kind}-{id}" for kind in ("task", "request", "patient"))
    return a_message(
        a_header(release, id, focus=task, **header),
        (task, identified("Task", number, status=status, intent="order", focus=at(request)) | more),
        (
            request,
            identified(
                "ServiceRequest", number, status="active", intent="order", subject=at(patient)
            ),
        ),
        (patient, identified("Patient", number, active=True)),
    )


def at(reference: str) -> Resource:
    """Return a Reference."""
    return {"reference": reference}


def identified(kind: str, number: str, **more: Any) -> Resource:
    """Return a resource with a business identifier."""
    system = f"https://placer.example.org/{kind.lower()}s"
    return {
        "resourceType": kind,
        "identifier": [{"system": system, "value": number}],
        **more,
    }


def read_answer(text: bytes) -> tuple[str, Resource | None]:
    """Return the code of a response, and the OperationOutcome in it, if there is one."""
    bundle = json.loads(text)
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "message"), bundle
    header, *details = (entry["resource"] for entry in bundle["entry"])
    response: Resource = header["response"]
    assert ("details" in response) is bool(details)
    if not details:
        return response["code"], None
    assert response["details"]["reference"] == bundle["entry"][1]["fullUrl"]
    assert details[0]["resourceType"] == "OperationOutcome"
    return response["code"], details[0]
