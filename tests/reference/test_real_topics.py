"""Topics that others have published: each does what its own text says, or says why it can't.

Longer than other files because it is one table with a row for each published file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from hub.codecs.tables.search import search_parameters
from hub.codecs.topic import from_json
from hub.core.compiled_topic import CompiledTopic, compile_topic
from hub.core.json_text import parse
from hub.core.release import FhirRelease, Resource
from hub.core.search import NOWHERE
from hub.core.topic import SubscriptionTopic, parse_topic
from hub.core.value_set import ValueSets
from hub.errors import InvalidResource, TopicRefused
from tests.reference.conftest import reference_data
from tests.support.search_tables import PARAMETERS
from tests.support.topics import change

DATA = (reference_data() or Path()) / "real-topics"
_FHIR = "{http://hl7.org/fhir}"
_LISTS = {
    *("identifier", "coding", "include", "modifier", "comparator", "supportedInteraction"),
    *("resourceTrigger", "eventTrigger", "trigger", "canFilterBy", "notificationShape"),
}

INCLUDE = re.compile(r"^notificationShape.*nclude: '([^']*)' names no reference parameter")

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
BOTH_CRITERIA = "SubscriptionTopic.resourceTrigger[0].queryCriteria"
CDEX = "http://hl7.org/fhir/us/davinci-cdex/ValueSet/"
ECR = "http://hl7.org/fhir/us/ecr/ValueSet/"
CODES = "http://example.org/codes"


def value_set(url: str, *codes: str) -> Resource:
    """Return a ValueSet of our own with the canonical that a topic names."""
    concepts = [{"code": code} for code in codes]
    include = [{"system": CODES, "concept": concepts}]
    return {"resourceType": "ValueSet", "url": url, "compose": {"include": include}}


VALUE_SETS = ValueSets(
    [
        value_set(f"{CDEX}cdex-work-queue", "review", "worklist"),
        value_set(f"{CDEX}cdex-data-request-task-code", "data-request"),
        value_set(f"{ECR}valueset-lotc-example", "measles", "mumps"),
        value_set(f"{ECR}valueset-ostc-example", "measles-disease"),
    ]
)
WITH_VALUE_SETS = {
    release: search_parameters(release, known.base_url, value_sets=VALUE_SETS)
    for release, known in PARAMETERS.items()
}


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


def of_xml(element: ElementTree.Element) -> Any:
    """Return the JSON of a FHIR element, as far as topics need it."""
    if "value" in element.attrib:
        value = element.attrib["value"]
        return {"true": True, "false": False}.get(value, value)
    found: Resource = {}
    for child in element:
        name = child.tag.removeprefix(_FHIR)
        if name in _LISTS:
            found.setdefault(name, []).append(of_xml(child))
        else:
            found[name] = of_xml(child)
    return found


def load(name: str) -> SubscriptionTopic:
    path = DATA / name
    if path.suffix == ".json":
        return parse_topic(from_json(parse(path.read_bytes()).value))
    root = ElementTree.fromstring(path.read_text(encoding="utf-8"))
    kind = {"resourceType": root.tag.removeprefix(_FHIR)}
    return parse_topic(from_json(kind | of_xml(root)))


def topics() -> Iterator[str]:
    """Return every file that holds, or could be taken for, a topic."""
    for path in sorted(DATA.rglob("*")):
        text = path.read_text(encoding="utf-8-sig") if path.suffix in (".json", ".xml") else ""
        if re.search(r'"(SubscriptionTopic|Basic|SearchParameter)"|<SubscriptionTopic', text):
            yield path.relative_to(DATA).as_posix()


def check_loads(compiled: CompiledTopic, expected: Loads) -> None:
    assert {trigger.criteria for trigger in compiled.triggers} <= {expected.by, "none"}
    reasons = [each for each in compiled.refusals if not INCLUDE.search(each)]
    for words in expected.lacks:
        assert any(words in reason for reason in reasons), reasons
    assert len(reasons) == len(expected.lacks), reasons
    for number, (previous, current, fires) in enumerate(expected.cases):
        moved = change(previous, current, compiled.release)
        assert compiled.fires(moved, NOWHERE) == fires, f"case {number}"
        assert not any(verdict.error for verdict in compiled.explain(moved, NOWHERE))


@pytest.mark.parametrize("name", EXPECTED)
def test_a_published_topic_does_what_it_says_or_is_refused_with_the_reason(name: str) -> None:
    expected = EXPECTED[name]
    if isinstance(expected, Loads):
        topic = load(name)
        odd: set[str] = set()
        for release in FhirRelease:
            compiled = compile_topic(topic, WITH_VALUE_SETS[release])
            check_loads(compiled, expected)
            odd.update(each[1] for each in map(INCLUDE.search, compiled.refusals) if each)
        assert odd == set(expected.odd)
        return
    for release in FhirRelease:
        with pytest.raises((TopicRefused, InvalidResource)) as caught:
            compile_topic(load(name), WITH_VALUE_SETS[release])
        for words in expected.words:
            assert words in caught.value.diagnostics
        assert caught.value.expression == expected.element


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("CDex-Task-Topic", (f"ValueSet {CDEX}cdex-work-queue", "Task?_tag:in=", "position ")),
        ("ecr-lotc", (f"ValueSet {ECR}valueset-lotc-example", "Observation?code:in=")),
        ("ecr-ostc", (f"ValueSet {ECR}valueset-ostc-example", "Condition?code:in=")),
    ],
)
@pytest.mark.parametrize("release", FhirRelease)
def test_a_topic_that_needs_a_value_set_is_refused_without_it(
    name: str, words: tuple[str, ...], release: FhirRelease
) -> None:
    topic = load(f"fhir-candle/r4-Basic-{name}.json")
    with pytest.raises(TopicRefused) as caught:
        compile_topic(topic, PARAMETERS[release])
    for each in (*words, "is not loaded; give its file", "memberOf(): the ValueSet"):
        assert each in caught.value.diagnostics
    assert caught.value.expression == BOTH_CRITERIA


def test_both_spellings_of_a_topic_with_value_sets_agree() -> None:
    for name in ("CDex-Task-Topic", "ecr-lotc", "ecr-ostc"):
        topic = load(f"fhir-candle/r4-Basic-{name}.json")
        paths = tuple(replace(each, query_criteria=None) for each in topic.resource_triggers)
        compiled = compile_topic(
            replace(topic, resource_triggers=paths), WITH_VALUE_SETS[FhirRelease.R4]
        )
        expected = EXPECTED[f"fhir-candle/r4-Basic-{name}.json"]
        assert isinstance(expected, Loads)
        for previous, current, fires in expected.cases:
            moved = change(previous, current)
            # on deletion, and with two tags, the two texts of the published topics differ
            if current is not None and "meta" not in current:
                assert compiled.fires(moved, NOWHERE) == fires


def test_every_topic_of_the_collection_is_expected() -> None:
    missing = set(topics()) - set(EXPECTED)
    assert not missing
