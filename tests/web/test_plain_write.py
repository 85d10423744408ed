"""What counts as a plain write, and where it ends: as the parser of the server sees it."""

from __future__ import annotations

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.web.plain_write import MOST_HEADER, plain_write

BODY = b'{"resourceType":"Task"}'
NAMES = st.sampled_from(["Host", "content-type", "PREFER", "If-Match", "x-request-id", "accept"])
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)
PLACES = st.sampled_from(["/fhir/r4/Task", "/fhir/r4b/Task/a", "/fhir/r5/Patient/A.b-1?_pretty=1"])


def a_write(
    method: str = "PUT",
    path: str = "/fhir/r4/Task/a",
    headers: list[tuple[str, str]] | None = None,
    body: bytes = BODY,
    *,
    length: str | None = None,
    version: str = "1.1",
) -> bytes:
    """Return a request; without ``length``, that of its body is said."""
    said = f"Content-Length: {len(body)}" if length is None else length
    lines = [f"{method} {path} HTTP/{version}", *(f"{a}: {b}" for a, b in headers or ()), said]
    return "\r\n".join([*(line for line in lines if line), "", ""]).encode() + body


@given(
    method=st.sampled_from(["PUT", "POST", "DELETE"]),
    path=PLACES,
    headers=st.lists(st.tuples(NAMES, VALUES), max_size=5),
    body=st.binary(max_size=40),
    before=st.binary(max_size=10),
    after=st.binary(max_size=10),
    cut=st.integers(0, 400),
)
def test_a_plain_write_ends_where_the_parser_says(
    method: str,
    path: str,
    headers: list[tuple[str, str]],
    body: bytes,
    before: bytes,
    after: bytes,
    cut: int,
) -> None:
    request = a_write(method, path, headers, body)
    assert plain_write(before + request + after, len(before)) == len(request)
    assert plain_write(request[:cut], 0) in (0, len(request))
    ended: list[bool] = []

    class Heard:
        def on_message_complete(self) -> None:
            ended.append(True)

    parser = httptools.HttpRequestParser(Heard())
    parser.feed_data(request[:-1])
    assert not ended or not body
    parser.feed_data(request[-1:])
    assert ended == [True]


def test_without_a_body_it_ends_with_its_header() -> None:
    for method in ("DELETE", "PUT"):
        request = a_write(method, length="Host: hub", body=b"")
        assert plain_write(request + b"more", 0) == len(request)


LEFT_TO_THE_HUB = {
    "a read": a_write("GET"),
    "a patch": a_write("PATCH"),
    "a lower-case method": a_write("put"),
    "a transaction": a_write("POST", "/fhir/r4"),
    "another address": a_write("POST", "/health"),
    "another base": a_write("PUT", "/fhir/r6/Task/a"),
    "a search": a_write("POST", "/fhir/r4/Task/_search"),
    "an operation": a_write("POST", "/fhir/r4/Task/$validate"),
    "an operation of an instance": a_write("POST", "/fhir/r4/Task/a/$x"),
    "a version": a_write("PUT", "/fhir/r4/Task/a/_history/1"),
    "a Subscription": a_write("PUT", "/fhir/r4/Subscription/a"),
    "a new Subscription": a_write("POST", "/fhir/r5/Subscription"),
    "a Subscription with a query": a_write("POST", "/fhir/r5/Subscription?a=b"),
    "a topic": a_write("DELETE", "/fhir/r5/SubscriptionTopic/a"),
    "a Basic": a_write("POST", "/fhir/r4/Basic"),
    "an operation's definition": a_write("PUT", "/fhir/r4/OperationDefinition/a"),
    "an escaped address": a_write("PUT", "/fhir/r4/Subscr%69ption/a"),
    "a whole URL": a_write("PUT", "http://hub/fhir/r4/Task/a"),
    "a conditional create": a_write("POST", headers=[("If-None-Exist", "identifier=1")]),
    "chunks": a_write(headers=[("TRANSFER-ENCODING", "chunked")], length=""),
    "an upgrade": a_write(headers=[("upgrade", "websocket"), ("Connection", "upgrade")]),
    "two lengths": a_write(headers=[("content-length", str(len(BODY)))]),
    "a length that is none": a_write(length="Content-Length: +3"),
    "a length in hexadecimal": a_write(length="Content-Length: 0x3"),
    "two lengths in one": a_write(length="Content-Length: 3, 3"),
    "an endless length": a_write(length="Content-Length: " + "9" * 40),
    "HTTP 1.0": a_write(version="1.0"),
    "a header on two lines": a_write(headers=[("x", "1\r\n 2")]),
    "a bare line feed": a_write(headers=[("x", "1\ncontent-length: 3")]),
    "a bare carriage return": a_write(headers=[("x", "1\rcontent-length: 3")]),
    "a name before a space": a_write(headers=[("content-length ", "3")]),
    "an empty line first": b"\r\n" + a_write(),
    "a header without end": b"PUT /fhir/r4/Task/a HTTP/1.1\r\nx: " + b"y" * MOST_HEADER,
}


@pytest.mark.parametrize("request_", LEFT_TO_THE_HUB.values(), ids=LEFT_TO_THE_HUB)
def test_everything_else_is_left_to_the_hub(request_: bytes) -> None:
    assert plain_write(request_, 0) is None
