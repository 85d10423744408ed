"""Filters: how they are written, joined and checked, and which state they look at."""

from __future__ import annotations

from hub.core.release import Resource
from tests.conformance.item import BACKPORTED, R5, REC, SHALL, item
from tests.conformance.story import counter, counting, events, refused
from tests.conformance.topics import TASK, named
from tests.journeys.hosting import Fhir, fresh
from tests.support.builders import a_patient, a_subscription, a_task


def _by(*filters: Resource) -> Resource:
    """Return R5 filters in their elements."""
    return {"filterBy": list(filters)}


@item("3.1", SHALL, BACKPORTED)
async def test_3_1_the_four_formats_of_the_guide_are_read(fhir: Fhir) -> None:
    owner = fresh()
    ids = [
        await counting(fhir, filters=[f"Task.owner={owner}", spelled])
        for spelled in (
            "status=accepted",
            "status:not=requested",
            "Task.status=accepted",
            "Task.status:not=requested",
        )
    ]
    await fhir.create(a_task(owner, "requested"))
    await fhir.create(a_task(owner, "accepted"))
    assert [await counter(fhir, id) for id in ids] == [1, 1, 1, 1]


@item("3.2", REC, BACKPORTED)
async def test_3_2_the_format_of_the_examples_is_read_too(fhir: Fhir) -> None:
    owner = fresh()
    ids = [
        await counting(fhir, filters=[spelled])
        for spelled in (f"Task?owner={owner}&status=accepted", f"owner={owner}&status=accepted")
    ]
    await fhir.create(a_task(owner, "requested"))
    await fhir.create(a_task(owner, "accepted"))
    assert [await counter(fhir, id) for id in ids] == [1, 1]


@item("3.3", REC)
async def test_3_3_before_a_dot_stands_a_type_or_the_link_of_a_chain(fhir: Fhir) -> None:
    owner = fresh()
    patient = await fhir.create(a_patient(gender="female"))
    spelled = ["Task?patient.gender=female"]
    if fhir.release is not R5:
        spelled += ["patient.gender=female", "Task.patient.gender=female"]
    ids = [
        await counting(fhir, named("two-types"), filters=[f"Task?owner={owner}", one])
        for one in spelled
    ]
    await fhir.create(a_task(owner, patient=f"Patient/{patient['id']}"))
    await fhir.create(a_task(owner))
    assert [await counter(fhir, id) for id in ids] == [1] * len(ids)


@item("3.4", SHALL)
async def test_3_4_comparators_are_prefixes_or_in_r5_an_element(fhir: Fhir) -> None:
    owner = fresh()
    name = named("two-types")
    mine = f"Task?owner={owner}"
    ids = [await counting(fhir, name, filters=[mine, "Task?authored-on=ge2024-01-01"])]
    if fhir.release is R5:
        entry = {"resourceType": "Task", "filterParameter": "authored-on", "value": "2024-01-01"}
        wanted = a_subscription(R5, channel="websocket", topic_name=name, filters=[mine])
        wanted["filterBy"].append(entry | {"comparator": "ge"})
        ids.append((await fhir.create(wanted))["id"])
        wanted["filterBy"][1] |= {"comparator": "lt", "value": "ge2024-01-01"}
        assert (await refused(fhir, wanted))["expression"][0].startswith("Subscription.filterBy[1]")
        wanted["filterBy"][1] |= {"modifier": "not", "value": "2024-01-01"}
        await refused(fhir, wanted)
    for authored in ("2023-12-31", "2024-01-01", "2025-01-01"):
        await fhir.create(a_task(owner, authoredOn=authored))
    assert [await counter(fhir, id) for id in ids] == [2] * len(ids)


@item("3.5", SHALL)
async def test_3_5_several_filters_mean_and_commas_mean_or(fhir: Fhir) -> None:
    one, other = fresh(), fresh()
    both = await counting(fhir, filters=[f"Task?owner={one}", "Task?status=accepted"])
    either = await counting(fhir, filters=[f"Task?owner={one},{other}"])
    comma = await counting(
        fhir, filters=[f"Task?owner={one}", r"Task?identifier=http://x.example.org|a\,b"]
    )
    await fhir.create(a_task(one, "accepted"))
    await fhir.create(a_task(one, "requested"))
    await fhir.create(a_task(other, "accepted"))
    identifier = {"system": "http://x.example.org", "value": "a,b"}
    await fhir.create(a_task(one, "received", identifier=[identifier]))
    assert [await counter(fhir, id) for id in (both, either, comma)] == [1, 4, 1]


