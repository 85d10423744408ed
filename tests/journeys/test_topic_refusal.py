"""Topics that can't be computed are refused when they are written, with what is wrong and where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hub.core.release import FhirRelease, Resource
from tests.journeys.hosting import Fhir, in_every_release, running_hub
from tests.support.builders import a_task
from tests.web.topics import ADMIN, URL, a_topic, administered, kind

TRIGGER = "SubscriptionTopic.resourceTrigger[0]"


def criteria(**elements: Any) -> dict[str, Any]:
    return {"resourceTrigger": [{"resource": "Task", "queryCriteria": elements}]}


def fhirpath(expression: str) -> dict[str, Any]:
    return {"resourceTrigger": [{"resource": "Task", "fhirPathCriteria": expression}]}


NESTED = "(" * 200 + "true" + ")" * 200
UNION = " | ".join(["%current.status"] * 500)
REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "without a trigger": ({"resourceTrigger": []}, "it has no trigger", TRIGGER[:-3]),
    "on an unknown type": (
        {"resourceTrigger": [{"resource": "Basket"}]},
        "there is no resource type Basket",
        f"{TRIGGER}.resource",
    ),
    "on an unknown profile": (
        {"resourceTrigger": [{"resource": "http://example.org/StructureDefinition/p"}]},
        "is not loaded; load its StructureDefinition",
        f"{TRIGGER}.resource",
    ),
    "an unknown search parameter": (
        criteria(current="colour=red"),
        "Task has no search parameter 'colour'",
        f"{TRIGGER}.queryCriteria",
    ),
    "a modifier that does not apply": (
        criteria(current="owner:above=x"),
        "Task?owner:above=x: allowed: no modifier, or one of",
        f"{TRIGGER}.queryCriteria",
    ),
    "a value of another type": (
        criteria(previous="modified=yesterday"),
        "Task?modified=yesterday: allowed: ",
        f"{TRIGGER}.queryCriteria",
    ),
    "no search at all": (
        criteria(current="status:requested"),
        "is no search condition; allowed: parameter=value",
        f"{TRIGGER}.queryCriteria",
    ),
    "criteria without a test": (
        criteria(requireBoth=True),
        "neither previous nor current, so it never fires",
        f"{TRIGGER}.queryCriteria",
    ),
    "a ValueSet that is not loaded": (
        criteria(current="code:in=http://example.org/ValueSet/x"),
        "http://example.org/ValueSet/x",
        f"{TRIGGER}.queryCriteria",
    ),
    "a syntax error": (
        fhirpath("%current.status = "),
        "fhirPathCriteria, position 19",
        f"{TRIGGER}.fhirPathCriteria",
    ),
    "a forbidden function": (
        fhirpath("now() > @2020-01-01"),
        "now() is not evaluated",
        f"{TRIGGER}.fhirPathCriteria",
    ),
    "200 parentheses": (fhirpath(NESTED), "nested deeper than", f"{TRIGGER}.fhirPathCriteria"),
    "a union of 500": (
        fhirpath(f"({UNION}).count() > 1"),
        "characters; at most",
        f"{TRIGGER}.fhirPathCriteria",
    ),
    "a regular expression that looks around": (
        fhirpath("%current.description.matches('(?=a)a+')"),
        "this regular expression can't be used: invalid perl operator: (?=",
        f"{TRIGGER}.fhirPathCriteria",
    ),
}
MALFORMED: dict[str, tuple[dict[str, Any], str]] = {
    "a trigger without resource": (
        {"resourceTrigger": [{"description": "x"}]},
        f"{TRIGGER}.resource",
    ),
    "an interaction that is none": (
        {"resourceTrigger": [{"resource": "Task", "supportedInteraction": ["read"]}]},
        f"{TRIGGER}.supportedInteraction[0]",
    ),
    "a url with a version": ({"url": f"{URL}|1"}, "SubscriptionTopic.url"),
    "a relative url": ({"url": "mine"}, "SubscriptionTopic.url"),
}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("topics")
    with running_hub(admin_token_file=administered(folder).admin_token_file) as running:
        yield running


async def refused(fhir: Fhir, topic: Resource) -> tuple[int, Resource]:
    status, issue = await fhir.refused("POST", kind(fhir.release), topic, **ADMIN)
    assert issue["severity"] == "error" and len(issue["diagnostics"]) < 4000
    assert (await fhir.create(a_task("Organization/a")))["id"], "the hub goes on"
    return status, issue


@pytest.mark.parametrize("name", REFUSED)
def test_a_topic_that_does_not_compute_is_refused(hub: Any, name: str) -> None:
    more, words, element = REFUSED[name]

    async def scenario(fhir: Fhir) -> None:
        topic = a_topic(fhir.release, url=f"{URL}/refused", **more)
        if topic.get("resourceTrigger") == []:
            del topic["resourceTrigger"]
        status, issue = await refused(fhir, topic)
        assert (status, issue["code"]) == (422, "not-supported")
        assert issue["details"]["coding"][0]["code"] == "topic-refused"
        assert words in issue["diagnostics"]
        assert issue["expression"] == [element]

    in_every_release(hub, scenario)


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_topic_is_refused(hub: Any, name: str) -> None:
    more, element = MALFORMED[name]

    async def scenario(fhir: Fhir) -> None:
        topic = a_topic(fhir.release, **({"url": f"{URL}/malformed"} | more))
        status, issue = await refused(fhir, topic)
        assert status == 400
        assert issue["expression"] == [element]

    in_every_release(hub, scenario, releases=(FhirRelease.R4B, FhirRelease.R5))


def test_url_and_version_stand_for_one_content(hub: Any) -> None:
    async def scenario(fhir: Fhir) -> None:
        url = f"{URL}/twice-{fhir.release.path}"
        answer = await fhir.ask("POST", kind(fhir.release), a_topic(fhir.release, url=url), **ADMIN)
        assert answer.status_code == 201
        status, issue = await refused(fhir, a_topic(fhir.release, url=url, title="Other"))
        assert (status, issue["code"]) == (409, "conflict")
        assert "is there already" in issue["diagnostics"]

    in_every_release(hub, scenario)
