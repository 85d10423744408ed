"""Messages over real sockets: hubs tell hubs, orders come in."""

from __future__ import annotations

import asyncio

import pytest

from hub.codecs.xml_reader import read_xml
from hub.core.release import FhirRelease, Resource
from tests.journeys.hosting import Fhir, RunningHub, fresh, in_every_release, numbers_of
from tests.journeys.messaging import all_delivered, both, subscribed
from tests.support.builders import a_task
from tests.support.endpoints import Endpoint
from tests.support.messages import a_header, a_message, an_order, read_answer
from tests.support.notification_rules import check_model, check_notification

R4 = FhirRelease.R4


async def found(fhir: Fhir, query: str) -> list[Resource]:
    bundle = await fhir.get(query)
    return [entry["resource"] for entry in bundle.get("entry", [])]


@pytest.mark.parametrize("whole", [False, True])
def test_a_hub_tells_a_hub_whose_subscribers_hear_of_it(
    hub: RunningHub, other: RunningHub, whole: bool
) -> None:
    async def scenario(here: Fhir) -> None:
        owner = f"https://lab.example.org/fhir/{fresh()}"
        filters = [f"Task?owner={owner}"]
        async with other.client(here.release) as there, Endpoint() as endpoint:
            local = await there.subscribed(endpoint, filters=filters, content="full-resource")
            target = f"{there.base}/$process-message" if whole else there.base
            id = await subscribed(here, target, filters=filters)
            task = await here.create(a_task(owner))
            await endpoint.wait_for(2)
            await here.put(task | {"status": "accepted"})
            await endpoint.wait_for(3)
            await here.delete(f"Task/{task['id']}")
            received = await endpoint.wait_for(4)
            bundles = [check_notification(each.body, here.release) for each in received[1:]]
            assert [numbers_of(bundle) for bundle in bundles] == [[1], [2], [3]]
            methods = [bundle["entry"][1]["request"]["method"] for bundle in bundles]
            assert methods == ["POST", "PUT", "DELETE"]
            copy = bundles[1]["entry"][1]["resource"]
            assert copy["status"] == "accepted"
            assert copy["meta"]["source"] == f"{here.base}/Task/{task['id']}"
            await all_delivered(here, id, 3)
            assert (await there.status(local["id"]))["counter"] == "3"

    in_every_release(hub, scenario)


def test_a_message_that_comes_again_has_no_second_effect(
    hub: RunningHub, other: RunningHub
) -> None:
    async def scenario(here: Fhir) -> None:
        owner = f"https://lab.example.org/fhir/{fresh()}"
        async with other.client(here.release) as there, Endpoint() as endpoint:
            id = await subscribed(here, endpoint.url, filters=[f"Task?owner={owner}"])
            await here.create(a_task(owner))
            _, told = await endpoint.wait_for(2)
            path = "$process-message"
            first = await there.ask("POST", path, content=told.body)
            again = await there.ask("POST", path, content=told.body)
            assert first.status_code == 200, first.text
            assert first.content == again.content
            assert read_answer(first.content) == ("ok", None)
            (copy,) = await found(there, f"Task?owner={owner}")
            assert copy["meta"]["versionId"] == "1"
            await here.delete(f"Subscription/{id}")

    in_every_release(hub, scenario)


def test_messages_go_and_come_in_xml(hub: RunningHub, other: RunningHub) -> None:
    async def scenario(here: Fhir) -> None:
        owner = f"https://lab.example.org/fhir/{fresh()}"
        filters = [f"Task?owner={owner}"]
        async with other.client(here.release) as there, Endpoint() as endpoint:
            for target in (there.base, endpoint.url):
                await subscribed(here, target, filters=filters, payload="application/fhir+xml")
            task = await here.create(a_task(owner))
            _, told = await endpoint.wait_for(2)
            message = read_xml(told.body, here.release).value
            assert [each["resource"]["resourceType"] for each in message["entry"]] == [
                "MessageHeader",
                "Bundle",
            ]
            answer = await there.ask(
                "POST",
                "$process-message",
                content=told.body,
                content_type="application/fhir+xml",
                accept="application/fhir+xml",
            )
            assert answer.status_code == 200, answer.text
            said = read_xml(answer.content, here.release).value
            assert said["entry"][0]["resource"]["response"]["code"] == "ok"
            (copy,) = await found(there, f"Task?owner={owner}")
            assert copy["meta"]["source"] == f"{here.base}/Task/{task['id']}"

    in_every_release(hub, scenario)


