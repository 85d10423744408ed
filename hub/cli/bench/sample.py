"""Made-up resources of a wanted size, as text, and Subscriptions to them.

All of R4.  A Task says in its description when it was meant to be sent, so that whoever receives it
in a notification can tell how long that took.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import orjson

TOPIC: Final = "http://example.org/fhir-hub/SubscriptionTopic/task-activity"
STATUSES: Final = ("requested", "accepted", "in-progress", "completed")
"""What a Task goes through."""

_PATIENT: Final = {"reference": "Patient/p1"}
_CODE: Final = {"coding": [{"system": "http://example.org/codes", "code": "fbc"}]}
_MEDICATION: Final = {"coding": [{"system": "http://example.org/drugs", "code": "amoxicillin"}]}
_HERE: Final = "@here@"
_WORDS: Final = b"Seen today, all well, no change since the last visit. "
_FILLING: Final = _WORDS * (2**20 // len(_WORDS))
_AROUND: Final = b'<div xmlns=\\"http://www.w3.org/1999/xhtml\\"></div>'
_SENT = re.compile(rb"sent (\d+)")

_BODIES: Final[Mapping[str, dict[str, Any]]] = {
    "Task": {
        "status": _HERE,
        "intent": "order",
        "priority": "routine",
        "description": "sent @sent@",
        "code": _CODE,
        "for": _PATIENT,
        "authoredOn": "2026-03-02T09:15:00+01:00",
        "requester": {"reference": "Organization/ward"},
        "owner": {"reference": "@owner@"},
    },
    "ServiceRequest": {
        "status": "active",
        "intent": "order",
        "code": _CODE,
        "subject": _PATIENT,
        "authoredOn": "2026-03-02",
        "requester": {"reference": "Organization/ward"},
    },
    "MedicationRequest": {
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": _MEDICATION,
        "subject": _PATIENT,
        "authoredOn": "2026-03-02",
    },
    "MedicationDispense": {
        "status": "completed",
        "medicationCodeableConcept": _MEDICATION,
        "subject": _PATIENT,
        "whenHandedOver": "2026-03-02T10:00:00Z",
    },
    "DiagnosticReport": {
        "status": "final",
        "code": _CODE,
        "subject": _PATIENT,
        "issued": "2026-03-02T10:00:00Z",
    },
    "Encounter": {
        "status": "in-progress",
        "class": {
            "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
            "code": "AMB",
        },
        "subject": _PATIENT,
    },
    "Specimen": {"status": "available", "subject": _PATIENT, "type": _CODE},
    "Appointment": {
        "status": "proposed",
        "participant": [{"actor": _PATIENT, "status": "needs-action"}],
    },
    "DocumentReference": {
        "status": "current",
        "subject": _PATIENT,
        "date": "2026-03-02T10:00:00Z",
        "content": [{"attachment": {"contentType": "application/pdf", "url": "Binary/b1"}}],
    },
    "Communication": {"status": "completed", "subject": _PATIENT, "sent": "2026-03-02T10:00:00Z"},
}


def _template(resource_type: str) -> bytes:
    body = {
        "resourceType": resource_type,
        "id": "@id@",
        "text": {"status": "generated", "div": "@div@"},
        "language": "@language@",
        **_BODIES[resource_type],
    }
    text = orjson.dumps(body).replace(b"%", b"%%")
    for name in ("id", "div", "language", "sent", "owner", "here"):
        text = text.replace(b"@%b@" % name.encode(), b"%%(%b)b" % name.encode())
    return text


_TEMPLATES: Final = {resource_type: _template(resource_type) for resource_type in _BODIES}


def resource(
    resource_type: str,
    id: str,
    size: int,
    *,
    owner: str = "Organization/lab",
    status: str = "requested",
    sent: int = 0,
    language: str = "en",
) -> bytes:
    """Return a resource of about ``size`` bytes, or as few as it needs.

    Args:
        owner: whom a Task is for.
        status: of a Task.
        sent: when it was meant to be sent, in nanoseconds; in a Task.
        language: what changes where its content is to change.
    """
    template = _TEMPLATES[resource_type]
    filling = _FILLING[: max(1, size - len(template))]
    return template % {
        b"id": id.encode(),
        b"div": _AROUND.replace(b">", b">" + filling, 1),
        b"owner": owner.encode(),
        b"here": status.encode(),
        b"sent": b"%d" % sent,
        b"language": language.encode(),
    }


def sent_at(text: bytes) -> list[int]:
    """Return when the Tasks in a text were meant to be sent, in nanoseconds."""
    return [int(found) for found in _SENT.findall(text)]


def transaction(resources: Mapping[str, bytes]) -> bytes:
    """Return a transaction that puts ``resources``, by ``Type/id``."""
    entries = [
        {
            "fullUrl": f"http://example.org/fhir/{reference}",
            "resource": orjson.Fragment(text),
            "request": {"method": "PUT", "url": reference},
        }
        for reference, text in resources.items()
    ]
    return orjson.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries})
