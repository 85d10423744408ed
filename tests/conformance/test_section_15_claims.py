"""What the server claims in its CapabilityStatement, and that it is so."""

from __future__ import annotations

from hub.core.release import Resource
from tests.conformance.item import BACKPORTED, R4, R4B, R5, SHALL, item
from tests.conformance.story import told
from tests.journeys.hosting import Fhir, fresh
from tests.support.builders import BACKPORT, a_subscription, a_task, topic
from tests.support.endpoints import Endpoint, Received
from tests.support.notification_rules import check_model, read_status
from tests.support.subscription_changes import channel, extension

GUIDE = BACKPORT.removesuffix("/StructureDefinition")
REQUIREMENTS = {
    R4: f"{GUIDE}/CapabilityStatement/backport-subscription-server-r4",
    R4B: f"{GUIDE}/CapabilityStatement/backport-subscription-server",
}
DISCOVERY = f"{BACKPORT}/capabilitystatement-subscriptiontopic-canonical"
SUBSCRIPTION_SEARCHES = (
    *("contact", "content-level", "filter-value", "identifier", "name", "owner"),
    *("payload", "status", "topic", "type", "url"),
)
TOPIC_SEARCHES = (
    *("date", "derived-or-self", "identifier", "resource", "status", "title"),
    *("trigger-description", "url", "version"),
)


async def _entry(fhir: Fhir, name: str) -> Resource:
    statement = await fhir.get("metadata")
    (rest,) = statement["rest"]
    assert rest["mode"] == "server"
    (entry,) = [each for each in rest["resource"] if each["type"] == name]
    found: Resource = entry
    return found


def _codes(entry: Resource) -> set[str]:
    return {each["code"] for each in entry["interaction"]}


def _searches(entry: Resource) -> dict[str, str]:
    return {each["name"]: each["definition"] for each in entry["searchParam"]}


@item("15.1", SHALL)
async def test_15_1_subscriptions_topics_status_channels_and_payloads_are_offered(
    fhir: Fhir,
) -> None:
    entry = await _entry(fhir, "Subscription")
    assert {"read", "create", "update", "delete"} <= _codes(entry)
    assert "status" in [each["name"] for each in entry["operation"]]
    if fhir.release is not R4:
        assert {"read", "search-type"} <= _codes(await _entry(fhir, "SubscriptionTopic"))
    endpoints = {
        "rest-hook": "http://127.0.0.1:9/hook",
        "websocket": None,
        "email": "mailto:ward@example.org",
        "message": "http://127.0.0.1:9/fhir",
    }
    for kind, endpoint in endpoints.items():
        for content in ("empty", "id-only", "full-resource"):
            stored = await fhir.create(
                a_subscription(
                    fhir.release,
                    channel=kind,
                    endpoint=endpoint,
                    content=content,
                    payload="text/plain" if kind == "email" else "application/fhir+json",
                    status="off",
                )
            )
            assert (await fhir.status(stored["id"]))["status"] == "off"


@item("15.2", SHALL, BACKPORTED)
async def test_15_2_the_statement_names_requirements_and_profile(fhir: Fhir) -> None:
    statement = await fhir.get("metadata")
    assert REQUIREMENTS[fhir.release] in statement["instantiates"]
    entry = await _entry(fhir, "Subscription")
    assert f"{BACKPORT}/backport-subscription" in entry["supportedProfile"]
    assert statement["fhirVersion"] == fhir.release.full_version


@item("15.3", SHALL, BACKPORTED)
async def test_15_3_the_canonical_is_that_of_the_artifact(fhir: Fhir) -> None:
    statement = await fhir.get("metadata")
    assert REQUIREMENTS[fhir.release] in statement["instantiates"]
    assert not any(each.endswith("SubscriptionServer") for each in statement["instantiates"])


@item("15.4", SHALL, BACKPORTED)
async def test_15_4_what_the_requirements_list_is_listed_and_works(fhir: Fhir) -> None:
    entry = await _entry(fhir, "Subscription")
    searches = _searches(entry)
    assert searches["url"] == "http://hl7.org/fhir/SearchParameter/Subscription-url"
    assert "status" in searches
    operations = {each["name"]: each["definition"] for each in entry["operation"]}
    for name in ("status", "events", "get-ws-binding-token"):
        definition = f"{GUIDE}/OperationDefinition/backport-subscription-{name}"
        assert operations[name] == definition
    endpoint = f"http://127.0.0.1:9/{fresh('hook')}"
    stored = await fhir.create(a_subscription(fhir.release, endpoint=endpoint, status="off"))
    found = await fhir.get(f"Subscription?url={endpoint}&status=off")
    assert [each["resource"]["id"] for each in found["entry"]] == [stored["id"]]
    basic = await _entry(fhir, "Basic")
    assert {"read", "create", "update", "delete"} <= _codes(basic)
    # The requirements say clinical-code, which in R4 and R4B does not cover Basic.
    assert _searches(basic)["code"] == "http://hl7.org/fhir/SearchParameter/Basic-code"


