"""Resources and search conditions at random, made so that about a quarter of them match.

For ``scripts/search_differential.py``.  The pools are small on purpose: the same few codes, ids and
dates come in every spelling that R4 allows.
"""

from __future__ import annotations

import random  # noqa: TID251  # the type only; the caller draws
from collections.abc import Callable
from typing import Any

from hub.codecs.tables.search import search_parameters
from hub.core.release import FhirRelease

BASE = "http://hub.example/fhir/r4"
PARAMETERS = search_parameters(FhirRelease.R4, BASE)

SYSTEMS = ("http://a.example/codes", "http://b.example/codes", None)
CODES = ("alpha", "beta", "gamma", "Alpha")
NAMES = ("Ann", "Annabel", "Béla", "hannah", "O'Neil")
STATUSES = ("draft", "requested", "active", "completed", "in-progress", "final")
DATES = (
    "2024",
    "2024-02",
    "2024-02-28",
    "2024-02-29",
    "2024-03-01",
    "2023-12-31",
    "2024-02-28T10:00:00Z",
    "2024-02-28T23:30:00Z",
    "2024-02-29T00:30:00+01:00",
    "2024-03-01T00:00:00Z",
)
PREFIXES = ("", "", "", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb")

Luck = random.Random


def codeable(luck: Luck) -> dict[str, Any]:
    return {"coding": [coding(luck) for _ in range(luck.choice((1, 1, 2)))]}


def coding(luck: Luck) -> dict[str, Any]:
    system = luck.choice(SYSTEMS)
    return {**({"system": system} if system else {}), "code": luck.choice(CODES)}


def identifier(luck: Luck) -> dict[str, Any]:
    found = coding(luck)
    found["value"] = found.pop("code")
    return found


def reference(*types: str) -> Callable[[Luck], dict[str, Any]]:
    def make(luck: Luck) -> dict[str, Any]:
        literal = f"{luck.choice(types)}/{luck.choice('123')}"
        kind = luck.random()
        if kind < 0.1:
            return {"identifier": identifier(luck)}
        if kind < 0.2:
            return {"reference": f"{BASE}/{literal}"}
        if kind < 0.25:
            return {"reference": f"http://other.example/fhir/{literal}"}
        if kind < 0.3:
            return {"reference": f"{literal}/_history/2"}
        return {"reference": literal}

    return make


def moment(luck: Luck) -> str:
    return luck.choice(DATES)


def instant(luck: Luck) -> str:
    return luck.choice([date for date in DATES if "T" in date])


def period(luck: Luck) -> dict[str, Any]:
    start, end = sorted((luck.choice(DATES[2:6]), luck.choice(DATES[2:6])))
    return dict(luck.sample([("start", start), ("end", end)], luck.choice((1, 2, 2))))


def status(luck: Luck) -> str:
    return luck.choice(STATUSES)


def many(make: Callable[[Luck], Any]) -> Callable[[Luck], Any]:
    return lambda luck: [make(luck) for _ in range(luck.choice((1, 1, 2)))]


def inside(name: str, make: Callable[[Luck], Any]) -> Callable[[Luck], Any]:
    return lambda luck: {name: make(luck)}


WHO = ("Practitioner", "Organization", "Patient", "PractitionerRole", "Device")
ELEMENTS: dict[str, dict[str, Callable[[Luck], Any]]] = {
    "Task": {
        "status": status,
        "intent": status,
        "code": codeable,
        "businessStatus": codeable,
        "performerType": many(codeable),
        "identifier": many(identifier),
        "groupIdentifier": identifier,
        "owner": reference("Practitioner", "Organization", "Patient", "PractitionerRole"),
        "requester": reference(*WHO),
        "for": reference("Patient", "Group"),
        "focus": reference("ServiceRequest", "Task"),
        "basedOn": many(reference("ServiceRequest", "CarePlan")),
        "partOf": many(reference("Task")),
        "encounter": reference("Encounter"),
        "authoredOn": moment,
        "lastModified": moment,
        "executionPeriod": period,
    },
    "ServiceRequest": {
        "status": status,
        "intent": status,
        "priority": status,
        "code": codeable,
        "category": many(codeable),
        "identifier": many(identifier),
        "requisition": identifier,
        "subject": reference("Patient", "Group", "Location"),
        "requester": reference(*WHO),
        "performer": many(reference(*WHO)),
        "basedOn": many(reference("ServiceRequest", "CarePlan")),
        "encounter": reference("Encounter"),
        "authoredOn": moment,
        "occurrenceDateTime": moment,
        "instantiatesUri": many(lambda luck: luck.choice(["http://x.example/1", "urn:oid:1.2"])),
    },
    "Encounter": {
        "status": status,
        "class": coding,
        "type": many(codeable),
        "identifier": many(identifier),
        "subject": reference("Patient", "Group"),
        "participant": many(inside("individual", reference("Practitioner", "RelatedPerson"))),
        "serviceProvider": reference("Organization"),
        "location": many(inside("location", reference("Location"))),
        "account": many(reference("Account")),
        "reasonCode": many(codeable),
        "period": period,
    },
    "Observation": {
        "status": status,
        "code": codeable,
        "category": many(codeable),
        "identifier": many(identifier),
        "subject": reference("Patient", "Group", "Device", "Location"),
        "performer": many(reference(*WHO)),
        "encounter": reference("Encounter"),
        "basedOn": many(reference("ServiceRequest", "CarePlan")),
        "effectiveDateTime": moment,
        "effectivePeriod": period,
        "valueString": lambda luck: luck.choice(NAMES),
        "valueCodeableConcept": codeable,
        "valueDateTime": moment,
    },
}
CHOICES = ("effective", "value")


def resource_of(kind: str, number: int, luck: Luck) -> dict[str, Any]:
    found: dict[str, Any] = {
        "resourceType": kind,
        "id": str(number),
        "meta": {"lastUpdated": instant(luck), "tag": [coding(luck)]},
    }
    names = list(ELEMENTS[kind])
    luck.shuffle(names)
    taken: set[str] = set()
    for name in names:
        choice = next((each for each in CHOICES if name.startswith(each)), name)
        if choice not in taken and luck.random() < 0.7:
            taken.add(choice)
            found[name] = ELEMENTS[kind][name](luck)
    return found


def token_value(luck: Luck) -> str:
    code = luck.choice((*CODES, *STATUSES))
    system = luck.choice(SYSTEMS[:2])
    return luck.choice((code, code, f"{system}|{code}", f"|{code}", f"{system}|"))


def reference_value(targets: tuple[str, ...]) -> Callable[[Luck], str]:
    def make(luck: Luck) -> str:
        usual = [target for target in targets if target in (*WHO, "Group", "ServiceRequest")]
        id = luck.choice("123")
        literal = f"{luck.choice(usual or list(targets))}/{id}"
        return luck.choice((literal, literal, literal, id, f"{BASE}/{literal}"))

    return make


def date_value(luck: Luck) -> str:
    return luck.choice(PREFIXES) + luck.choice(DATES)


def condition_of(kind: str, luck: Luck) -> tuple[str, str]:
    """Return a parameter with modifier, and a value."""
    offered = [
        parameter
        for code, parameter in PARAMETERS.of(kind).items()
        if parameter.type in ("token", "reference", "date", "string") and code != "_type"
    ]
    parameter = luck.choice(offered)
    if luck.random() < 0.08:
        return f"{parameter.code}:missing", luck.choice(("true", "false"))
    make, modifiers = {
        "token": (token_value, ("", "", "", ":not")),
        "reference": (reference_value(parameter.targets), ("",)),
        "date": (date_value, ("",)),
        "string": (
            lambda luck: luck.choice(NAMES)[: luck.choice((2, 3, 9))],
            ("", ":exact", ":contains"),
        ),
    }[parameter.type]
    if parameter.code == "_id":
        return "_id", str(luck.randrange(300))
    values = [make(luck) for _ in range(luck.choice((1, 1, 2)))]
    if parameter.type == "date":
        values = values[:1]
    return parameter.code + luck.choice(modifiers), ",".join(values)