@item("3.6", SHALL)
async def test_3_6_a_filter_is_for_its_type_only(fhir: Fhir) -> None:
    owner = fresh()
    value = fresh("x").partition("/")[2]
    identifier = {"system": "http://x.example.org", "value": value}
    id = await counting(
        fhir,
        named("two-types"),
        filters=[f"Task?owner={owner}", f"Patient?identifier=http://x.example.org|{value}"],
    )
    await fhir.create(a_task(fresh()))
    patient = await fhir.create(a_patient(identifier=[identifier]))
    await fhir.create(a_patient())
    task = await fhir.create(a_task(owner))
    found = [each["focus"].rpartition("/")[2] for each in await events(fhir, id)]
    assert found == [patient["id"], task["id"]]


@item("3.7", SHALL)
async def test_3_7_filters_that_are_advertised_work_and_others_are_refused(fhir: Fhir) -> None:
    name = named("two-types")
    for spelled, code in (
        ("Task?description=x", "not-supported"),
        ("Patient?name=x", "not-supported"),
        ("Encounter?status=planned", "not-supported"),
        ("Task?status:in=http://example.org/ValueSet/x", "not-supported"),
    ):
        wanted = a_subscription(
            fhir.release, channel="websocket", topic_name=name, filters=[spelled]
        )
        assert (await refused(fhir, wanted))["code"] == code, spelled


@item("3.8", SHALL)
async def test_3_8_what_can_not_be_read_or_is_not_listed_is_refused(fhir: Fhir) -> None:
    name = named("two-types")
    spelled = [
        "Task?authored-on=gt2024-01-01",
        "Task?authored-on=ge20x4",
        "Task?owner:above=Organization/1",
        "Task?owner:missing=perhaps",
        "Task?nonsense=1",
    ]
    if fhir.release is not R5:
        spelled += ["Task?owner=", "Task?=x", "owner", "Task?", "&&", "%", "Task?owner=%ff"]
    for one in spelled:
        wanted = a_subscription(fhir.release, channel="websocket", topic_name=name, filters=[one])
        await refused(fhir, wanted)
    entry = {"resourceType": "Task", "filterParameter": "status", "value": "accepted"}
    if fhir.release is R5:
        wanted = a_subscription(R5, channel="websocket", topic_name=name)
        for more in ({"comparator": "gt"}, {"modifier": "text"}, {"comparator": "eq"} | {"x": 1}):
            await refused(fhir, wanted | _by(entry | more))


@item("3.9", SHALL)
async def test_3_9_filters_see_the_state_after_or_of_a_delete_before(fhir: Fhir) -> None:
    owner, before, after = fresh(), "Patient/before", "Patient/after"
    told = [
        await counting(fhir, filters=[f"Task?owner={owner}", f"Task?patient={each}"])
        for each in (before, after)
    ]
    task = await fhir.create(a_task(owner) | {"for": {"reference": before}})
    moved = await fhir.put(task | {"for": {"reference": after}})
    await fhir.delete(f"Task/{moved['id']}")
    assert [await counter(fhir, id) for id in told] == [1, 2]


@item("3.9", SHALL)
async def test_3_9_who_loses_what_a_party_filter_names_is_told_once(fhir: Fhir) -> None:
    mine, theirs = fresh(), fresh()
    one, other = [await counting(fhir, filters=[f"Task?owner={each}"]) for each in (mine, theirs)]
    task = await fhir.create(a_task(mine))
    moved = await fhir.put(task | {"owner": {"reference": theirs}})
    await fhir.delete(f"Task/{moved['id']}")
    assert [await counter(fhir, id) for id in (one, other)] == [2, 2]


@item("3.10", SHALL)
async def test_3_10_a_reference_matches_in_each_of_its_forms(fhir: Fhir) -> None:
    owner = fresh()
    forms = (owner, f"{fhir.base}/{owner}", f"{owner}/_history/3")
    ids = [await counting(fhir, filters=[f"Task?owner={form}"]) for form in forms[:2]]
    for form in (*forms, f"http://elsewhere.example.org/{owner}", f"{owner}x"):
        await fhir.create(a_task(form))
    assert [await counter(fhir, id) for id in ids] == [3, 3]


@item("3.11", SHALL)
async def test_3_11_lists_and_value_sets_are_refused_by_name(fhir: Fhir) -> None:
    for spelled in (
        "Task?_in=Group/1",
        "Task?patient:in=Group/1",
        "Task?status:not-in=http://example.org/ValueSet/x",
    ):
        wanted = a_subscription(
            fhir.release, channel="websocket", topic_name=named("two-types"), filters=[spelled]
        )
        issue = await refused(fhir, wanted)
        assert issue["code"] == "not-supported"
        assert "_in" in issue["diagnostics"] or "in" in issue["diagnostics"]


@item("3.6", SHALL)
async def test_3_6_types_have_two_spellings_in_filters(fhir: Fhir) -> None:
    owner = fresh()
    wanted = a_subscription(fhir.release, channel="websocket", filters=[f"Task?owner={owner}"])
    if fhir.release is R5:
        wanted["filterBy"][0]["resourceType"] = TASK
    id = (await fhir.create(wanted))["id"]
    await fhir.create(a_task(owner))
    assert await counter(fhir, id) == 1
