"""What topics that others have published do: a row for each file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hub.core.release import Resource

Case = tuple[Resource | None, Resource | None, tuple[int, ...]]


@dataclass(frozen=True, kw_only=True)
class Loads:
    """What fires: (previous, current, indexes of the triggers); ``by`` is what is evaluated.

    ``lacks`` are words from the reasons why a part does not compute in any release, ``odd`` what
    is to be included and is no reference parameter in some release.
    """

    cases: tuple[Case, ...]
    by: str
    lacks: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Refused:
    """The words of the refusal, and the element that it names."""

    words: tuple[str, ...]
    element: str


def encounter(status: str, *locations: str) -> Resource:
    where = [{"location": {"reference": f"Location/{id}"}} for id in locations]
    return {
        "resourceType": "Encounter",
        "id": "e1",
        "status": status,
        "class": {"code": "AMB"},
        "subject": {"reference": "Patient/1"},
        **({"location": where} if where else {}),
    }


def task(status: str, intent: str = "order") -> Resource:
    return {"resourceType": "Task", "id": "t1", "status": status, "intent": intent}


def claim_response(
    status: str, use: str = "preauthorization", outcome: str = "complete"
) -> Resource:
    return {
        "resourceType": "ClaimResponse",
        "id": "c1",
        "status": status,
        "use": use,
        "outcome": outcome,
    }


def observation(status: str = "final", category: str = "laboratory", **value: Any) -> Resource:
    system = "http://terminology.hl7.org/CodeSystem/observation-category"
    return {
        "resourceType": "Observation",
        "id": "o1",
        "status": status,
        "category": [{"coding": [{"system": system, "code": category}]}],
        **value,
    }


def report(status: str, *results: str, category: str = "LAB") -> Resource:
    system = "http://terminology.hl7.org/CodeSystem/v2-0074"
    return {
        "resourceType": "DiagnosticReport",
        "id": "d1",
        "status": status,
        "category": [{"coding": [{"system": system, "code": category}]}],
        "result": [{"reference": f"Observation/{id}"} for id in results],
    }


def amount(number: int, **unit: str) -> Resource:
    return {"valueQuantity": {"value": number, **unit}}


def reaches(status: str, *, created: bool = True) -> tuple[Case, ...]:
    """Return the cases of "an Encounter comes to this status", on creation or on update only."""
    there, before = encounter(status), encounter("planned")
    return (
        (None, there, (0,) if created else ()),
        (None, before, ()),
        (before, there, (0,)),
        (there, there, ()),
        (there, before, ()),
        (there, None, ()),
        (before, None, ()),
    )


OF_ENCOUNTERS = ("Encounter:diagnosis", "Encounter:observation")
COMPLETE_R4 = Loads(cases=reaches("finished"), by="query", odd=OF_ENCOUNTERS)
COMPLETE_R5 = Loads(cases=reaches("completed"), by="query", odd=OF_ENCOUNTERS)
ADMISSION = Loads(cases=reaches("in-progress"), by="query", odd=OF_ENCOUNTERS)
UPDATED_TO_COMPLETED = Loads(
    cases=reaches("completed", created=False), by="query", odd=OF_ENCOUNTERS
)
CDEX = "http://hl7.org/fhir/us/davinci-cdex/ValueSet/"
ECR = "http://hl7.org/fhir/us/ecr/ValueSet/"
CODES = "http://example.org/codes"


def coding(code: str) -> Resource:
    return {"system": CODES, "code": code}


def queued(status: str, tag: str = "review", code: str = "data-request") -> Resource:
    coded = {"meta": {"tag": [coding("x"), coding(tag)]}, "code": {"coding": [coding(code)]}}
    return task(status) | coded


def coded(resource_type: str, code: str) -> Resource:
    there = {"resourceType": resource_type, "id": "x", "status": "final"}
    return there | {"code": {"coding": [coding(code)]}}


def on_creation_of(resource_type: str, code: str) -> tuple[Case, ...]:
    there, other = coded(resource_type, code), coded(resource_type, "other")
    text = {"resourceType": resource_type, "id": "x", "code": {"text": code}}
    return (
        (None, there, (0,)),
        (None, other, ()),
        (None, text, ()),
        (other, there, ()),
        (there, None, ()),
    )


DOCUMENT = {"resourceType": "DocumentReference", "id": "r1", "status": "current"}
REQUEST = {"resourceType": "ServiceRequest", "id": "s1", "status": "active", "intent": "order"}
EXPECTED: dict[str, Loads | Refused] = {
    "converted/argonaut-encounter-start.json": Loads(
        # its query has a slip, and what it says in FHIRPath is empty when there is no %previous
        cases=reaches("in-progress", created=False),
        by="fhirpath",
        lacks=("resourceTrigger[0].queryCriteria.current: 'status:in-progress'",),
        odd=("Encounter:observation",),
    ),
    "converted/backport-r4b-encounter-complete.json": COMPLETE_R4,
    "converted/gravity-sdoh-Servicerequest.json": Loads(
        cases=((None, REQUEST, ()), (REQUEST, REQUEST, (0,)), (REQUEST, None, (0,))), by="none"
    ),
    "converted/gravity-sdoh-Task.json": Loads(
        cases=(
            (None, task("requested"), (0,)),
            (None, task("draft"), ()),
            (None, task("requested", "plan"), ()),
            (task("draft"), task("requested"), (0,)),
            (task("requested"), task("draft"), ()),
            (task("requested"), task("requested"), (0,)),
            (task("requested"), None, (0,)),
        ),
        by="query",
    ),
    "converted/hl7-core-subscriptiontopic-example-admission.json": ADMISSION,
    "converted/hl7-core-subscriptiontopic-example.json": UPDATED_TO_COMPLETED,
    "davinci-hrex/SubscriptionTopic-Task.json": Loads(
        cases=(
            (None, task("requested"), (0,)),
            (None, task("draft"), ()),
            (None, task("requested", "proposal"), ()),
            (task("requested"), task("in-progress"), (0,)),
            (task("in-progress"), task("completed"), (0,)),
            (task("draft"), task("requested"), ()),
            (task("requested"), task("draft"), ()),
            (task("completed"), None, ()),
        ),
        by="query",
    ),
    "davinci-pas/SubscriptionTopic-PAS.json": Loads(
        cases=((None, claim_response("active"), ()),),
        by="",
        lacks=("filter orgIdentifier of ClaimResponse",),
    ),
    "fhir-candle/r4-Basic-CDex-Task-Topic.json": Loads(
        cases=(
            (None, queued("completed"), (0,)),
            (None, queued("requested"), ()),
            (None, queued("completed", tag="other"), ()),
            (None, queued("completed", code="other"), ()),
            (None, task("completed"), ()),
            (queued("requested"), queued("rejected", tag="worklist"), (0,)),
            (queued("completed"), queued("failed"), ()),
            (queued("requested"), None, ()),
        ),
        by="query",
        odd=("Task:requestedperformer-reference",),
    ),
    "fhir-candle/r4-Basic-PAS-ClaimResponse-Topic.json": Loads(
        cases=(
            (None, claim_response("active"), (0,)),
            (None, claim_response("active", outcome="error"), (0,)),
            (None, claim_response("active", outcome="queued"), ()),
            (None, claim_response("active", use="claim"), ()),
            (claim_response("draft"), claim_response("active"), (0,)),
            (claim_response("active"), claim_response("active", outcome="partial"), ()),
            (claim_response("active"), None, ()),
        ),
        by="query",
    ),
    "fhir-candle/r4-Basic-ecr-encounter-complete.json": COMPLETE_R4,
    "fhir-candle/r4-Basic-ecr-encounter-started.json": Loads(
        cases=reaches("in-progress"), by="query", odd=OF_ENCOUNTERS
    ),
    "fhir-candle/r4-Basic-ecr-lotc.json": Loads(
        cases=on_creation_of("Observation", "mumps"), by="query"
    ),
    "fhir-candle/r4-Basic-ecr-ostc.json": Loads(
        cases=on_creation_of("Condition", "measles-disease"), by="query"
    ),
    "fhir-candle/r4-Basic-encounter-complete.json": COMPLETE_R4,
    "fhir-candle/r4-Basic-topic-encounter-complete-qualified.json": COMPLETE_R4,
    "fhir-candle/r4-Basic-us-core-patient-data-feed.json": Loads(
        cases=(
            (None, encounter("planned"), (0,)),
            (None, encounter("planned", "a"), (0, 1)),
            (encounter("planned"), encounter("in-progress"), (0,)),
            (encounter("planned", "a"), encounter("planned", "b"), (1,)),
            (encounter("planned", "a"), encounter("planned", "a", "b"), (1,)),
            (encounter("planned", "a"), encounter("planned", "a"), ()),
            (encounter("planned", "a"), None, (0,)),
            (None, observation(), (2, 3)),
            (None, observation(category="vital-signs"), ()),
            (observation("preliminary"), observation("final"), (2,)),
            (observation(**amount(1)), observation(**amount(2)), (3,)),
            (observation(**amount(1, unit="mg")), observation(**amount(2, unit="mg")), (3,)),
            (observation(**amount(1, unit="mg")), observation(**amount(1, unit="g")), (3,)),
            (observation(valueString="1"), observation(valueBoolean=True), (3,)),
            (observation(**amount(1)), observation(**amount(1)), ()),
            (observation(), None, (2,)),
            (None, DOCUMENT, (4,)),
            (DOCUMENT, DOCUMENT, (4,)),
            (DOCUMENT, None, (4,)),
            (None, report("final", "a"), (5, 6)),
            (report("partial", "a"), report("final", "a"), (5,)),
            (report("final", "a"), report("final", "a", "b"), (6,)),
            (report("final", "a"), report("final", "a"), ()),
            (report("final", category="RAD"), report("partial", category="RAD"), ()),
            (report("final", "a"), None, (5,)),
        ),
        by="fhirpath",
        odd=("DocumentReference:encounter", *OF_ENCOUNTERS),
    ),
    "fhir-candle/r4-SearchParameter-topic-url.json": Refused(
        words=("neither a SubscriptionTopic nor a Basic",), element="resourceType"
    ),
    "fhir-candle/r4b-SubscriptionTopic-encounter-complete.json": COMPLETE_R4,
    "fhir-candle/r4b-SubscriptionTopic-encounter-complete-qualified.json": COMPLETE_R4,
    "fhir-candle/r5-SubscriptionTopic-encounter-complete.json": COMPLETE_R5,
    "fhir-candle/r5-SubscriptionTopic-encounter-complete-query.json": COMPLETE_R5,
    "fhir-candle/r5-SubscriptionTopic-encounter-complete-fhirpath.json": Refused(
        # as written it would stay silent on every update that it describes
        words=("fhirPathCriteria, position 2", "a union (|)", "write 'or'"),
        element="SubscriptionTopic.resourceTrigger[0].fhirPathCriteria",
    ),
    "fhir-candle/r5-SubscriptionTopic-encounter-create-interaction.json": Loads(
        cases=(
            (None, encounter("planned"), (0,)),
            (encounter("planned"), encounter("completed"), ()),
            (encounter("planned"), None, ()),
        ),
        by="none",
        odd=OF_ENCOUNTERS,
    ),
    "../spec-examples/backport-1.2-master/r4/Basic-r4-encounter-complete.json": COMPLETE_R4,
    "hl7-fhir-core/subscriptiontopic-example-admission.xml": ADMISSION,
    "hl7-fhir-core/subscriptiontopic-example.xml": UPDATED_TO_COMPLETED,
    "hl7-fhir-core/r6-subscriptiontopic-example-admission-parameters.xml": Refused(
        words=("later release", "write resourceTrigger as in R5"),
        element="SubscriptionTopic.trigger",
    ),
}
