"""The REST interactions and the events that they cause or do not cause."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

import httpx
from hypothesis import given
from hypothesis import strategies as st

from hub.core.release import FhirRelease
from tests.journeys.hosting import (
    Fhir,
    RunningHub,
    fresh,
    in_every_release,
    numbers_of,
    status_of,
)
from tests.support.builders import RELEASES, a_patient, a_subscription, a_task
from tests.support.notification_rules import check_notification

R4: Final = FhirRelease.R4


async def _counting(fhir: Fhir, owner: str) -> str:
    """Create a Subscription that nobody is sent to, and return its id."""
    wanted = a_subscription(
        fhir.release, channel="websocket", content="full-resource", filters=[f"Task?owner={owner}"]
    )
    id: str = (await fhir.create(wanted))["id"]
    return id


async def _methods(fhir: Fhir, id: str) -> list[str]:
    """Return what the events of a Subscription say happened."""
    answer = await fhir.ask("GET", f"Subscription/{id}/$events")
    if not numbers_of(answer.json()):
        return []
    bundle = check_notification(answer.content, fhir.release)
    return [entry["request"]["method"] for entry in bundle["entry"][1:]]


def test_a_put_that_says_the_same_makes_no_version_and_no_event(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await _counting(fhir, owner)
        task = await fhir.create(
            a_task(owner, meta={"tag": [{"code": "a"}]}, note=[{"text": "one"}])
        )
        path = f"Task/{task['id']}"
        first = await fhir.ask("GET", path)
        bare: dict[str, Any] = json.loads(first.content)
        bare["meta"] = {"tag": bare["meta"]["tag"]}
        turned = dict(reversed(bare.items()))
        for same in (json.loads(first.content), bare, turned):
            answer = await fhir.ask("PUT", path, content=json.dumps(same, indent=3).encode())
            assert answer.status_code == 200
            assert answer.headers["etag"] == 'W/"1"'
            assert answer.content == first.content
        other = bare | {"meta": {"tag": [{"code": "b"}]}}
        answer = await fhir.ask("PUT", path, other)
        assert answer.headers["etag"] == 'W/"2"'
        stale = await fhir.ask("PUT", path, other, If_Match='W/"1"')
        assert stale.status_code == 412
        assert await _methods(fhir, id) == ["POST", "PUT"]

    in_every_release(hub, scenario)


def test_another_precision_is_a_change(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await _counting(fhir, owner)
        text = (
            '{"resourceType":"Task","id":"%s","status":"requested","intent":"order",'
            '"owner":{"reference":"%s"},"input":[{"type":{"text":"x"},"valueDecimal":%s}]}'
        )
        name = owner.partition("/")[2]
        for spelled, version in (("1.10", 1), ("1.10", 1), ("1.1", 2), ("1.10", 3), ("1.100", 4)):
            content = (text % (name, owner, spelled)).encode()
            answer = await fhir.ask("PUT", f"Task/{name}", content=content)
            assert answer.status_code in (200, 201), answer.text
            assert answer.headers["etag"] == f'W/"{version}"'
            assert f'"valueDecimal":{spelled}}}' in (await fhir.ask("GET", f"Task/{name}")).text
        assert len(await _methods(fhir, id)) == 4

    in_every_release(hub, scenario)


def test_a_deleted_resource_is_created_again_and_its_versions_go_on(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await _counting(fhir, owner)
        task = await fhir.create(a_task(owner))
        path = f"Task/{task['id']}"
        await fhir.delete(path)
        gone = await fhir.ask("GET", path)
        assert gone.status_code == 410
        await fhir.delete(path)
        await fhir.delete(f"Task/{fresh('x').partition('/')[2]}")
        answer = await fhir.ask("PUT", path, task)
        assert answer.status_code == 201
        assert answer.headers["etag"] == 'W/"3"'
        assert answer.headers["location"] == f"{fhir.base}/{path}/_history/3"
        assert await _methods(fhir, id) == ["POST", "DELETE", "POST"]
        history = await fhir.get(f"{path}/_history")
        methods = [entry["request"]["method"] for entry in history["entry"]]
        assert methods == ["POST", "DELETE", "POST"]
        assert (await fhir.ask("GET", f"{path}/_history/2")).status_code == 410
        assert (await fhir.ask("GET", f"{path}/_history/1")).json()["meta"]["versionId"] == "1"
        assert (await fhir.ask("GET", f"{path}/_history/4")).status_code == 404

    in_every_release(hub, scenario)


def test_a_failed_write_causes_nothing(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await _counting(fhir, owner)
        task = await fhir.create(a_task(owner))
        path = f"Task/{task['id']}"
        wrong = task | {"status": "no-such-status"}
        assert (await fhir.refused("PUT", path, wrong))[0] == 400
        assert (await fhir.refused("PUT", path, task | {"id": "other"}))[0] == 400
        assert (await fhir.refused("PUT", path, a_patient(id=task["id"])))[0] == 400
        accepted = task | {"status": "accepted"}
        assert (await fhir.refused("PUT", path, accepted, If_Match='W/"7"'))[0] == 412
        assert (await fhir.refused("DELETE", path, If_Match='W/"7"'))[0] == 412
        assert await _methods(fhir, id) == ["POST"]
        assert (await fhir.get(path))["meta"]["versionId"] == "1"

    in_every_release(hub, scenario)


def test_of_many_that_update_one_version_one_wins(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await _counting(fhir, owner)
        task = await fhir.create(a_task(owner))
        path = f"Task/{task['id']}"
        answers = await asyncio.gather(
            *(
                fhir.ask("PUT", path, task | {"description": str(n)}, If_Match='W/"1"')
                for n in range(12)
            )
        )
        assert sorted(answer.status_code for answer in answers) == [200, *[412] * 11]
        assert await _methods(fhir, id) == ["POST", "PUT"]

    in_every_release(hub, scenario)


def test_of_many_that_create_the_same_one_creates(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await _counting(fhir, owner)
        identifier = {"system": "http://example.org/orders", "value": owner}
        criterion = f"identifier=http://example.org/orders|{owner}"
        task = a_task(owner, identifier=[identifier])
        answers = await asyncio.gather(
            *(fhir.ask("POST", "Task", task, If_None_Exist=criterion) for _ in range(12))
        )
        assert sorted(answer.status_code for answer in answers) == [*[200] * 11, 201]
        assert len({answer.headers["location"] for answer in answers}) == 1
        await fhir.create(task)
        status, issue = await fhir.refused("POST", "Task", task, If_None_Exist=criterion)
        assert (status, issue["code"]) == (412, "multiple-matches")
        assert await _methods(fhir, id) == ["POST", "POST"]

    in_every_release(hub, scenario)


def test_conditional_reads_and_preferences(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        answer = await fhir.ask("POST", "Patient", a_patient(), Prefer="return=minimal")
        assert answer.status_code == 201
        assert not answer.content
        path = answer.headers["location"].removeprefix(f"{fhir.base}/").partition("/_history")[0]
        read = await fhir.ask("GET", path)
        etag, date = read.headers["etag"], read.headers["last-modified"]
        unchanged = await fhir.ask("GET", path, If_None_Match=etag)
        assert unchanged.status_code == 304
        assert not unchanged.content
        assert (await fhir.ask("GET", path, If_None_Match='W/"9"')).status_code == 200
        assert (await fhir.ask("GET", path, If_Modified_Since=date)).status_code == 304
        answer = await fhir.ask(
            "PUT", path, read.json() | {"active": False}, Prefer="return=OperationOutcome"
        )
        assert answer.json()["resourceType"] == "OperationOutcome"
        head = await fhir.ask("HEAD", path)
        assert head.status_code == 200
        assert not head.content
        assert head.headers["etag"] == 'W/"2"'

    in_every_release(hub, scenario)


def test_a_history_is_walked_page_by_page(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        task = await fhir.create(a_task())
        for n in range(9):
            await fhir.put(task | {"description": str(n)})
        await fhir.delete(f"Task/{task['id']}")
        url: str | None = f"Task/{task['id']}/_history?_count=4"
        seen: list[str] = []
        while url is not None:
            page = await fhir.get(url)
            seen += [entry["response"]["etag"] for entry in page["entry"]]
            assert len(page["entry"]) <= 4
            url = next((x["url"] for x in page["link"] if x["relation"] == "next"), None)
        assert seen == [f'W/"{n}"' for n in range(11, 0, -1)]

    in_every_release(hub, scenario)


def test_an_event_holds_the_very_version_that_caused_it(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        owner = fresh()
        id = await _counting(fhir, owner)
        task = await fhir.create(a_task(owner))
        for n in range(5):
            await fhir.put(task | {"description": str(n)})
        bundle = await fhir.get(f"Subscription/{id}/$events")
        entries = bundle["entry"][1:]
        assert [entry["resource"]["meta"]["versionId"] for entry in entries] == list("123456")
        for entry in entries:
            version = entry["resource"]["meta"]["versionId"]
            assert await fhir.get(f"Task/{task['id']}/_history/{version}") == entry["resource"]
        times = [event["timestamp"] for event in status_of(bundle)["events"]]
        assert times == [entry["resource"]["meta"]["lastUpdated"] for entry in entries]

    in_every_release(hub, scenario)


def test_an_update_that_leaves_the_filter_is_no_event(hub: RunningHub) -> None:
    async def scenario(fhir: Fhir) -> None:
        mine, theirs = fresh(), fresh()
        one, other = await _counting(fhir, mine), await _counting(fhir, theirs)
        task = await fhir.create(a_task(mine))
        moved = await fhir.put(task | {"owner": {"reference": theirs}})
        await fhir.put(moved | {"status": "accepted"})
        await fhir.delete(f"Task/{task['id']}")
        assert await _methods(fhir, one) == ["POST"]
        assert await _methods(fhir, other) == ["PUT", "PUT", "DELETE"]

    in_every_release(hub, scenario)


_BLANKS = st.sampled_from(["", " ", "\n", "\r\n  ", "\t"])
_NUMBERS = st.sampled_from(["0", "1.10", "-0.0", "1e3", "1E+2", "0.000000000000000000010", "7.0"])
_LETTERS = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters='"\\')
_ESCAPES = st.sampled_from(["\\u00e9", "\\n", "\\/", "\\\\", '\\"', "\\ud83d\\ude00"])
_TEXTS = (
    st.lists(_LETTERS | _ESCAPES, min_size=1, max_size=12)
    .map("".join)
    .filter(lambda text: bool(json.loads(f'"{text}"').strip()))
)


@st.composite
def _spelled_tasks(draw: st.DrawFn) -> str:
    """Return the text of a Task in any spelling, with or without id and meta."""

    def blank() -> str:
        return draw(_BLANKS)

    inputs = [
        f'{{"type":{blank()}{{"text":"{draw(_TEXTS)}"}},"valueDecimal":{blank()}{draw(_NUMBERS)}}}'
        for _ in range(draw(st.integers(1, 3)))
    ]
    members = [
        '"resourceType":"Task"',
        f'"status":{blank()}"requested"',
        '"intent":"order"',
        f'"description"{blank()}:"{draw(_TEXTS)}"',
        f'"input":[{blank()}{",".join(inputs)}]',
    ]
    if draw(st.booleans()):
        members.append('"id":"mine"')
    if draw(st.booleans()):
        members.append('"meta":{"tag":[{"code":"x"}]}')
    members = draw(st.permutations(members))
    joined = f",{blank()}".join(members)
    return f"{{{blank()}{joined}{blank()}}}"


@given(text=_spelled_tasks(), release=st.sampled_from(RELEASES))
def test_a_resource_comes_back_as_it_was_sent_but_for_id_and_meta(
    hub: RunningHub, text: str, release: FhirRelease
) -> None:
    with httpx.Client(verify=False, trust_env=False) as http:
        sent = http.post(
            f"{hub.base(release)}/Task",
            content=text.encode(),
            headers={"content-type": "application/fhir+json"},
        )
        assert sent.status_code == 201, sent.text
        read = http.get(sent.headers["location"].partition("/_history")[0])
    assert read.content == sent.content
    stored = read.json()
    id, meta = json.dumps(stored["id"]), read.text[read.text.index('"meta"') :]
    meta = meta[: meta.index('Z"}') + 3]
    without = read.text
    if '"id":"mine"' in text:
        without = without.replace(f'"id":{id}', '"id":"mine"')
    else:
        without = without.replace(f',"id":{id}', "")
    if '"meta"' in text:
        assert stored["meta"]["tag"] == [{"code": "x"}]
        without = without.replace(meta, '"meta":{"tag":[{"code":"x"}]}')
    else:
        without = without.replace(f",{meta}", "")
    assert without == text