def test_two_hubs_that_tell_each_other_everything_come_to_rest(
    hub: RunningHub, other: RunningHub
) -> None:
    async def scenario() -> None:
        async with both(hub, other, R4) as (here, there):
            back = await subscribed(there, here.base, topic_name="any-change")
            forth = await subscribed(here, there.base, topic_name="any-change")
            task = await here.create(a_task())
            await all_delivered(there, back, 1)
            await here.put(task | {"status": "accepted"})
            await all_delivered(there, back, 2)
            (copy,) = await found(
                there, "Task?status=accepted&_source=" + f"{here.base}/Task/{task['id']}"
            )
            # What the other hub changes of its own copy stays there.
            await there.put(copy | {"status": "rejected"})
            await all_delivered(there, back, 3)
            assert (await here.get(f"Task/{task['id']}"))["status"] == "accepted"
            assert (await here.status(forth))["counter"] == "2"
            assert (await there.status(back))["counter"] == "3"
            await here.delete(f"Subscription/{forth}")
            await there.delete(f"Subscription/{back}")

    asyncio.run(scenario())


def test_an_order_that_comes_in_is_heard_of(other: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        sender = f"https://placer-{fhir.release.path}.example.org/fhir"
        async with Endpoint() as messages, Endpoint() as tasks:
            await fhir.subscribed(
                messages,
                topic_name="message-received",
                filters=[
                    "MessageHeader?event=http://hl7.org/fhir/uv/cow/CodeSystem/temp|new-order"
                ],
                content="full-resource",
            )
            await fhir.subscribed(
                tasks, topic_name="task-activity", filters=["Task?status=requested,accepted"]
            )
            order = an_order(fhir.release, number=fresh(), source=sender)
            answers = [await fhir.ask("POST", "$process-message", order) for _ in range(2)]
            assert answers[0].content == answers[1].content
            assert read_answer(answers[0].content) == ("ok", None)
            first, second = order["entry"][:2]
            second["resource"]["status"] = "accepted"
            first["resource"] |= a_header(fhir.release, "m2", event="order-update", source=sender)
            answer = await fhir.ask("POST", "$process-message", order)
            assert read_answer(answer.content) == ("ok", None)
            received = [
                check_notification(each.body, fhir.release) for each in await tasks.wait_for(3)
            ]
            assert [numbers_of(each) for each in received] == [[], [1], [2]]
            _, message = await messages.wait_for(2)
            bundle = check_notification(message.body, fhir.release)
            header, task = (entry["resource"] for entry in bundle["entry"][1:])
            assert header["focus"] == [{"reference": f"Task/{task['id']}"}]
            assert task["status"] == "requested"
            assert len(messages.received) == 2

    in_every_release(other, scenario)


def test_what_is_wrong_with_a_message_is_answered_by_a_message(other: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        wrong = a_message(a_header(fhir.release), ("urn:uuid:t", a_task(status="unheard-of")))
        answer = await fhir.ask("POST", "$process-message", wrong)
        assert answer.status_code == 400
        code, outcome = read_answer(answer.content)
        check_model(answer.json(), fhir.release)
        assert code == "fatal-error"
        assert outcome is not None
        assert outcome["issue"][0]["expression"] == ["Bundle.entry[1].resource.status"]

    in_every_release(other, scenario)


def test_a_base_says_that_it_takes_messages(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        statement = await fhir.get("metadata")
        (messaging,) = statement["messaging"]
        (endpoint,) = messaging["endpoint"]
        assert endpoint["address"] == f"{fhir.base}/$process-message"
        names = [each["name"] for each in statement["rest"][0]["operation"]]
        assert "process-message" in names
        answer = await fhir.ask("POST", endpoint["address"], an_order(fhir.release, number=fresh()))
        assert answer.status_code == 200

    in_every_release(hub, scenario)
