"""Several releases on one hub: side by side, and never mixed up."""

from __future__ import annotations

import asyncio
import json

from hub.core.release import FhirRelease, Resource
from tests.journeys.hosting import Fhir, RunningHub, fresh, in_every_release, numbers_of, status_of
from tests.support.builders import RELEASES, a_subscription, a_task
from tests.support.endpoints import Endpoint
from tests.support.notification_rules import check_notification

R4, R4B, R5 = RELEASES


def test_one_id_stands_for_three_resources(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        task = await fhir.put(a_task(owner, id="same", description=fhir.release))
        assert (await fhir.get("Task/same"))["description"] == fhir.release
        assert task["meta"]["versionId"] == "1"
        found = await fhir.get(f"Task?owner={owner}")
        assert len(found["entry"]) == 1

    in_every_release(hub, scenario)


def test_one_subscription_id_counts_for_itself_in_each_release(hub: RunningHub) -> None:
    async def scenario() -> None:
        owner = fresh()
        async with (
            hub.client(R4) as r4,
            hub.client(R4B) as r4b,
            hub.client(R5) as r5,
            Endpoint() as endpoint,
        ):
            for fhir in (r4, r4b, r5):
                await fhir.put(
                    a_subscription(
                        fhir.release,
                        endpoint=endpoint.url,
                        id="partner",
                        filters=[f"Task?owner={owner}"],
                    )
                )
            for fhir in (r4, r4b, r5):
                await fhir.until("partner", "active")
            for count, fhir in enumerate((r4, r4b, r5), 1):
                for _ in range(count):
                    await fhir.create(a_task(owner))
            await endpoint.wait_until(
                lambda: sum(len(numbers_of(json.loads(x.body))) for x in endpoint.received) == 6
            )
            for count, fhir in enumerate((r4, r4b, r5), 1):
                said = await fhir.status("partner")
                assert said["counter"] == str(count)
                assert said["subscription"] == f"{fhir.base}/Subscription/partner"
                mine = [
                    check_notification(each.body, fhir.release)
                    for each in endpoint.received
                    if fhir.base + "/" in each.body.decode()
                ]
                numbers = [number for bundle in mine for number in numbers_of(bundle)]
                assert numbers == list(range(1, count + 1))
            await r4.delete("Subscription/partner")
            assert (await r5.status("partner"))["status"] == "active"

    asyncio.run(scenario())


def test_a_subscription_of_another_release_is_refused(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        for other in RELEASES:
            if (other is R5) is (fhir.release is R5):
                continue
            wanted: Resource = a_subscription(other, channel="websocket")
            status, issue = await fhir.refused("POST", "Subscription", wanted)
            assert status == 400
            assert issue["expression"][0].startswith("Subscription.")

    in_every_release(hub, scenario)


def test_the_version_of_a_request_and_an_answer_is_that_of_the_base(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        own = f"application/fhir+json; fhirVersion={fhir.release.version}"
        other = "application/fhir+json; fhirVersion=3.0"
        answer = await fhir.ask("POST", "Task", a_task(), content_type=own, accept=own)
        assert answer.status_code == 201
        assert answer.headers["content-type"].startswith("application/fhir+json")
        wrong = await fhir.ask("POST", "Task", a_task(), content_type=other)
        assert wrong.status_code == 415
        assert (await fhir.ask("GET", "Task", accept=other)).status_code == 406

    in_every_release(hub, scenario)


def test_what_a_release_does_not_have_is_no_type_there(hub: RunningHub) -> None:
    async def scenario() -> None:
        async with hub.client(R4) as r4, hub.client(R5) as r5:
            assert (await r4.refused("GET", "SubscriptionTopic"))[0] == 404
            assert (await r4.refused("GET", "Transport"))[0] == 404
            assert (await r5.ask("GET", "Transport")).status_code == 200
            assert (await r5.refused("GET", "Media"))[0] == 404
            assert (await r4.ask("GET", "Media")).status_code == 200
            # The class of an Encounter became a list in R5.
            encounter = {
                "resourceType": "Encounter",
                "status": "in-progress",
                "class": {"code": "AMB"},
            }
            assert (await r4.ask("POST", "Encounter", encounter)).status_code == 201
            assert (await r5.refused("POST", "Encounter", encounter))[0] == 400

    asyncio.run(scenario())


def test_the_status_of_each_release_has_its_own_form(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        stored = await fhir.create(a_subscription(fhir.release, channel="websocket"))
        bundle = await fhir.get(f"Subscription/{stored['id']}/$status")
        kind = "Parameters" if fhir.release is R4 else "SubscriptionStatus"
        assert bundle["entry"][0]["resource"]["resourceType"] == kind
        assert "request" not in bundle["entry"][0]
        assert bundle["total"] == 1
        said = status_of(bundle)
        assert (said["type"], said["counter"]) == ("query-status", "0")

    in_every_release(hub, scenario)


def test_an_event_of_encounters_fires_in_every_release(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        patient = fresh("Patient")
        stored = await fhir.create(
            a_subscription(
                fhir.release,
                channel="websocket",
                topic_name="encounter-start",
                filters=[f"Encounter?patient={patient}"],
            )
        )
        coding = {"code": "AMB"}
        encounter = {
            "resourceType": "Encounter",
            "status": "planned",
            "class": [{"coding": [coding]}] if fhir.release is FhirRelease.R5 else coding,
            "subject": {"reference": patient},
        }
        planned = await fhir.create(encounter)
        assert (await fhir.status(stored["id"]))["counter"] == "0"
        await fhir.put(planned | {"status": "in-progress"})
        found = await fhir.get(f"Subscription/{stored['id']}/$events")
        assert status_of(found)["events"][0]["focus"] == f"{fhir.base}/Encounter/{planned['id']}"

    in_every_release(hub, scenario)
