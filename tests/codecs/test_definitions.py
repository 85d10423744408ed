from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hub.codecs import definitions as module
from hub.codecs.definitions import Definitions, DefinitionsError, read_definitions
from hub.codecs.topic import to_release
from hub.core.release import FhirRelease, Resource
from hub.core.search import parse_query
from hub.core.search_index import index_entry, plan, selects
from hub.core.value_set import NotExpandable
from hub.settings import packaged_topics
from tests.support.packages import MANIFEST, a_package
from tests.support.topics import topic_json

CS = "http://example.org/CodeSystem/urgency"
VALUE_SET: Resource = {
    "resourceType": "ValueSet",
    "url": "http://example.org/ValueSet/urgent",
    "compose": {"include": [{"system": CS}]},
}
CODE_SYSTEM: Resource = {
    "resourceType": "CodeSystem",
    "url": CS,
    "content": "complete",
    "concept": [{"code": "stat"}],
}
TOPIC = topic_json({})


def parameter(code: str = "colour", expression: str = "Task.code", **more: Any) -> Resource:
    return {
        "resourceType": "SearchParameter",
        "url": f"http://example.org/SearchParameter/{code}",
        "code": code,
        "base": ["Task"],
        "type": "token",
        "expression": expression,
        **more,
    }


def of_package(tmp_path: Path, *resources: Resource, **more: Any) -> Definitions:
    path = tmp_path / "guide.tgz"
    path.write_bytes(a_package(*resources, **more))
    return read_definitions([path])


def test_a_folder_has_topics_and_what_they_need(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "topic.json").write_text(json.dumps(TOPIC))
    (tmp_path / "mine" / "cases.json").write_text("[]")
    for each in (VALUE_SET, CODE_SYSTEM, parameter()):
        (tmp_path / f"{each['resourceType']}.json").write_text(json.dumps(each))
    found = read_definitions([packaged_topics(), tmp_path])
    assert found.left_out == ()
    assert not any(each.of_package for each in found.topics)
    assert TOPIC["url"] in {each.topic.url for each in found.topics}
    assert found.value_sets.expand(VALUE_SET["url"]).codes == {"stat"}
    for release in FhirRelease:
        known = found.search_parameters(release, "http://hub").get("Task", "colour")
        assert known is not None and known.url.endswith("SearchParameter/colour")
    assert {each.where for each in read_definitions([tmp_path / "ValueSet.json"]).topics} == set()


def test_a_package_has_topics_in_every_form(tmp_path: Path) -> None:
    basic = to_release(TOPIC | {"version": "1"}, FhirRelease.R4)
    other = {"resourceType": "Basic", "code": {"text": "other"}}
    found = of_package(tmp_path, TOPIC, basic, other, VALUE_SET, CODE_SYSTEM)
    assert sorted(each.topic.canonical for each in found.topics) == [
        TOPIC["url"],
        f"{TOPIC['url']}|1",
    ]
    assert all(each.of_package and "guide.tgz: " in each.where for each in found.topics)
    assert found.value_sets.expand(VALUE_SET["url"]).codes == {"stat"}
    assert found.left_out == ()


def test_a_package_has_profiles_that_its_topics_may_name(tmp_path: Path) -> None:
    url = "http://example.org/StructureDefinition/referral"
    profile = {
        "resourceType": "StructureDefinition",
        "url": url,
        "kind": "resource",
        "type": "Task",
        "derivation": "constraint",
    }
    found = of_package(tmp_path, TOPIC, profile)
    for release in FhirRelease:
        named = found.search_parameters(release, "http://hub").profiles.named(url)
        assert named is not None and named.resource_type == "Task"
    assert found.left_out == ()


