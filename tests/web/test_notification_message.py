"""Notifications of other hubs at ``$process-message``: what of them is kept, and only once."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from hub.codecs.validation import Validator
from hub.core.change import Interaction
from hub.core.notification import NotificationType, NumberedEvent, build_notification
from hub.core.release import FhirRelease, Resource
from hub.core.subscription import PayloadContent
from hub.core.task_table import parse_task_guard
from hub.engine.guards import Guards
from tests.support.messages import PLACER, a_header, a_message, at, identified, read_answer
from tests.support.notifications import CODECS, NOON, a_notification, a_version
from tests.support.subscriptions import a_subscription
from tests.web.messaging import SUBSCRIPTION, counted, kept, one, refused, sent
from tests.web.site import BASE, Site, a_site, run

R4 = FhirRelease.R4
RELEASES = pytest.mark.parametrize("release", FhirRelease)
FAR = "https://far.example.org/fhir"
FULL = PayloadContent.FULL_RESOURCE


def carried(
    release: FhirRelease,
    kind: NotificationType = NotificationType.EVENT_NOTIFICATION,
    content: PayloadContent = FULL,
) -> Resource:
    """Return the story's notification as a hub elsewhere sends it."""
    notification = a_notification(release, kind, content)
    message: Resource = json.loads(CODECS[release].encode_message(notification, FAR, BASE))
    return message


def told(
    release: FhirRelease, *events: NumberedEvent, content: PayloadContent = FULL, base: str = FAR
) -> Resource:
    """Return a notification of these events."""
    notification = build_notification(
        a_subscription(release, content=content),
        NotificationType.EVENT_NOTIFICATION,
        total=events[-1].number,
        timestamp=NOON,
        events=events,
    )
    message: Resource = json.loads(CODECS[release].encode_message(notification, base, BASE))
    return message


def event(
    number: int, body: Resource, release: FhirRelease = R4, interaction: Interaction | None = None
) -> NumberedEvent:
    """Return an event about a resource."""
    kind, id = body["resourceType"], body["id"]
    version = a_version(release, f"{kind}/{id}", number, interaction or Interaction.UPDATE)
    if version.body is not None:
        version = version._replace(body=json.dumps(body).encode())
    return NumberedEvent(number=number, timestamp=NOON, focus=version)


def a_task(status: str = "requested", id: str = "7", **more: object) -> Resource:
    return {"resourceType": "Task", "id": id, "status": status, "intent": "order", **more}


async def told_of(site: Site, id: str) -> list[int]:
    """Return the numbers of the events that a Subscription of the site has had so far."""
    path = f"Subscription/{id}/$events?content=id-only"
    bundle = (await site.ask("GET", path)).json()
    parts = [
        {part["name"]: part for part in parameter["part"]}
        for parameter in bundle["entry"][0]["resource"]["parameter"]
        if parameter["name"] == "notification-event"
    ]
    return [int(part["event-number"]["valueString"]) for part in parts]


@RELEASES
def test_the_resources_of_a_notification_are_kept_as_changes_in_its_order(
    release: FhirRelease,
) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            first = await sent(site, carried(release), release)
            task, patient = await one(site, "Task", release), await one(site, "Patient", release)
            assert task["meta"]["source"] == f"{FAR}/Task/1"
            assert task["meta"]["versionId"] == "1"
            assert patient["meta"]["source"] == f"{FAR}/Patient/ann"
            assert await kept(site, "MessageHeader", release) == []
            receipts = await kept(site, "AuditEvent", release)
            assert len(receipts) == 3
            for receipt in receipts:
                Validator(release).check(receipt)
            details = [each["entity"][0]["detail"][0]["valueString"] for each in receipts]
            assert details == ["2", "3", "4"]
            assert [each["entity"][1]["what"]["reference"] for each in receipts] == [
                f"{FAR}/Task/1",
                f"{FAR}/Task/1",
                f"{FAR}/Task/2",
            ]
            before = await counted(site, release)
            assert (await sent(site, carried(release), release)).content == first.content
            assert await counted(site, release) == before

    run(scenario())


@RELEASES
@pytest.mark.parametrize("content", [PayloadContent.EMPTY, PayloadContent.ID_ONLY])
def test_without_resources_only_the_arrival_is_kept(
    release: FhirRelease, content: PayloadContent
) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            message = carried(release, NotificationType.EVENT_NOTIFICATION, content)
            await sent(site, message, release)
            found = await counted(site, release)
            assert len(found.pop("AuditEvent")) == 3
            assert not any(found.values())

    run(scenario())


@RELEASES
@pytest.mark.parametrize(
    "kind",
    [NotificationType.HANDSHAKE, NotificationType.HEARTBEAT, NotificationType.QUERY_STATUS],
)
def test_a_handshake_or_heartbeat_is_answered_and_leaves_nothing(
    release: FhirRelease, kind: NotificationType
) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await sent(site, carried(release, kind), release)
            assert not any((await counted(site, release)).values())

    run(scenario())


