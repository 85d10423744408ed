"""The channel rest-hook for Subscriptions whose criteria are a search."""

from __future__ import annotations

import asyncio

import pytest

from hub.channels.rest_hook import resource_url
from hub.channels.websocket import WebSocketChannel
from hub.core.delivery import Delivered, FailureClass
from hub.core.subscription import ChannelType, PayloadContent
from hub.errors import EndpointInvalid, EndpointNotAllowed, HubError, PayloadNotSupported
from tests.channels.delivering import a_subscription, an_envelope, channel, deliver, failed
from tests.support import endpoints as peer

BASE = "https://ehr.example.org/fhir"


def test_a_call_has_neither_body_nor_content_type() -> None:
    (result,), endpoint = deliver(
        [peer.Reply()], body=b"", content_type="", parameter=(("X-Key", "1"),)
    )

    assert isinstance(result, Delivered)
    (request,) = endpoint.received
    assert (request.method, request.target, request.body) == ("POST", "/hook", b"")
    assert {name: value for name, value in request.headers if name != "Host"} == {
        "X-Key": "1",
        "User-Agent": "fhir-hub",
        "Content-Length": "0",
    }


def test_a_resource_is_put_below_the_base() -> None:
    (result,), endpoint = deliver([peer.Reply(201)], update="Task/81", body=b'{"a":1.10}')

    assert isinstance(result, Delivered)
    (request,) = endpoint.received
    assert (request.method, request.target) == ("PUT", "/hook/Task/81")
    assert request.body == b'{"a":1.10}'


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (peer.Reply(405), FailureClass.REFUSED),
        (peer.Reply(422), FailureClass.REJECTED),
        (peer.redirect("/elsewhere", 308), FailureClass.REDIRECT),
        (peer.Reply(410), FailureClass.GONE),
    ],
)
def test_a_put_fails_as_a_post_does(answer: peer.Answer, failure: FailureClass) -> None:
    (result,), endpoint = deliver([answer], update="Task/81")

    assert failed(result).failure is failure
    (request,) = endpoint.received
    assert request.method == "PUT"


def test_a_put_is_repeated_once_where_nothing_was_answered() -> None:
    async def scenario() -> None:
        async with peer.Endpoint(default=peer.Drop()) as endpoint, channel() as hook:
            result = await hook.send(an_envelope(endpoint.url, update="Task/81"))
            assert failed(result).failure is FailureClass.CONNECTION
            assert [request.target for request in endpoint.received] == ["/hook/Task/81"] * 2

    asyncio.run(scenario())


def test_a_put_goes_out_again_where_a_kept_connection_was_closed_meanwhile() -> None:
    async def scenario() -> list[str]:
        answers: list[peer.Answer] = [peer.Reply(), peer.Drop(reset=True), peer.Reply()]
        async with peer.Endpoint(answers) as endpoint, channel() as hook:
            for number in (1, 2):
                envelope = an_envelope(endpoint.url, update=f"Task/{number}")
                assert isinstance(await hook.send(envelope), Delivered)
            return [request.target for request in endpoint.received]

    assert asyncio.run(scenario()) == ["/hook/Task/1", "/hook/Task/2", "/hook/Task/2"]


@pytest.mark.parametrize("base", [BASE, f"{BASE}/"])
def test_a_slash_at_the_end_of_the_base_is_of_no_meaning(base: str) -> None:
    assert resource_url(base, "Task/81") == f"{BASE}/Task/81"


@pytest.mark.parametrize(
    ("endpoint", "content_type", "refusal"),
    [
        (BASE, "application/fhir+json", None),
        (f"{BASE}?key=1", "", None),
        (f"{BASE}?key=1", "application/fhir+json", EndpointInvalid),
        (f"{BASE}/{'a' * 2000}", "", None),
        (f"{BASE}/{'a' * 2000}", "application/fhir+json", EndpointInvalid),
        (BASE, "text/html", PayloadNotSupported),
        (None, "", EndpointInvalid),
        ("https://10.0.0.1/fhir", "", EndpointNotAllowed),
    ],
)
def test_what_it_is_asked_for_is_checked(
    endpoint: str | None, content_type: str, refusal: type[HubError] | None
) -> None:
    subscription = a_subscription(
        topic="Task", endpoint=endpoint, content_type=content_type, content=PayloadContent.EMPTY
    )

    async def scenario() -> None:
        async with channel() as hook:
            hook.check(subscription)

    if refusal is None:
        asyncio.run(scenario())
    else:
        with pytest.raises(refusal):
            asyncio.run(scenario())


def test_a_websocket_needs_no_payload() -> None:
    WebSocketChannel().check(
        a_subscription(
            topic="Task", endpoint=None, content_type="", channel_type=ChannelType.WEBSOCKET
        )
    )