def test_a_parameter_of_a_package_is_for_the_release_of_the_package(tmp_path: Path) -> None:
    found = of_package(tmp_path, parameter())
    assert set(found.added[FhirRelease.R4]) == {"Task"}
    assert not found.added[FhirRelease.R5]
    common = of_package(tmp_path, parameter(expression="Resource.meta.tag", base=["Resource"]))
    assert common.search_parameters(FhirRelease.R4, "http://hub").get("Patient", "colour")


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        (parameter(code="a b"), "needs a code of letters"),
        (parameter(base="Task"), "needs a list of base types"),
        (parameter(type="composite"), "a composite needs components with a definition"),
        (parameter(type="special"), "Task?colour in R4: type special"),
        (parameter(expression="Task.code.trace('x')"), "can't be said"),
        (parameter(expression="Task.code | Task.code.first()"), "part of Task?colour in R4"),
        (parameter(base=["Task", "Basket"]), "Basket is no resource type"),
        (parameter(code="status"), "Task?status in R4: Task-status has this code already"),
    ],
)
def test_a_parameter_that_can_t_be_used_is_left_out_in_one_line(
    tmp_path: Path, definition: Resource, words: str
) -> None:
    (line,) = of_package(tmp_path, definition, VALUE_SET).left_out
    assert words in line and "SearchParameter-0.json" in line and "\n" not in line


def test_a_parameter_of_the_standard_may_be_repeated(tmp_path: Path) -> None:
    found = of_package(tmp_path, parameter(code="status", expression="Task.status"), parameter())
    assert found.left_out == ()
    assert set(found.added[FhirRelease.R4]["Task"]) == {"colour"}


def test_what_is_there_twice_counts_once(tmp_path: Path) -> None:
    again = parameter(url="http://example.org/other", expression="Task.priority")
    changed = VALUE_SET | {"title": "changed"}
    topic = TOPIC | {"title": "changed"}
    found = of_package(
        tmp_path, VALUE_SET, changed, VALUE_SET, parameter(), again, TOPIC, TOPIC, topic
    )
    assert len(found.topics) == 1
    assert len(found.left_out) == 3
    for words in ("urgent is there already", "/colour has this code", "topic is there already"):
        assert any(words in line for line in found.left_out), found.left_out


def test_what_a_package_needs_and_is_not_there_is_told(tmp_path: Path) -> None:
    manifest = {**MANIFEST, "dependencies": {"hl7.fhir.r4.core": "4.0.1", "other.guide": "2.0"}}
    (line,) = of_package(tmp_path, manifest=manifest).left_out
    assert line == (
        "example.fhir.orders#1.0.0: it depends on other.guide#2.0, which is not loaded; "
        "what needs it is refused"
    )
    other = tmp_path / "other.tgz"
    other.write_bytes(a_package(manifest={**MANIFEST, "name": "other.guide"}))
    assert read_definitions([other, tmp_path / "guide.tgz"]).left_out == ()


def test_a_resource_that_can_t_be_read_is_left_out(tmp_path: Path) -> None:
    files = {"package/a.json": b'{"resourceType":"ValueSet",}'}
    nameless = {"resourceType": "ValueSet"}
    broken = TOPIC | {"status": "wrong"}
    found = of_package(tmp_path, nameless, broken, VALUE_SET, files=files)
    assert len(found.left_out) == 3
    for words in ("a.json: ", "this ValueSet has no url", "status is 'wrong'"):
        assert any(words in line for line in found.left_out)
    with pytest.raises(NotExpandable):
        found.value_sets.expand(VALUE_SET["url"])


def test_a_broken_package_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "guide.tgz"
    path.write_bytes(b"broken")
    with pytest.raises(DefinitionsError, match=r"guide\.tgz: no gzipped tar file"):
        read_definitions([packaged_topics(), path])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "mine.json: "),
        ('{"resourceType": "Patient"}', "neither a SubscriptionTopic nor a Basic"),
        ("[]", "mine.json: "),
    ],
)
def test_a_file_in_a_folder_must_be_usable(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "mine.json").write_text(text)
    with pytest.raises(DefinitionsError, match=words):
        read_definitions([tmp_path])


