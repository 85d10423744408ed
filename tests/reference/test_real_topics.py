"""Topics that others have published: each does what its own text says, or says why it can't."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
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
from tests.reference.real_topics import CDEX, CODES, ECR, EXPECTED, Loads
from tests.support.search_tables import PARAMETERS
from tests.support.topics import change

DATA = (reference_data() or Path()) / "real-topics"
_FHIR = "{http://hl7.org/fhir}"
_LISTS = {
    *("identifier", "coding", "include", "modifier", "comparator", "supportedInteraction"),
    *("resourceTrigger", "eventTrigger", "trigger", "canFilterBy", "notificationShape"),
}

INCLUDE = re.compile(r"^notificationShape.*nclude: '([^']*)' names no reference parameter")
BOTH_CRITERIA = "SubscriptionTopic.resourceTrigger[0].queryCriteria"


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
