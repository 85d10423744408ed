"""Requests taken in by a process of their own: the same answers, whichever process dies."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.core.client import Client
from hub.core.registered_client import RegisteredClient, digest_of
from tests.journeys.hosting import RunningHub, running_hub
from tests.journeys.test_delivery_process import children_of, is_running
from tests.support.processes import LOCAL, PATIENCE, HubProcess, a_hub, session, start_hub, until
from tests.support.subscribed import Subscribed
from tests.support.writers import FHIR_JSON

LAB = "Organization/lab"
TOKEN = "token-of-the-laboratory"  # of nobody but this test
CLIENTS = (RegisteredClient(Client(name="lab"), digest_of(TOKEN)),)
FROM_WEB = re.compile(r"[0-9a-f]+w-\d+")
DIFFERENT = re.compile(
    rb"(?im)^(date|last-modified|x-request-id): [^\r]*"
    rb"|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    rb"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z"
)
"""What two hubs say differently: when it was, and ids that they draw."""


@pytest.fixture(scope="module", params=[None, CLIENTS], ids=["for everybody", "for clients"])
def hubs(request: pytest.FixtureRequest) -> Iterator[tuple[RunningHub, RunningHub]]:
    """Return a hub of one process and one of three."""
    same = {"public_url": "http://hub.example", "clients": request.param, "max_body": 5000}
    with ExitStack() as stack:
        one = stack.enter_context(running_hub(**same))
        yield one, stack.enter_context(running_hub(processes=3, **same))


def a_request(
    method: str, path: str, body: bytes, headers: dict[str, str], *, chunked: bool = False
) -> bytes:
    """Return a request."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {each}" for name, each in headers.items())]
    if chunked:
        lines.append("transfer-encoding: chunked")
        body = (b"%x\r\n" % len(body) + body + b"\r\n" if body else b"") + b"0\r\n\r\n"
    elif body or method in ("PUT", "POST", "PATCH"):
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def patient(id: str | None = "a", **more: Any) -> bytes:
    """Return a Patient."""
    return json.dumps({"resourceType": "Patient"} | ({"id": id} if id else {}) | more).encode()


TRANSACTION = json.dumps(
    {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [
            {
                "resource": json.loads(patient("b", active=True)),
                "request": {"method": "PUT", "url": "Patient/b"},
            }
        ],
    }
).encode()
BODIES = st.sampled_from(
    [
        patient(),
        patient(active=True),
        patient(birthDate="1970-01-01"),
        patient(None),
        patient("b"),
        patient(extension=[{"url": "http://x", "valueDecimal": 1.5}]),
        patient().replace(b"}", b',"extension":[{"url":"http://x","valueDecimal":1.50e2}]}'),
        patient(nonsense=1, gender="x"),
        patient(birthDate="yesterday"),
        patient(contact=[{"name": {"text": "\u00e4\u20ac\U0001f600"}}]),
        b"",
        b"{",
        b"[]",
        b'{"resourceType":"Patient","id":"a","id":"a"}',
        b'{"resourceType":"Patient","x":"\\ud800"}',
        b"\xff",
        b'{"resourceType":"Task"}',
        b'{"resourceType":"Basic","id":"a","code":{"text":"x"}}',
        b'<Patient xmlns="http://hl7.org/fhir"><id value="a"/><active value="true"/></Patient>',
        b'[{"op":"add","path":"/active","value":true}]',
        b'{"resourceType":"Subscription","id":"a"}',
        patient(text={"status": "generated", "div": "<div>" + "x" * 6000 + "</div>"}),
        TRANSACTION,
    ]
)
PATHS = st.sampled_from(
    [
        *("/Patient/a", "/Patient/a", "/Patient/a", "/Patient", "/Patient/b"),
        *("/Patient/a?_pretty=true", "/Patient/a?_format=xml", "/Patient/a?access_token=x"),
        *("/Basic/a", "/Basic", "/Subscription/a", "/Nothing/a", "/Patient/_", "/Patient/a/b"),
        *("", "/metadata?_elements=status", "/Patient/a/_history", "/Patient/a/_history/1"),
        *("/Patient?active=true", "/Patient/_search", "/Patient/$validate", "/Task/%61"),
        *("/OperationDefinition/a", "/SubscriptionTopic/a", "/Patient/a?%ff=1"),
    ]
)
TYPES = st.sampled_from(
    [
        *("application/fhir+json",) * 4,
        *("application/json", "application/fhir+xml", "text/plain", "application/json-patch+json"),
        "application/fhir+json; fhirVersion=3.0",
    ]
)
HEADERS = st.fixed_dictionaries(
    {
        "host": st.sampled_from(["127.0.0.1"] * 5 + ["hub.example", "elsewhere.example"]),
        "content-type": TYPES,
        "authorization": st.sampled_from([f"Bearer {TOKEN}"] * 6 + ["Bearer wrong", "Basic x"]),
    },
    optional={
        "if-match": st.sampled_from(['W/"1"', 'W/"2"', '"x"', "*"]),
        "if-none-match": st.just('W/"1"'),
        "if-none-exist": st.just("active=true"),
        "prefer": st.sampled_from(
            ["return=minimal", "return=OperationOutcome", "return=representation", "x"]
        ),
        "accept": st.sampled_from(["application/fhir+xml", "text/html", "image/png", "*/*"]),
        "origin": st.sampled_from(["http://hub.example", "http://elsewhere.example"]),
        "x-request-id": st.sampled_from(["mine", "not one"]),
        "content-encoding": st.just("gzip"),
        "expect": st.just("100-continue"),
        "EXTRA": st.text("abc \t:", max_size=5),
    },
)
METHODS = st.sampled_from(
    ["PUT"] * 6
    + ["POST"] * 3
    + ["DELETE"] * 2
    + ["GET"] * 2
    + ["PATCH", "HEAD", "OPTIONS", "TRACE"]
)
REQUESTS = st.builds(
    lambda method, release, path, body, headers, chunked: a_request(
        method,
        f"/fhir/{release}{path}",
        body if method in ("PUT", "POST", "PATCH") else b"",
        headers,
        chunked=chunked and method in ("PUT", "POST", "PATCH"),
    ),
    METHODS,
    st.sampled_from(["r4", "r4b", "r5"]),
    PATHS,
    BODIES,
    HEADERS,
    st.sampled_from([False] * 6 + [True]),
)
WRITES = st.builds(
    lambda method, path, body, headers: a_request(
        method, f"/fhir/r4{path}", b"" if method == "DELETE" else body, headers
    ),
    st.sampled_from(["PUT", "PUT", "PUT", "POST", "DELETE"]),
    st.sampled_from(
        ["/Patient/a", "/Patient/a", "/Patient/b", "/Patient", "/Patient?_pretty=true"]
    ),
    BODIES,
    st.fixed_dictionaries(
        {
            "host": st.just("127.0.0.1"),
            "content-type": TYPES,
            "authorization": st.just(f"Bearer {TOKEN}"),
        },
        optional={
            "If-Match": st.sampled_from(['W/"1"', 'W/"2"', 'W/"3"', 'W/"4"', '"x"']),
            "prefer": st.sampled_from(["return=minimal", "return=OperationOutcome"]),
            "accept": st.just("application/fhir+xml"),
        },
    ),
)
"""Requests of which most are plain writes."""
LAST = b"GET /fhir/r4/Patient/a HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n"


