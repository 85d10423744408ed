"""SubscriptionTopic: how topics are represented, discovered, and what their elements mean."""

from __future__ import annotations

import json

from hub.codecs.topic import ROOTS, to_release
from hub.core.release import Resource
from tests.conformance.item import MAY, NATIVE, R4, R5, REC, SHALL, SHOULD, item
from tests.conformance.story import counter, counting, events, fires, refused
from tests.conformance.topics import (
    NUDGE,
    TWO_TYPES,
    VOTES,
    a_topic,
    named,
    of_votes,
    wrapped_in_basic,
)
from tests.journeys.hosting import Fhir, fresh
from tests.support.builders import BACKPORT, a_patient, a_subscription, a_task, topic
from tests.web.topics import ADMIN, kind

FHIR_TYPES = "http://hl7.org/fhir/fhir-types"
DISCOVERY = f"{BACKPORT}/capabilitystatement-subscriptiontopic-canonical"
FIVE = ROOTS[0]


@item("1.1", SHALL)
async def test_1_1_topics_are_resources_that_can_be_read_and_searched(fhir: Fhir) -> None:
    if fhir.release is R4:
        status, issue = await fhir.refused("GET", "SubscriptionTopic")
        assert (status, issue["code"]) == (404, "not-found")
        return
    found = await fhir.get(f"SubscriptionTopic?url={topic('task-activity')}")
    (entry,) = found["entry"]
    assert entry["resource"]["url"] == topic("task-activity")
    read = await fhir.get(f"SubscriptionTopic/{entry['resource']['id']}")
    assert read == entry["resource"]


@item("1.2", SHOULD, (R4,))
async def test_1_2_r4_names_topics_in_its_statement_and_as_basics(fhir: Fhir) -> None:
    statement = await fhir.get("metadata")
    (rest,) = statement["rest"]
    (entry,) = [each for each in rest["resource"] if each["type"] == "Subscription"]
    listed = [each["valueCanonical"] for each in entry["extension"] if each["url"] == DISCOVERY]
    assert topic("task-activity") in listed
    assert len(set(listed)) == len(listed)
    found = await fhir.get(f"Basic?code={FHIR_TYPES}|SubscriptionTopic&_count=200")
    wrapped = [
        extension["valueUri"]
        for each in found["entry"]
        for extension in each["resource"]["extension"]
        if extension["url"] == f"{FIVE}url"
    ]
    assert set(listed) <= set(wrapped)


@item("1.3", SHALL, (R4,))
async def test_1_3_a_topic_in_a_basic_has_the_names_of_its_elements(fhir: Fhir) -> None:
    found = await fhir.get(f"Basic?code={FHIR_TYPES}|SubscriptionTopic&_count=200")
    (basic,) = [
        each["resource"]
        for each in found["entry"]
        if {"url": f"{FIVE}url", "valueUri": TWO_TYPES["url"]} in each["resource"]["extension"]
    ]
    assert basic["code"] == {"coding": [{"system": FHIR_TYPES, "code": "SubscriptionTopic"}]}
    assert basic["modifierExtension"] == [{"url": f"{FIVE}status", "valueCode": "active"}]
    simple = {each["url"]: each for each in basic["extension"] if "extension" not in each}
    assert simple[f"{FIVE}version"]["valueString"] == "1.0.0"
    assert simple[f"{FIVE}title"]["valueString"] == "two-types"
    parts = [each for each in basic["extension"] if each["url"] == f"{FIVE}canFilterBy"]
    written = {part["url"]: part for part in parts[4]["extension"]}
    assert written["filterParameter"]["valueString"] == "authored-on"
    assert written["comparator"]["valueCode"] in ("ge", "lt")
    triggers = [each for each in basic["extension"] if each["url"] == f"{FIVE}resourceTrigger"]
    resources = [
        part["valueUri"]
        for trigger in triggers
        for part in trigger["extension"]
        if part["url"] == "resource"
    ]
    assert resources == ["Task", "http://hl7.org/fhir/StructureDefinition/Patient"]