def test_a_topic_of_a_folder_may_be_there_once(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.json").write_text(json.dumps(TOPIC))
    with pytest.raises(DefinitionsError, match="is there already"):
        read_definitions([tmp_path])


def test_a_file_that_is_gone_or_too_large_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DefinitionsError, match="No such file"):
        read_definitions([tmp_path / "gone.json"])
    path = tmp_path / "large.json"
    path.write_bytes(b" " * 1025)
    monkeypatch.setattr(module, "MAX_UNPACKED", 1024)
    with pytest.raises(DefinitionsError, match="larger than"):
        read_definitions([path])


CODE_DATE = parameter(
    "code-date",
    "Observation",
    type="composite",
    base=["Observation"],
    component=[
        {"definition": "http://hl7.org/fhir/SearchParameter/clinical-code", "expression": "code"},
        {"definition": "http://example.org/SearchParameter/given|1.0", "expression": "issued"},
    ],
)
GIVEN = parameter("given", "Observation.issued", type="date", base=["Observation"])
OBSERVATION: Resource = {
    "resourceType": "Observation",
    "id": "1",
    "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
    "issued": "2024-05-01T10:00:00Z",
}


@pytest.mark.parametrize("order", [(CODE_DATE, GIVEN), (GIVEN, CODE_DATE)])
def test_a_composite_of_a_package_has_parts_of_the_standard_and_of_the_package(
    tmp_path: Path, order: tuple[Resource, ...]
) -> None:
    found = of_package(tmp_path, *order)
    assert found.left_out == ()
    known = found.search_parameters(FhirRelease.R4, "http://hub")
    for value, expected in (
        ("8480-6$2024-05-01", True),
        ("http://loinc.org|8480-6$ge2024", True),
        ("8480-6$2023", False),
        ("8462-4$2024-05-01", False),
    ):
        asked = parse_query(known, "Observation", [("code-date", value)])
        expression, _ = plan(asked, known)
        assert asked.matches(OBSERVATION) is expected
        assert selects(expression, index_entry(known, OBSERVATION)) is expected


def test_a_part_may_refer_to_any_type_as_the_standards_parameter_does(tmp_path: Path) -> None:
    parts = [
        {"definition": f"http://hl7.org/fhir/SearchParameter/Task-{code}", "expression": code}
        for code in ("focus", "status")
    ]
    composite = parameter("focus-status", "Task", type="composite", component=parts)
    found = of_package(tmp_path, composite)
    assert found.left_out == ()
    known = found.search_parameters(FhirRelease.R4, "http://hub")
    task = {"resourceType": "Task", "status": "ready", "focus": {"reference": "Basic/1"}}
    for value, expected in (("Basic/1$ready", True), ("Basic/1$draft", False)):
        assert parse_query(known, "Task", [("focus-status", value)]).matches(task) is expected


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"component": []}, "1 to 20 components"),
        ({"component": [{"definition": "http://x"}]}, "needs components with a definition"),
        ({"component": CODE_DATE["component"] * 11}, "1 to 20 components"),
        ({"base": ["Nothing"]}, "Nothing is no resource type"),
        ({"expression": "Patient"}, "about other types"),
        (
            {"component": [{"definition": "http://gone", "expression": "code"}]},
            "http://gone is not defined or not evaluated",
        ),
        ({"code": "code-value-quantity"}, "Observation-code-value-quantity has this code already"),
    ],
)
def test_a_composite_that_can_not_be_used_is_left_out_with_the_reason(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    (line,) = of_package(tmp_path, CODE_DATE | changes, GIVEN).left_out
    assert words in line and "SearchParameter-0.json" in line


def test_a_composite_waits_in_vain_for_a_part_that_was_left_out(tmp_path: Path) -> None:
    broken = GIVEN | {"expression": "Observation.issued.trace('x')"}
    _, line = sorted(
        of_package(tmp_path, CODE_DATE, broken).left_out, key=lambda each: "1.0" in each
    )
    assert "given|1.0 is not defined or not evaluated" in line