def _talk(hub: RunningHub, text: bytes, cuts: list[int]) -> bytes:
    """Send a text in pieces and return all that was answered."""
    host, _, port = hub.settings.host, None, hub.settings.port
    with socket.create_connection((host, port), timeout=PATIENCE) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        start = 0
        for cut in sorted({*cuts, len(text)}):
            connection.sendall(text[start:cut])
            start = cut
        return b"".join(iter(lambda: connection.recv(65536), b""))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    writes=st.lists(WRITES, max_size=4),
    requests=st.lists(REQUESTS, max_size=3),
    cuts=st.lists(st.integers(0, 3000), max_size=3),
)
def test_every_answer_is_that_of_a_hub_of_one_process(
    hubs: tuple[RunningHub, RunningHub],
    writes: list[bytes],
    requests: list[bytes],
    cuts: list[int],
) -> None:
    text = b"".join(writes + requests) + LAST
    one, two = (DIFFERENT.sub(b"...", _talk(hub, text, cuts)) for hub in hubs)
    assert one == two


def test_writes_are_answered_by_one_process_and_all_else_by_the_other(
    hubs: tuple[RunningHub, RunningHub],
) -> None:
    _, hub = hubs
    put = a_request(
        "PUT",
        "/fhir/r4/Patient/a",
        patient(),
        {"host": "127.0.0.1", "content-type": "application/fhir+json"},
    )
    ids = re.findall(r"x-request-id: (\S+)", _talk(hub, put + put + LAST, []).decode())
    assert [bool(FROM_WEB.fullmatch(each)) for each in ids] == [True, True, False]
    assert len(set(ids)) == 3


async def _child_of(hub: HubProcess, *, after: int | None = None) -> int:
    """Return the number of a hub's web process, once there is another one than ``after``."""

    async def there() -> bool:
        return children_of(hub.child.pid) not in ([], [after])

    await until(there)
    (pid,) = children_of(hub.child.pid)
    return pid


async def _write(client: aiohttp.ClientSession, hub: HubProcess, id: str) -> tuple[int, str]:
    """Change a Task; return its version and who answered."""
    task = {"resourceType": "Task", "status": "requested", "intent": "order", "id": id}
    body = task | {"owner": {"reference": LAB}, "description": str(next(_numbers))}
    url = f"{hub.base()}/Task/{id}"
    async with client.put(url, json=body, headers=FHIR_JSON) as answer:
        assert answer.status in (200, 201), await answer.text()
        version = int(answer.headers["etag"].removeprefix('W/"').removesuffix('"'))
        return version, answer.headers["x-request-id"]


