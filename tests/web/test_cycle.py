"""The hub's way of answering says what uvicorn's would say, byte for byte."""

from __future__ import annotations

import gc
import itertools
import logging
import re
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from hub.web.cycle import WHOLE
from hub.web.protocol import GuardedProtocol
from tests.web.site import a_site, run
from tests.web.wire import HOST, KEPT, Wire, guarded, plain

PATIENT = b'{"resourceType":"Patient","id":"p","active":true}'
OTHER = b'{"resourceType":"Patient","id":"p","active":false}'
READ = b"GET /fhir/r4/Patient/p HTTP/1.1\r\nHost: %b\r\n\r\n" % HOST


def _put(body: bytes) -> bytes:
    head = b"PUT /fhir/r4/Patient/p HTTP/1.1\r\nHost: %b\r\n" % HOST
    head += b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    return head + body


METHODS = (b"GET", b"HEAD", b"PUT", b"PUT", b"PUT", b"POST", b"PATCH", b"DELETE", b"OPTIONS")
PATHS = (
    *[b"/fhir/r4/Patient/p"] * 4,
    b"/fhir/r4/Patient",
    b"/fhir/r5/Patient/p/_history/1",
    b"/fhir/r4/Patient/p?_format=xml&_pretty=true",
    b"/fhir/r4/Patient?active=true",
    b"/fhir/r4/Patient/%70",
    b"/fhir/r4/Patient/_search",
    b"/fhir/r4/Patient?x=%ff",
    b"/fhir/r4/%2f/..",
    b"/healthz",
    b"/nowhere",
)
HEADERS = (
    b"Accept: application/fhir+json",
    b"Accept: application/fhir+xml;q=0.5, application/json",
    b"ACCEPT: text/csv",
    b"Prefer: return=minimal",
    b"Prefer: return=OperationOutcome",
    b'If-Match: W/"1"',
    b"If-Match: 1",
    b'If-None-Match: W/"1"',
    b"If-None-Exist: active=true",
    b"If-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT",
    b"Origin: http://localhost:3000",
    b"Origin: https://elsewhere.example.org",
    b"Access-Control-Request-Method: PUT",
    b"X-Request-Id: mine-1",
    b"X-Request-Id: not \xe9",
    b"Authorization: Bearer none",
    b"Content-Encoding: gzip",
    b"Content-Encoding: Identity",
    b"Expect: 100-continue",
    b"Connection: close",
    b"Connection: keep-alive, Upgrade",
    b"Upgrade: h2c",
)
TYPES = (b"application/fhir+json", b"application/json; charset=utf-8", b"text/plain", b"")
BODIES = (
    *[PATIENT, OTHER] * 3,
    b"",
    b" ",
    b"{",
    b'{"resourceType":"Patient","id":"p","id":"p"}',
    b'{"resourceType":"Patient","id":"p","birthDate":1.50}',
    b"x" * 2500,
    b'[{"op":"add","path":"/active","value":true}]',
    b"active=true",
)


@st.composite
def _request(draw: st.DrawFn) -> bytes:
    method = draw(st.sampled_from(METHODS))
    version = draw(st.sampled_from((b"1.1", b"1.1", b"1.1", b"1.0")))
    lines = [b"%b %b HTTP/%b" % (method, draw(st.sampled_from(PATHS)), version), b"Host: " + HOST]
    lines += draw(st.lists(st.sampled_from(HEADERS), max_size=3))
    body = b""
    if method in {b"PUT", b"POST", b"PATCH"}:
        body = draw(st.sampled_from(BODIES))
        kind = draw(st.sampled_from(TYPES))
        lines += [b"Content-Type: " + kind] if kind else []
        if version == b"1.1" and draw(st.booleans()):
            lines.append(b"Transfer-Encoding: chunked")
            body = _chunked(body, draw(st.integers(1, 40)))
        else:
            lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", body])


def _chunked(body: bytes, size: int) -> bytes:
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in parts)
    return chunks + b"0\r\nHost: trailer\r\n\r\n"


BAD = (
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"PUT /fhir/r4/Patient/p HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
    b"GET /fhir/r4/Patient/p HTTP/1.1\r\nHost: a\r\nX A: b\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
)


def _cut(data: bytes, places: Iterable[int]) -> list[bytes]:
    at = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[a:b] for a, b in itertools.pairwise(at)]


@settings(deadline=None)
@given(
    st.lists(_request(), min_size=1, max_size=4),
    st.sampled_from((b"", b"", b"", *BAD)),
    st.lists(st.integers(0, 10_000), max_size=5),
    st.booleans(),
)
def test_a_conversation_goes_as_it_would_with_uvicorn_alone(
    requests: list[bytes], end: bytes, cuts: list[int], at_once: bool
) -> None:
    pieces = _cut(b"".join(requests) + end, cuts)
    ours, theirs = guarded(pieces, at_once=at_once), plain(pieces, at_once=at_once)

    if theirs.closed_at is None:
        # uvicorn forgets a connection whose last request was answered before its body had come.
        theirs = replace(theirs, closed_at=ours.closed_at)
    assert ours == theirs
    assert ours.said.startswith(b"HTTP/1.1 ")
    assert b" 500 " not in ours.said
    assert ours.closed_at is not None