def test_a_local_topic_fires_for_each_state_that_came() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await site.rig.update("sub", filters=())
            states = [a_task("requested"), a_task("accepted"), a_task("completed")]
            events = [event(number, state) for number, state in enumerate(states, 1)]
            await sent(site, told(R4, *events))
            history = (
                await site.ask("GET", f"Task/{(await one(site, 'Task'))['id']}/_history")
            ).json()
            statuses = [entry["resource"]["status"] for entry in history["entry"]]
            assert statuses == ["completed", "accepted", "requested"]
            assert await told_of(site, "sub") == [1, 2, 3]

    run(scenario())


def test_a_step_that_the_guard_forbids_keeps_the_whole_notification_out() -> None:
    table = {"rules": [{"transitions": {"requested": ["accepted"]}}]}

    async def scenario() -> None:
        async with a_site(guards=Guards(tasks=parse_task_guard(table))) as site:
            await site.rig.update("sub", filters=())
            states = [a_task("requested"), a_task("accepted"), a_task("completed")]
            events = [event(number, state) for number, state in enumerate(states, 1)]
            found = await refused(site, told(R4, *events), 422, "transition-not-allowed")
            assert "is accepted and may not become completed" in found["diagnostics"]
            assert not any((await counted(site)).values())
            assert await told_of(site, "sub") == []
            await sent(site, told(R4, *events[:2]))
            assert await told_of(site, "sub") == [1, 2]

    run(scenario())


def test_an_event_counts_once_whatever_message_it_comes_in() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            one_two = [event(1, a_task("requested")), event(2, a_task("accepted"))]
            await sent(site, told(R4, *one_two))
            three = event(3, a_task("completed"))
            await sent(site, told(R4, one_two[1], three))
            # An old event that comes late, alone, must not undo what followed.
            await sent(site, told(R4, one_two[0]))
            task = await one(site, "Task")
            assert (task["status"], task["meta"]["versionId"]) == ("completed", "3")
            assert len(await kept(site, "AuditEvent")) == 3
            # The same number of another sender is another event.
            await sent(site, told(R4, event(1, a_task("failed", id="8")), base=PLACER))
            assert len(await kept(site, "Task")) == 2

    run(scenario())


def test_a_deletion_takes_the_copy_away_and_nothing_else() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            await site.ask("PUT", "Task/7", a_task("draft"))
            await sent(site, told(R4, event(1, a_task())))
            assert len(await kept(site, "Task")) == 2
            gone = event(2, a_task(), interaction=Interaction.DELETE)
            await sent(site, told(R4, gone, content=FULL))
            assert (await one(site, "Task"))["id"] == "7"
            await sent(site, told(R4, event(3, a_task(id="never"), interaction=Interaction.DELETE)))
            await sent(site, told(R4, event(4, a_task("accepted"))))
            assert len(await kept(site, "Task")) == 2

    run(scenario())


def test_what_comes_back_to_where_it_came_from_changes_nothing() -> None:
    """Two hubs that tell each other everything would run in circles otherwise."""

    async def scenario() -> None:
        async with a_site() as site:
            await site.ask("PUT", "Task/7", a_task("completed"))
            stale = a_task("requested", id="copy") | {"meta": {"source": f"{BASE}/Task/7"}}
            await sent(site, told(R4, event(1, stale)))
            await sent(site, told(R4, event(1, a_task("requested")), base=BASE))
            gone = event(2, a_task(), interaction=Interaction.DELETE)
            await sent(site, told(R4, gone, base=BASE))
            task = await one(site, "Task")
            assert (task["id"], task["status"]) == ("7", "completed")
            # What a hub passes on keeps the name under which it was kept first.
            passed = a_task("requested", id="x") | {"meta": {"source": f"{PLACER}/Task/9"}}
            await sent(site, told(R4, event(3, passed)))
            await sent(site, told(R4, event(9, a_task("accepted", id="9")), base=PLACER))
            (_, copy) = await kept(site, "Task")
            assert (copy["status"], copy["meta"]["source"]) == ("accepted", f"{PLACER}/Task/9")

    run(scenario())


def test_what_is_known_by_its_identifier_is_updated_where_it_is() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            own = identified("Task", "1", status="requested", intent="order", id="mine")
            await site.ask("PUT", "Task/mine", own)
            far = own | {"id": "theirs", "status": "accepted", "for": at("Patient/3")}
            await sent(site, told(R4, event(1, far)))
            task = await one(site, "Task")
            assert (task["id"], task["status"]) == ("mine", "accepted")
            assert task["for"] == at(f"{FAR}/Patient/3")

    run(scenario())


def _status(message: Resource) -> Resource:
    status: Resource = message["entry"][1]["resource"]["entry"][0]["resource"]
    return status


