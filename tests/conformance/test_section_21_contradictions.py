"""Where the sources contradict each other: what the hub does."""

from __future__ import annotations

from hub.codecs.topic import ROOTS
from hub.core.release import FhirRelease
from tests.conformance.failure import Failures
from tests.conformance.item import BACKPORTED, R4, R5, REC, item
from tests.conformance.recording import Recordings
from tests.conformance.story import counter, counting
from tests.conformance.test_section_15_claims import REQUIREMENTS
from tests.conformance.topics import named
from tests.journeys.hosting import Fhir, RunningHub, a_socket, fresh, heard, status_of
from tests.support.builders import BACKPORT, a_subscription, a_task, topic
from tests.support.endpoints import Endpoint
from tests.support.notification_rules import check_references_are_absolute


@item("21.1", REC, BACKPORTED)
async def test_21_1_each_form_of_a_filter_is_accepted(fhir: Fhir) -> None:
    owner = fresh()
    ids = [
        await counting(fhir, filters=[spelled])
        for spelled in (f"owner={owner}", f"Task.owner={owner}", f"Task?owner={owner}")
    ]
    await fhir.create(a_task(owner))
    await fhir.create(a_task(fresh()))
    assert [await counter(fhir, id) for id in ids] == [1, 1, 1]


@item("21.2", REC)
def test_21_2_empty_omits_the_topic(recordings: Recordings, release: FhirRelease) -> None:
    for bundle in recordings.one(release, "empty").notifications:
        assert status_of(bundle)["topic"] is None


@item("21.3", REC)
async def test_21_3_active_from_a_client_is_requested(fhir: Fhir) -> None:
    async with Endpoint() as endpoint:
        wanted = a_subscription(fhir.release, endpoint=endpoint.url, status="active")
        stored = await fhir.create(wanted)
        assert stored["status"] == "requested"
        await fhir.until(stored["id"], "active")


@item("21.4", REC)
def test_21_4_nothing_leaves_error_without_the_client(
    failures: Failures, release: FhirRelease
) -> None:
    failure = failures[release]
    assert [said["status"] for said in failure.asked] == ["error", "error"]
    assert not failure.sent_in_error


@item("21.5", REC, BACKPORTED)
async def test_21_5_instantiates_is_the_url_of_the_artifact(fhir: Fhir) -> None:
    statement = await fhir.get("metadata")
    assert REQUIREMENTS[fhir.release] in statement["instantiates"]


@item("21.6", REC)
async def test_21_6_every_interaction_is_there(fhir: Fhir) -> None:
    stored = await fhir.create(a_subscription(fhir.release, channel="websocket"))
    path = f"Subscription/{stored['id']}"
    assert (await fhir.get(path))["id"] == stored["id"]
    assert (await fhir.put(stored | {"status": "off"}))["status"] == "off"
    await fhir.delete(path)
    assert (await fhir.ask("GET", path)).status_code == 410


@item("21.7", REC, BACKPORTED)
def test_21_7_the_profile_is_that_of_the_release(
    recordings: Recordings, release: FhirRelease
) -> None:
    suffix = "-r4" if release is R4 else ""
    for each in recordings.of(release):
        for bundle in each.events:
            profile = f"{BACKPORT}/backport-subscription-notification{suffix}"
            assert bundle["meta"]["profile"] == [profile]


@item("21.8", REC)
async def test_21_8_both_spellings_bind(fhir: Fhir, hub: RunningHub) -> None:
    id = await counting(fhir)
    async with a_socket(hub) as websocket:
        for spelled in ("bind-with-token {}", "bind-with-token: {}"):
            await websocket.send(spelled.format(await fhir.token(id)))
            assert status_of(await heard(websocket, fhir.release))["type"] == "handshake"


@item("21.9", REC)
async def test_21_9_tokens_are_given_by_get_and_post(fhir: Fhir) -> None:
    id = await counting(fhir)
    for method in ("GET", "POST"):
        answer = await fhir.ask(method, f"Subscription/{id}/$get-ws-binding-token")
        assert answer.status_code == 200
        assert answer.json()["parameter"][0]["valueString"]


@item("21.10", REC)
def test_21_10_the_bundle_is_a_history_before_r5(
    recordings: Recordings, release: FhirRelease
) -> None:
    expected = "subscription-notification" if release is R5 else "history"
    for each in recordings.of(release):
        assert {bundle["type"] for bundle in each.events} == {expected}


@item("21.11", REC)
def test_21_11_full_resource_entries_have_request_and_response(
    recordings: Recordings, release: FhirRelease
) -> None:
    for bundle in recordings.one(release, "full-resource").events:
        assert len(bundle["entry"]) > 1
        assert all({"request", "response"} <= set(entry) for entry in bundle["entry"])


@item("21.12", REC)
async def test_21_12_subscriptions_are_found_by_their_exact_topic(fhir: Fhir) -> None:
    id = await counting(fhir, named("event-only"))
    found = await fhir.get(f"Subscription?topic={named('event-only')}&_count=200")
    assert id in [each["resource"]["id"] for each in found["entry"]]
    assert "entry" not in await fhir.get("Subscription?topic=http://example.org/no-such-topic")


@item("21.13", REC)
async def test_21_13_a_message_goes_to_a_base_or_to_the_whole_url(fhir: Fhir) -> None:
    async with Endpoint(path="/fhir") as base, Endpoint(path="/fhir/$process-message") as whole:
        for endpoint in (base, whole):
            wanted = a_subscription(fhir.release, channel="message", endpoint=endpoint.url)
            await fhir.until((await fhir.create(wanted))["id"], "active")
            assert endpoint.received[0].target == "/fhir/$process-message"


@item("21.14", REC)
async def test_21_14_repeated_values_are_separate_extensions(fhir: Fhir) -> None:
    if fhir.release is not R4:
        found = await fhir.get(f"SubscriptionTopic?url={topic('task-activity')}")
        (shape,) = found["entry"][0]["resource"]["notificationShape"]
        assert len(shape["include"]) > 1
        return
    found = await fhir.get("Basic?code=SubscriptionTopic&_count=200")
    url = {"url": f"{ROOTS[0]}url", "valueUri": topic("task-activity")}
    (basic,) = [each["resource"] for each in found["entry"] if url in each["resource"]["extension"]]
    (shape,) = [
        each for each in basic["extension"] if each["url"] == f"{ROOTS[0]}notificationShape"
    ]
    includes = [part["valueString"] for part in shape["extension"] if part["url"] == "include"]
    assert len(includes) == len(set(includes)) > 1


@item("21.15", REC)
async def test_21_15_an_empty_range_breaks_no_invariant(fhir: Fhir) -> None:
    id = await counting(fhir, filters=[f"Task?owner={fresh()}"])
    said = status_of(await fhir.get(f"Subscription/{id}/$events"))
    assert said["type"] == ("query-event" if fhir.release is R4 else "query-status")


@item("21.16", REC)
def test_21_16_id_only_has_no_entries_but_the_status(
    recordings: Recordings, release: FhirRelease
) -> None:
    each = recordings.one(release, "id-only")
    assert [len(bundle["entry"]) for bundle in each.notifications] == [1] * len(each.notifications)


@item("21.17", REC)
def test_21_17_references_of_the_status_are_absolute(
    recordings: Recordings, release: FhirRelease
) -> None:
    for each in recordings.of(release):
        for bundle in each.notifications:
            check_references_are_absolute(bundle)