_numbers = itertools.count(1)


async def _taken_in(client: aiohttp.ClientSession, hub: HubProcess) -> None:
    """Return once new connections are the web process's."""

    async def by_web() -> bool:
        async with session() as other:
            return FROM_WEB.fullmatch((await _write(other, hub, "probe"))[1]) is not None

    await until(by_web)


def test_nothing_that_was_answered_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    async def scenario() -> None:
        subscribed, answered = Subscribed("r4", "lab", LAB), dict[str, int]()
        killing = asyncio.Event()

        async def writer(hub: HubProcess, id: str) -> None:
            async with session() as client:
                while not killing.is_set():
                    try:
                        version, _ = await _write(client, hub, id)
                    except aiohttp.ClientError:
                        continue
                    assert version > answered.get(id, 0)
                    answered[id] = version

        async with (
            asyncio.timeout(PATIENCE),
            subscribed.endpoint,
            session() as client,
            a_hub(tmp_path, "--processes", "2") as hub,
        ):
            url = f"{hub.base()}/Subscription/lab"
            async with client.put(url, json=subscribed.resource(), headers=FHIR_JSON) as answer:
                assert answer.status == 201, await answer.text()
            writing = [asyncio.ensure_future(writer(hub, f"w{number}")) for number in range(6)]
            pid = None
            for _ in range(2):
                pid = await _child_of(hub, after=pid)
                await _taken_in(client, hub)
                before = sum(answered.values())

                async def more(before: int = before) -> bool:
                    return sum(answered.values()) > before + 30

                await until(more)
                os.kill(pid, signal.SIGKILL)
                # The hub answers itself meanwhile.
                assert (await _write(client, hub, "meanwhile"))[0]
            await _child_of(hub, after=pid)
            killing.set()
            await asyncio.gather(*writing)
            top = 0
            async with client.get(f"{hub.base()}/Task?_summary=count") as answer:
                assert (await answer.json(content_type=None))["total"] >= 7
            for id in (*answered, "meanwhile", "probe"):
                async with client.get(f"{hub.base()}/Task/{id}") as answer:
                    version = int((await answer.json(content_type=None))["meta"]["versionId"])
                assert version >= answered.get(id, 0)
                top += version
            await subscribed.complete(top)
        assert sorted({each.number for each in subscribed.received}) == [*range(1, top + 1)]

    asyncio.run(scenario())


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "told to end"])
def test_the_process_ends_with_the_hub_and_whoever_was_answered_was_right(
    tmp_path: Path, how: signal.Signals
) -> None:
    async def scenario() -> None:
        answered: dict[str, int] = {}

        async def writer(hub: HubProcess, id: str) -> None:
            async with session() as client:
                while True:
                    try:
                        answered[id], _ = await _write(client, hub, id)
                    except aiohttp.ClientError:
                        return

        async with asyncio.timeout(PATIENCE), session() as client:
            async with a_hub(tmp_path, "--processes", "2") as hub:
                pid = await _child_of(hub)
                await _taken_in(client, hub)
                writing = [asyncio.ensure_future(writer(hub, f"w{number}")) for number in range(6)]

                async def some() -> bool:
                    return sum(answered.values()) > 30

                await until(some)
                hub.send(how)
                assert await hub.ended() == (0 if how is signal.SIGTERM else -how)
                await asyncio.gather(*writing)

                async def gone() -> bool:
                    return not is_running(pid)

                await until(gone)
                assert "Traceback" not in hub.said()
            async with a_hub(tmp_path) as again:
                for id, version in answered.items():
                    async with client.get(f"{again.base()}/Task/{id}") as answer:
                        found = int((await answer.json(content_type=None))["meta"]["versionId"])
                    assert found >= version
                    # A hub that ends in order answers all that it has written.
                    assert how is signal.SIGKILL or found == version

    asyncio.run(scenario())


def test_a_hub_waits_for_the_port_that_the_process_of_a_killed_one_still_has(
    tmp_path: Path,
) -> None:
    async def scenario() -> None:
        async with (
            asyncio.timeout(PATIENCE),
            session() as client,
            a_hub(tmp_path, "--processes", "2") as hub,
        ):
            pid = await _child_of(hub)
            await _taken_in(client, hub)
            os.kill(pid, signal.SIGSTOP)
            await hub.kill()
            again = await start_hub(tmp_path, *LOCAL, "--processes", "2", port=hub.port)

            async def waits() -> bool:
                return "is taken; waiting" in again.said()

            try:
                await until(waits)
                os.kill(pid, signal.SIGCONT)
                await again.ready()
                await _taken_in(client, again)
            finally:
                await again.kill()

    asyncio.run(scenario())