@item("1.4", REC, (R4,))
async def test_1_4_both_roots_are_read_and_the_newer_is_written(fhir: Fhir) -> None:
    assert ROOTS[1] in json.dumps(wrapped_in_basic("root-4-3", 1))
    for name in ("root-4-3", "root-5-0"):
        assert await fires(fhir, name, "requested", "accepted") == [1]
    found = await fhir.ask("GET", f"Basic?code={FHIR_TYPES}|SubscriptionTopic&_count=200")
    assert "root-4-3" in found.text
    assert ROOTS[1] not in found.text


@item("1.5", REC)
async def test_1_5_a_canonical_means_the_newest_active_version_or_exactly_one(fhir: Fhir) -> None:
    assert await fires(fhir, "versioned", "requested", "accepted", None) == [3]
    assert await fires(fhir, "versioned|2.0.0", "requested", "accepted", None) == [3]
    assert await fires(fhir, "versioned|1.0.0", "requested", "accepted", None) == [1, 2, 3]
    unknown = a_subscription(
        fhir.release, channel="websocket", topic_name=named("versioned") + "|9.9"
    )
    assert (await refused(fhir, unknown))["code"] == "not-supported"


@item("1.7.1", SHALL)
async def test_1_7_1_topics_have_a_url_and_a_status(fhir: Fhir) -> None:
    if fhir.release is R4:
        found = await fhir.get(f"Basic?code={FHIR_TYPES}|SubscriptionTopic&_count=200")
        for each in found["entry"]:
            (status,) = each["resource"]["modifierExtension"]
            assert status["valueCode"] in ("draft", "active", "retired", "unknown")
            urls = [one["url"] for one in each["resource"]["extension"]]
            assert urls.count(f"{FIVE}url") == 1
        return
    found = await fhir.get("SubscriptionTopic?_count=200")
    assert len(found["entry"]) > 20
    for each in found["entry"]:
        assert each["resource"]["url"].startswith("http")
        assert each["resource"]["status"] in ("draft", "active", "retired", "unknown")


@item("1.7.2", SHALL)
async def test_1_7_2_triggers_are_joined_by_or_and_types_have_two_spellings(fhir: Fhir) -> None:
    tag = {"system": "http://example.org/tags", "code": fresh("x")[2:]}
    spelled = f"_tag={tag['system']}|{tag['code']}"
    id = await counting(fhir, named("two-types"), filters=[f"Resource?{spelled}"])
    await fhir.create(a_task(meta={"tag": [tag]}))
    await fhir.create(a_patient(meta={"tag": [tag]}))
    await fhir.create(a_patient())
    assert await counter(fhir, id) == 2


@item("1.7.3", SHALL)
async def test_1_7_3_without_interactions_all_of_them_fire(fhir: Fhir) -> None:
    assert await fires(fhir, "either-or-none", "requested", "accepted", None) == [1, 2, 3]


@item("1.7.4", SHALL)
async def test_1_7_4_criteria_are_search_strings_with_or_without_the_type(fhir: Fhir) -> None:
    assert await fires(fhir, "with-type", "requested", "accepted", "rejected") == [2]


@item("1.7.5", SHALL)
async def test_1_7_5_require_both_joins_by_and_its_absence_by_or(fhir: Fhir) -> None:
    steps = ("requested", "accepted", "rejected", "accepted", "requested", "rejected")
    assert await fires(fhir, "both", *steps) == [2]
    assert await fires(fhir, "either", *steps) == [2, 4, 6]


@item("1.7.6", SHALL)
async def test_1_7_6_a_missing_state_has_the_result_that_the_topic_gives_it(fhir: Fhir) -> None:
    for result, both in VOTES:
        passes = result == "test-passes"
        name = of_votes("delete", result, both)
        matching = await fires(fhir, name, "accepted", None)
        assert bool(matching) is (passes or not both), name
        other = await fires(fhir, name, "requested", None)
        assert bool(other) is (passes and not both), name


