"""Deleted resources."""

from __future__ import annotations

from hub.core.release import FhirRelease
from tests.conformance.item import SHALL, item
from tests.conformance.recording import Recordings
from tests.conformance.story import counter, counting, events, fires
from tests.conformance.topics import named
from tests.journeys.hosting import Fhir, fresh, status_of
from tests.support.builders import a_task


@item("19.1", SHALL)
async def test_19_1_a_topic_must_list_delete_and_filters_see_the_last_state(fhir: Fhir) -> None:
    assert await fires(fhir, "with-type", "requested", None) == []
    mine, theirs = fresh(), fresh()
    one, other = [
        await counting(fhir, named("either-or-none"), filters=[f"Task?owner={each}"])
        for each in (mine, theirs)
    ]
    task = await fhir.create(a_task(mine))
    await fhir.put(task | {"owner": {"reference": theirs}})
    await fhir.delete(f"Task/{task['id']}")
    assert [await counter(fhir, id) for id in (one, other)] == [1, 2]


@item("19.2", SHALL)
def test_19_2_a_delete_has_its_focus_and_no_resource(
    recordings: Recordings, release: FhirRelease
) -> None:
    for channel in ("rest-hook", "websocket"):
        for content in ("id-only", "full-resource"):
            each = recordings.one(release, content, channel)
            deleted = each.events[2]
            assert status_of(deleted)["events"][0]["focus"] == f"{each.base}/{each.task}"
        (entry, *_) = deleted["entry"][1:]
        assert entry["request"] == {"method": "DELETE", "url": each.task}
        assert entry["response"]["status"] == "204"
        assert "resource" not in entry
    request = recordings.one(release, "full-resource").requests[3]
    assert (request.method, request.target) == ("POST", "/hook")


@item("19.3", SHALL)
async def test_19_3_only_a_real_delete_is_told_as_one(fhir: Fhir) -> None:
    mine = fresh()
    id = await counting(fhir, named("either-or-none"), filters=[f"Task?owner={mine}"])
    task = await fhir.create(a_task(mine))
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
    hidden = await fhir.put(task | {"meta": {"security": [label]}})
    await fhir.put(hidden | {"owner": {"reference": fresh()}})
    bundle = await fhir.get(f"Subscription/{id}/$events")
    methods = [entry["request"]["method"] for entry in bundle["entry"][1:]]
    assert methods == ["POST", "PUT"]


@item("19.4", SHALL)
async def test_19_4_the_last_version_is_kept(fhir: Fhir) -> None:
    owner = fresh()
    id = await counting(fhir, named("either-or-none"), filters=[f"Task?owner={owner}"])
    task = await fhir.create(a_task(owner))
    await fhir.delete(f"Task/{task['id']}")
    found = await events(fhir, id)
    assert [each["number"] for each in found] == ["1", "2"]
    history = await fhir.get(f"Task/{task['id']}/_history")
    assert [entry["request"]["method"] for entry in history["entry"]] == ["DELETE", "POST"]
    assert history["entry"][1]["resource"]["owner"]["reference"] == owner
