"""The channel ``message``: where it posts, and what it understands of the answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.channels.egress import EgressLimits, EgressPolicy
from hub.channels.message import (
    LONGEST_RESPONSE,
    process_message_url,
    read_response,
)
from hub.core.delivery import Delivered, DeliveryResult, Envelope, FailureClass
from hub.core.message import ResponseCode
from hub.core.subscription import ChannelType
from hub.errors import (
    EndpointInvalid,
    EndpointNotAllowed,
    HeaderNotAllowed,
    HubError,
    PayloadNotSupported,
)
from tests.channels.contract import BODY, Behaviour, ChannelContract, Rig
from tests.channels.delivering import a_posting_rig, a_subscription, an_envelope, failed
from tests.channels.delivering import message_channel as channel
from tests.support import endpoints as peer


def message_envelope(endpoint: str, **changes: Any) -> Envelope:
    return an_envelope(endpoint, channel_type=ChannelType.MESSAGE, **changes)


class TestMessageChannel(ChannelContract):
    @asynccontextmanager
    async def rig(self, *behaviours: Behaviour) -> AsyncIterator[Rig]:
        answers: dict[Behaviour, peer.Answer] = {
            Behaviour.ACCEPTS: answered("ok"),
            Behaviour.FAILS: answered("transient-error"),
        }
        async with channel() as message, a_posting_rig(message, behaviours, answers) as rig:
            yield rig


def response(code: object) -> Any:
    header = {
        "resourceType": "MessageHeader",
        "eventCoding": {"system": "http://example.org/e", "code": "x"},
        "source": {"endpoint": "https://example.org/fhir"},
        "response": {"identifier": "1", "code": code},
    }
    return {"resourceType": "Bundle", "type": "message", "entry": [{"resource": header}]}


def outcome(*issues: tuple[str, str]) -> Any:
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": severity, "code": code} for severity, code in issues],
    }


def replying(body: Any, status: int = 200, **headers: str) -> peer.Reply:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    pairs = [("Content-Type", "application/fhir+json"), *headers.items()]
    return peer.Reply(status, tuple((name.replace("_", "-"), v) for name, v in pairs), text)


def answered(code: str) -> peer.Reply:
    return replying(response(code))


def deliver(
    answers: Sequence[peer.Answer], path: str = "/fhir", **changes: Any
) -> tuple[list[DeliveryResult], list[peer.Received]]:
    """Deliver once for each of the answers over one client."""

    async def scenario() -> tuple[list[DeliveryResult], list[peer.Received]]:
        async with peer.Endpoint(answers, path=path) as endpoint, channel() as message:
            envelope = message_envelope(endpoint.url, **changes)
            return [await message.send(envelope) for _ in answers], endpoint.received

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("https://a.example/fhir", "https://a.example/fhir/$process-message"),
        ("https://a.example/fhir/", "https://a.example/fhir/$process-message"),
        ("https://a.example", "https://a.example/$process-message"),
        ("https://a.example/fhir?key=1/2", "https://a.example/fhir/$process-message?key=1/2"),
        ("https://a.example/fhir/$process-message", "https://a.example/fhir/$process-message"),
        ("https://a.example/fhir/$process-message/", "https://a.example/fhir/$process-message"),
        ("https://a.example/%24process-message?a", "https://a.example/%24process-message?a"),
        ("https://a.example/x$process-message", "https://a.example/x$process-message/$process-message"),
    ],
)  # fmt: skip
def test_an_endpoint_is_a_base_or_the_operation_itself(endpoint: str, url: str) -> None:
    assert process_message_url(endpoint) == url
    assert process_message_url(url) == url


def test_the_message_is_posted_to_the_operation_and_fhir_is_asked_for() -> None:
    _, (request,) = deliver([peer.Reply()], path="/fhir/r4?sig=%2B")

    assert (request.method, request.target) == ("POST", "/fhir/r4/$process-message?sig=%2B")
    assert request.body == BODY
    assert request.header("accept") == "application/fhir+json"
    assert request.header("content-type") == "application/fhir+json; fhirVersion=4.0"


def test_what_the_subscriber_accepts_is_not_overruled() -> None:
    _, (request,) = deliver([peer.Reply()], parameter=(("accept", "text/x"),))

    assert [value for name, value in request.headers if name.lower() == "accept"] == ["text/x"]


F = FailureClass
UNDERSTOOD: list[tuple[Any, FailureClass | None]] = [
    (response("ok"), None),
    (response("transient-error"), F.BUSY),
    (response("fatal-error"), F.REJECTED),
    (response("other"), None),
    (response(["ok"]), None),
    (outcome(("information", "informational")), None),
    (outcome(("warning", "processing")), None),
    (outcome(("error", "processing")), F.REJECTED),
    (outcome(("fatal", "exception")), F.BUSY),
    (outcome(("error", "timeout"), ("information", "invalid")), F.BUSY),
    (outcome(("error", "timeout"), ("error", "invalid")), F.REJECTED),
    ({"resourceType": "OperationOutcome", "issue": {"severity": "error"}}, None),
    (outcome(("error", "timeout"), ("error", "")), F.REJECTED),
    ({"resourceType": "Bundle", "type": "message"}, None),
    ({"resourceType": "Bundle", "type": "message", "entry": [1]}, None),
    ({"resourceType": "Bundle", "type": "message", "entry": [{"resource": []}]}, None),
    ({"resourceType": "Bundle", "type": "message", "entry": [{"resource": {"response": 1}}]}, None),
    (response("fatal-error") | {"type": "collection"}, None),
    ({"resourceType": "Task"}, None),
    (b"", None),
    (b"<Bundle/>", None),
    (b"\xff\x00", None),
    (b'{"resourceType":"OperationOutcome"', None),
]  # fmt: skip


def test_the_body_of_a_success_is_understood_or_ignored() -> None:
    results, _ = deliver([replying(body) for body, _ in UNDERSTOOD])

    for result, (body, failure) in zip(results, UNDERSTOOD, strict=True):
        if failure is None:
            assert isinstance(result, Delivered), body
        else:
            assert failed(result).failure is failure, body
            assert failed(result).status == 200


def test_with_any_other_status_the_status_decides() -> None:
    results, _ = deliver([replying(response("ok"), 422), replying(response("fatal-error"), 503)])

    assert [failed(result).failure for result in results] == [F.REJECTED, F.BUSY]


def test_a_transient_error_may_say_when_to_come_again() -> None:
    (result,), _ = deliver([replying(response("transient-error"), Retry_After="7")])

    assert failed(result).retry_after == timedelta(seconds=7)
    assert failed(result).reason == "the endpoint answered HTTP 200, but with transient-error"


def test_an_answer_that_is_too_long_or_never_ends_is_not_looked_into() -> None:
    fatal = response("fatal-error")
    long = fatal | {"id": "x" * LONGEST_RESPONSE}
    fitting = fatal | {"id": "x" * (LONGEST_RESPONSE - len(json.dumps(fatal | {"id": ""})))}
    assert len(json.dumps(fitting)) == LONGEST_RESPONSE
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n{"

    async def scenario() -> list[DeliveryResult]:
        answers: list[peer.Answer] = [replying(long), replying(fitting), peer.Hang(head)]
        async with (
            peer.Endpoint(answers) as endpoint,
            channel(limits=EgressLimits(drain=0.3)) as message,
        ):
            return [await message.send(message_envelope(endpoint.url)) for _ in answers]

    too_long, fits, unfinished = asyncio.run(scenario())
    assert isinstance(too_long, Delivered)
    assert failed(fits).failure is FailureClass.REJECTED
    assert isinstance(unfinished, Delivered)


@given(
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.text(max_size=5) | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(["resourceType", "type", "entry", "resource", "response", "issue"]),
                inner | st.sampled_from(["Bundle", "message", "OperationOutcome"]),
            )
        ),
    ).map(lambda value: json.dumps(value).encode())
)
def test_no_body_breaks_the_reading_of_it(body: bytes) -> None:
    assert read_response(body) in ResponseCode


def check(**changes: Any) -> None:
    async def scenario() -> None:
        async with channel(EgressPolicy()) as message:
            message.check(a_subscription(channel_type=ChannelType.MESSAGE, **changes))

    asyncio.run(scenario())


def test_a_plain_subscription_is_accepted() -> None:
    check()
    check(endpoint="https://example.org/fhir/$process-message", content_type="application/json")


@pytest.mark.parametrize(
    ("changes", "error", "expression"),
    [
        ({"endpoint": None}, EndpointInvalid, "Subscription.endpoint"),
        ({"endpoint": "mllp://a.example/x"}, EndpointInvalid, "Subscription.endpoint"),
        ({"endpoint": f"https://a.b/{'x' * 2030}"}, EndpointInvalid, "Subscription.endpoint"),
        ({"endpoint": "https://127.0.0.1/fhir"}, EndpointNotAllowed, "Subscription.endpoint"),
        ({"endpoint": "http://example.org/fhir"}, EndpointNotAllowed, "Subscription.endpoint"),
        ({"parameter": (("Host", "x"),)}, HeaderNotAllowed, "Subscription.parameter"),
        ({"content_type": "text/csv"}, PayloadNotSupported, "Subscription.contentType"),
    ],
)  # fmt: skip
def test_what_cannot_be_served_is_refused_with_its_element(
    changes: dict[str, object], error: type[HubError], expression: str
) -> None:
    with pytest.raises(error) as caught:
        check(**changes)

    assert caught.value.expression == expression