def test_a_request_that_is_cut_at_any_byte_is_answered_the_same() -> None:
    data = _put(PATIENT) + READ
    whole = _without_milliseconds(guarded([data]).said)
    assert whole.count(b"HTTP/1.1 20") == 2
    for place in range(1, len(data), 7):
        cut = guarded([data[:place], data[place:]]).said
        assert _without_milliseconds(cut) == whole


def _without_milliseconds(said: bytes) -> bytes:
    return re.sub(rb"\.00[01]000Z", b"Z", said)


def test_an_answer_below_a_base_is_one_write() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            wire = Wire(site.app, GuardedProtocol)
            for method in (b"GET", b"HEAD"):
                wire.heard.clear()
                wire.send(READ.replace(b"GET", method))
                await wire.pass_()
                (answer,) = wire.heard
                head, _, body = answer.partition(b"\r\n\r\n")
                assert head.startswith(b"HTTP/1.1 404 Not Found\r\ndate: ")
                assert bool(body) == (method == b"GET")

    run(scenario())


def test_an_idle_connection_is_closed_when_it_was_idle_for_the_whole_time() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            wire = Wire(site.app, GuardedProtocol)
            for _ in range(3):
                wire.send(READ)
                await wire.pass_(0.6 * KEPT)
                assert wire.closed_at is None
            answered = wire.loop.time() - 0.6 * KEPT
            await wire.pass_(KEPT)
            assert wire.closed_at == pytest.approx(answered + KEPT)

    run(scenario())


def test_a_connection_is_idle_when_what_was_answered_early_has_come() -> None:
    data = _put(PATIENT).replace(b"Patient/p", b"Patient")
    heard = guarded([data[:-1], data[-1:]])
    assert heard.said.count(b"HTTP/1.1 405") == 1
    assert heard.closed_at == pytest.approx(0.001 + KEPT)


def test_a_slow_reader_is_waited_for() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            wire = Wire(site.app, GuardedProtocol)
            wire.protocol.pause_writing()
            wire.send(READ)
            await wire.pass_()
            assert wire.heard == []
            wire.protocol.resume_writing()
            await wire.pass_()
            assert len(wire.heard) == 1

    run(scenario())


@pytest.mark.parametrize("paused", [False, True])
def test_a_client_that_has_gone_is_answered_nothing(
    paused: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            wire = Wire(site.app, GuardedProtocol)
            if paused:
                wire.protocol.pause_writing()
            wire.send(READ)
            if paused:
                await wire.pass_()
            wire.leave()
            await wire.pass_()
            assert wire.heard == []
            assert not wire.state.tasks

    run(scenario())
    assert not caplog.records


def test_nothing_is_left_for_the_collector_after_a_request() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            wire = Wire(site.app, GuardedProtocol)
            gc.disable()
            try:
                wire.send(READ)
                await wire.pass_()
                gc.collect()
                for _ in range(20):
                    wire.send(READ)
                    await wire.pass_()
                assert gc.collect() == 0
            finally:
                gc.enable()
            assert len(wire.heard) == 21

    run(scenario())


def test_a_server_that_stops_closes_after_the_answer() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            wire = Wire(site.app, GuardedProtocol)
            wire.send(READ)
            wire.protocol.shutdown()
            assert not wire.is_closing()
            await wire.pass_()
            assert b"\r\nconnection: close\r\n" in wire.heard[0]
            assert wire.is_closing()
            idle = Wire(site.app, GuardedProtocol)
            idle.protocol.shutdown()
            assert idle.is_closing()

    run(scenario())


@pytest.mark.parametrize(
    ("headers", "times"),
    [([(b"location", b"/a\r\nset-cookie: b")], 1), ([(b"a\n", b"b")], 1), ([], 2)],
)
def test_an_answer_that_would_be_two_is_a_bug(
    headers: list[tuple[bytes, bytes]], times: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for _ in range(times):
            await scope["extensions"][WHOLE]["answer"](204, headers, b"")

    async def scenario() -> None:
        wire = Wire(app, GuardedProtocol)
        wire.send(READ)
        await wire.pass_()
        (said,) = wire.heard[:1]
        assert said.startswith(b"HTTP/1.1 204" if times == 2 else b"HTTP/1.1 500")
        assert b"cookie" not in b"".join(wire.heard)
        assert b"".join(wire.heard).count(b"HTTP/1.1") == 1

    # A hub that ended in this process has made uvicorn quiet.
    with caplog.at_level(logging.ERROR, "uvicorn.error"):
        run(scenario())
    assert "an answer has begun, or a header is more than one line" in caplog.text