@item("1.7.7", SHALL)
async def test_1_7_7_a_create_fires_by_the_truth_table(fhir: Fhir) -> None:
    table = {
        ("test-passes", False): (True, True),
        ("test-passes", True): (True, False),
        ("test-fails", True): (False, False),
        ("test-fails", False): (True, False),
    }
    for (result, both), (matching, other) in table.items():
        name = of_votes("create", result, both)
        assert bool(await fires(fhir, name, "accepted")) is matching, name
        assert bool(await fires(fhir, name, "requested")) is other, name


@item("1.7.8", REC)
async def test_1_7_8_a_missing_criterion_is_no_test(fhir: Fhir) -> None:
    assert await fires(fhir, "current-only", "accepted") == [1]
    assert await fires(fhir, "current-only", "requested") == []
    assert await fires(fhir, "no-vote", "accepted") == []


@item("1.7.9", SHALL)
async def test_1_7_9_fhirpath_sees_both_states_and_an_error_does_not_fire(fhir: Fhir) -> None:
    steps = ("accepted", "requested", "rejected", None)
    assert await fires(fhir, "fhirpath", *steps) == [1, 4]
    assert await fires(fhir, "fhirpath-error", "requested", "completed", "rejected") == []


@item("1.7.10", REC)
async def test_1_7_10_of_two_renderings_the_query_is_evaluated(fhir: Fhir) -> None:
    assert await fires(fhir, "two-renderings", "accepted") == [1]
    assert await fires(fhir, "two-renderings", "rejected") == []


@item("1.7.11", SHALL)
async def test_1_7_11_failed_interactions_do_not_notify(fhir: Fhir) -> None:
    owner = fresh()
    id = await counting(fhir, named("either-or-none"), filters=[f"Task?owner={owner}"])
    task = await fhir.create(a_task(owner))
    path = f"Task/{task['id']}"
    assert (await fhir.refused("PUT", path, task | {"status": "sleeping"}))[0] == 400
    assert (await fhir.refused("PUT", path, task, If_Match='W/"9"'))[0] == 412
    assert (await fhir.refused("DELETE", path, If_Match='W/"9"'))[0] == 412
    failing = {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {"resource": a_task(owner), "request": {"method": "POST", "url": "Task"}},
            {
                "resource": task,
                "request": {"method": "PUT", "url": path, "ifMatch": 'W/"9"'},
            },
        ],
    }
    assert (await fhir.refused("POST", "", failing))[0] == 412
    assert await counter(fhir, id) == 1


@item("1.7.12", MAY)
async def test_1_7_12_an_event_trigger_fires_when_the_hub_is_told(fhir: Fhir) -> None:
    owner = fresh()
    id = await counting(fhir, named("event-only"), filters=[f"Task?owner={owner}"])
    task = await fhir.create(a_task(owner))
    assert await counter(fhir, id) == 0
    body = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "event", "valueCoding": NUDGE},
            {"name": "focus", "valueReference": {"reference": f"Task/{task['id']}"}},
        ],
    }
    path = f"{kind(fhir.release)}/event-only-1-0-0/$inject-event"
    answer = await fhir.ask("POST", path, body, **ADMIN)
    assert answer.status_code == 200, answer.text
    (event,) = await events(fhir, id)
    assert event["focus"] == f"{fhir.base}/Task/{task['id']}"