@item("15.5", SHALL, (R4B,))
async def test_15_5_topics_are_found_as_the_requirements_list(fhir: Fhir) -> None:
    entry = await _entry(fhir, "SubscriptionTopic")
    searches = set(_searches(entry))
    assert {"url", "derived-or-self", "resource", "title", "trigger-description"} <= searches
    for query in (
        f"url={topic('task-activity')}",
        f"derived-or-self={topic('task-activity')}",
        "title=Task%20activity",
    ):
        found = await fhir.get(f"SubscriptionTopic?{query}")
        urls = [each["resource"]["url"] for each in found.get("entry", [])]
        assert topic("task-activity") in urls, query
    for query in ("resource=Encounter", "trigger-description=An%20Encounter"):
        found = await fhir.get(f"SubscriptionTopic?{query}")
        urls = [each["resource"]["url"] for each in found["entry"]]
        assert topic("encounter-start") in urls, query
        assert topic("task-activity") not in urls, query


@item("15.6", SHALL, BACKPORTED)
async def test_15_6_what_must_be_supported_is_read_and_produced(fhir: Fhir) -> None:
    owner = fresh()
    async with Endpoint() as endpoint:
        stored = await fhir.subscribed(
            endpoint, content="id-only", filters=[f"Task?owner={owner}"], payload="application/json"
        )
        assert stored["criteria"] == topic("task-activity")
        await fhir.create(a_task(fresh()))
        await fhir.create(a_task(owner))
        _, event = await endpoint.wait_for(2)
        said = told(event, fhir.release)
        assert (said["type"], said["counter"]) == ("event-notification", "1")
        assert said["events"][0]["focus"]
    custom = a_subscription(fhir.release, endpoint="http://127.0.0.1:9/hook")
    coding = {"system": "http://example.org/channels", "code": "pigeon"}
    extension("channel._type", f"{BACKPORT}/backport-channel-type", valueCoding=coding)(custom)
    assert (await fhir.refused("POST", "Subscription", custom))[0] == 422


@item("15.7", SHALL, (R5,))
async def test_15_7_r5_is_searched_by_its_own_parameters(fhir: Fhir) -> None:
    searches = _searches(await _entry(fhir, "Subscription"))
    assert set(SUBSCRIPTION_SEARCHES) <= set(searches)
    assert set(TOPIC_SEARCHES) <= set(_searches(await _entry(fhir, "SubscriptionTopic")))
    value = fresh("x").partition("/")[2]
    wanted = a_subscription(
        R5,
        endpoint=f"http://127.0.0.1:9/{value}",
        filters=[f"Task?owner=Organization/{value}"],
        status="off",
        name=value,
        identifier=[{"system": "http://example.org/s", "value": value}],
        contact=[{"system": "email", "value": f"{value}@example.org"}],
    )
    stored = await fhir.create(wanted)
    mine = f"identifier=http://example.org/s|{value}"
    for query in (
        f"topic={topic('task-activity')}",
        "status=off",
        "type=rest-hook",
        "payload=application/fhir%2Bjson",
        "content-level=id-only",
        f"name={value}",
        f"url=http://127.0.0.1:9/{value}",
        f"filter-value=Organization/{value}",
        f"contact={value}@example.org",
    ):
        found = await fhir.get(f"Subscription?{mine}&{query}")
        ids = [each["resource"]["id"] for each in found.get("entry", [])]
        assert ids == [stored["id"]], query


@item("15.8", SHALL, (R4,))
async def test_15_8_what_the_r4_test_kit_asks_for_holds(fhir: Fhir) -> None:
    entry = await _entry(fhir, "Subscription")
    listed = [each["valueCanonical"] for each in entry["extension"] if each["url"] == DISCOVERY]
    owner = fresh()
    payload = "application/fhir+json"
    async with Endpoint() as endpoint:
        wanted = a_subscription(
            R4, endpoint=endpoint.url, content="full-resource", filters=[f"Task.owner={owner}"]
        )
        assert wanted["criteria"] in listed
        created = await fhir.create(wanted)
        assert created["status"] == "requested"
        await fhir.until(created["id"], "active")
        await fhir.create(a_task(owner))
        handshake, event = await endpoint.wait_for(2)
        assert told(handshake, R4)["status"] == "requested"
        assert told(event, R4)["status"] == "active"
        assert all(_kind_of(each).startswith(payload) for each in (handshake, event))
        bundle = await fhir.get(f"Subscription/{created['id']}/$status")
        check_model(bundle, R4)
        status = read_status(bundle["entry"][0]["resource"])
        assert status["subscription"].split("/")[-1] == created["id"]
        assert len(endpoint.received) == 2
    for change in (
        channel("payload", "application/x-nonsense"),
        channel("endpoint", "not a url"),
        channel("type", "sms"),
        extension("_criteria", f"{BACKPORT}/backport-filter-criteria", valueString="x=y"),
    ):
        wrong = a_subscription(R4, endpoint="http://127.0.0.1:9/hook")
        change(wrong)
        assert (await fhir.refused("POST", "Subscription", wrong))[0] in (400, 422)


def _kind_of(received: Received) -> str:
    return received.header("content-type") or ""