def _drop(name: str) -> Callable[[Resource], None]:
    def change(message: Resource) -> None:
        status = _status(message)
        status["parameter"] = [each for each in status["parameter"] if each["name"] != name]

    return change


def _numbered(text: str) -> Callable[[Resource], None]:
    def change(message: Resource) -> None:
        for parameter in _status(message)["parameter"]:
            for part in parameter.get("part", []):
                if part["name"] == "event-number":
                    part["valueString"] = text

    return change


def _beside(message: Resource) -> None:
    message["entry"].append({"fullUrl": "urn:uuid:p", "resource": {"resourceType": "Patient"}})


def _subscription(message: Resource) -> None:
    message["entry"][1]["resource"]["entry"][1]["resource"] = SUBSCRIPTION


INNER = "Bundle.entry[1].resource"
WRONG: dict[str, tuple[Callable[[Resource], None], int, str]] = {
    "no type": (_drop("type"), 400, f"{INNER}.entry[0].resource"),
    "no Subscription": (_drop("subscription"), 400, f"{INNER}.entry[0].resource"),
    "no number": (_numbered("first"), 400, f"{INNER}.entry[0].resource"),
    "a negative number": (_numbered("-1"), 400, f"{INNER}.entry[0].resource"),
    "something beside it": (_beside, 400, "Bundle.entry"),
    "a Subscription in it": (_subscription, 422, f"{INNER}.entry[1].resource"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_notification_is_fatal_and_nothing_of_it_is_kept(name: str) -> None:
    change, status, expression = WRONG[name]
    message = told(R4, event(1, a_task()))
    change(message)

    async def scenario() -> None:
        async with a_site() as site:
            slug = "invalid-resource" if status == 400 else "unprocessable"
            found = await refused(site, message, status, slug)
            assert found["expression"] == [expression]
            assert not any((await counted(site)).values())

    run(scenario())


def test_all_of_a_notification_is_kept_or_nothing() -> None:
    bad = a_task(id="8") | {"for": at("urn:uuid:nobody")}

    async def scenario() -> None:
        async with a_site() as site:
            message = told(R4, event(1, a_task()), event(2, bad))
            await refused(site, message, 400, "unresolved-reference")
            assert not any((await counted(site)).values())

    run(scenario())


def test_a_logical_reference_names_the_subscription_and_relative_ones_the_entries() -> None:
    message = told(R4, event(1, a_task()))
    for parameter in _status(message)["parameter"]:
        if parameter["name"] == "subscription":
            parameter["valueReference"] = {"identifier": {"system": "urn:x", "value": "1"}}
        for part in parameter.get("part", []):
            if part["name"] == "focus":
                part["valueReference"] = at("Task/7")

    async def scenario() -> None:
        async with a_site() as site:
            await sent(site, message)
            assert (await one(site, "Task"))["meta"]["source"] == f"{FAR}/Task/7"
            entity = (await one(site, "AuditEvent"))["entity"]
            assert entity[0]["what"]["identifier"]["value"] == "1"
            assert entity[1]["what"] == {"display": "Task/7"}
            # The same event by another name of the Subscription is not known.
            await sent(site, told(R4, event(1, a_task("accepted"))))
            assert len(await kept(site, "AuditEvent")) == 2

    run(scenario())


def test_an_entry_without_a_resource_shows_nothing_unless_it_is_a_deletion() -> None:
    message = told(R4, event(1, a_task()))
    del message["entry"][1]["resource"]["entry"][1]["resource"]

    async def scenario() -> None:
        async with a_site() as site:
            await sent(site, message)
            assert await kept(site, "Task") == []
            assert len(await kept(site, "AuditEvent")) == 1

    run(scenario())


def test_a_focus_that_could_be_two_entries_is_neither() -> None:
    message = told(R4, event(1, a_task()))
    entries = message["entry"][1]["resource"]["entry"]
    entries[1]["fullUrl"] = f"{PLACER}/Task/7"
    entries.append(entries[1] | {"fullUrl": "https://lab.example.org/fhir/Task/7"})

    async def scenario() -> None:
        async with a_site() as site:
            await sent(site, message)
            assert await kept(site, "Task") == []
            del entries[2]
            message["entry"][0]["resource"]["source"]["endpoint"] = PLACER
            await sent(site, message)
            assert (await one(site, "Task"))["meta"]["source"] == f"{PLACER}/Task/7"

    run(scenario())


def test_a_history_that_is_no_notification_is_a_resource_like_others() -> None:
    bundle = {"resourceType": "Bundle", "type": "history"}
    message = a_message(a_header(R4, focus="urn:uuid:b"), ("urn:uuid:b", bundle))

    async def scenario() -> None:
        async with a_site() as site:
            answer = await sent(site, message)
            assert read_answer(answer.content) == ("ok", None)
            stored = await one(site, "Bundle")
            assert (await one(site, "MessageHeader"))["focus"] == [at(f"Bundle/{stored['id']}")]

    run(scenario())