@item("1.7.13", SHALL, NATIVE)
async def test_1_7_13_filters_name_their_definition_and_only_what_is_allowed(fhir: Fhir) -> None:
    found = await fhir.get(f"SubscriptionTopic?url={topic('task-activity')}")
    offered = found["entry"][0]["resource"]["canFilterBy"]
    assert all(each["filterDefinition"].startswith("http") for each in offered)
    found = await fhir.get(f"SubscriptionTopic?url={named('two-types')}")
    (ordered,) = [
        each
        for each in found["entry"][0]["resource"]["canFilterBy"]
        if each["filterParameter"] == "authored-on"
    ]
    listed = ordered["comparator" if fhir.release is R5 else "modifier"]
    assert set(listed) - {"="} == {"ge", "lt"}
    wanted = a_subscription(
        fhir.release,
        channel="websocket",
        topic_name=named("two-types"),
        filters=["Task?authored-on=gt2024-01-01"],
    )
    assert (await refused(fhir, wanted))["code"] == "not-supported"


@item("1.7.14", SHALL)
async def test_1_7_14_a_filter_may_be_a_chain(fhir: Fhir) -> None:
    owner = fresh()
    patients = [await fhir.create(a_patient(gender=gender)) for gender in ("female", "male")]
    filters = [f"Task?owner={owner}", "Task?patient.gender=female"]
    id = await counting(fhir, named("two-types"), filters=filters)
    for patient in patients:
        await fhir.create(a_task(owner, patient=f"Patient/{patient['id']}"))
    assert await counter(fhir, id) == 1


@item("1.7.15", SHOULD)
async def test_1_7_15_what_the_shape_names_is_included(fhir: Fhir) -> None:
    owner = fresh()
    patient = await fhir.create(a_patient())
    id = await counting(fhir, named("two-types"), filters=[f"Task?owner={owner}"])
    await fhir.create(a_task(owner, patient=f"Patient/{patient['id']}"))
    await fhir.create(a_task(owner))
    found = await events(fhir, id)
    assert [each["context"] for each in found] == [[f"{fhir.base}/Patient/{patient['id']}"], []]


@item("1.7.16", SHALL)
async def test_1_7_16_a_derived_topic_is_found_and_takes_no_filter_away(fhir: Fhir) -> None:
    if fhir.release is not R4:
        found = await fhir.get(f"SubscriptionTopic?derived-or-self={named('either-or-none')}")
        urls = {each["resource"]["url"] for each in found["entry"]}
        assert urls == {named("derived"), named("either-or-none")}
    assert await fires(fhir, "derived", "requested", None) == [2]
    name = f"poorer-{fhir.release.path}"
    poorer = a_topic(name, {}, derivedFrom=[named("either-or-none")], canFilterBy=[])
    status, issue = await _publish(fhir, poorer)
    assert (status, issue["code"]) == (422, "not-supported"), issue


@item("1.7.17", REC)
async def test_1_7_17_only_active_topics_take_subscriptions_and_versions_stay(fhir: Fhir) -> None:
    for name in ("draft", "retired"):
        wanted = a_subscription(fhir.release, channel="websocket", topic_name=named(name))
        assert (await refused(fhir, wanted))["code"] == "business-rule"
    changed = a_topic("either-or-none", {"supportedInteraction": ["delete"]})
    status, issue = await _publish(fhir, changed)
    assert status in (409, 422), issue


@item("1.7.18", MAY)
async def test_1_7_18_a_topic_that_can_not_be_computed_is_refused(fhir: Fhir) -> None:
    for criteria in (
        "%current.foo(",
        "(%previous.empty() | (%previous.status != 'completed')) and %current.exists()",
    ):
        odd = a_topic(f"odd-{fhir.release.path}", {"fhirPathCriteria": criteria})
        status, issue = await _publish(fhir, odd)
        assert (status, issue["code"]) == (422, "not-supported")
        assert issue["expression"]


async def _publish(fhir: Fhir, resource: Resource) -> tuple[int, Resource]:
    """Return how the hub refuses a topic that its administrator writes."""
    written = to_release(resource, fhir.release)
    return await fhir.refused("PUT", f"{kind(fhir.release)}/{resource['id']}", written, **ADMIN)
