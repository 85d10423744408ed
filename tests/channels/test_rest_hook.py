from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.channels.egress import Answer, EgressPolicy
from hub.channels.rest_hook import (
    check_content_type,
    judge,
    retry_after,
)
from hub.core.delivery import Delivered, DeliveryResult, Failed, FailureClass, Timing
from hub.core.release import FhirRelease
from hub.core.timing import MAX_RETRY_AFTER
from hub.errors import (
    EndpointInvalid,
    EndpointNotAllowed,
    HeaderNotAllowed,
    HubError,
    PayloadNotSupported,
)
from tests.channels.contract import BODY, Behaviour, ChannelContract, Rig
from tests.channels.delivering import (
    NOW,
    a_posting_rig,
    a_subscription,
    an_envelope,
    channel,
    deliver,
    failed,
)
from tests.support import endpoints as peer


class TestRestHookChannel(ChannelContract):
    @asynccontextmanager
    async def rig(self, *behaviours: Behaviour) -> AsyncIterator[Rig]:
        answers: dict[Behaviour, peer.Answer] = {
            Behaviour.ACCEPTS: peer.Reply(200),
            Behaviour.FAILS: peer.Reply(503),
        }
        async with channel() as hook, a_posting_rig(hook, behaviours, answers) as rig:
            yield rig


def test_the_content_type_is_sent_verbatim_and_the_hub_names_itself() -> None:
    _, endpoint = deliver([peer.Reply()], content_type='application/fhir+json;x="A b"')

    request = endpoint.received[0]
    assert (request.method, request.target) == ("POST", "/hook")
    assert request.header("content-type") == 'application/fhir+json;x="A b"'
    assert request.header("user-agent") == "fhir-hub"
    assert request.header("content-length") == str(len(BODY))
    assert {name for name, _ in request.headers} == {
        *("Host", "Content-Type", "User-Agent", "Content-Length"),
    }


def test_the_path_and_query_are_sent_as_they_were_written() -> None:
    async def scenario() -> str:
        async with peer.Endpoint(path="/a/../b%2f%7E?sig=%2B+a|b&x") as endpoint, channel() as hook:
            assert isinstance(await hook.send(an_envelope(endpoint.url)), Delivered)
            return endpoint.received[0].target

    assert asyncio.run(scenario()) == "/a/../b%2f%7E?sig=%2B+a|b&x"


def test_blanks_around_a_header_value_are_not_sent() -> None:
    _, endpoint = deliver([peer.Reply()], parameter=(("X-A", "  a b\t"),))

    assert endpoint.received[0].header("x-a") == "a b"


def test_a_header_that_comes_again_in_another_case_is_not_lost() -> None:
    pairs = (("X-A", "1"), ("X-B", "2"), ("x-a", "3"))
    _, endpoint = deliver([peer.Reply()], parameter=pairs)

    own = [(name.lower(), value) for name, value in endpoint.received[0].headers if name[0] in "Xx"]
    assert own == [("x-a", "1"), ("x-b", "2"), ("x-a", "3")]


def test_a_connection_is_used_again() -> None:
    _, endpoint = deliver([peer.Reply(body=b"thanks"), peer.Reply(204), peer.Reply()])

    assert endpoint.connections == 1


def test_a_connection_that_the_peer_closed_meanwhile_is_replaced_once() -> None:
    results, endpoint = deliver([peer.Reply(), peer.Drop(), peer.Reply()])

    assert all(isinstance(result, Delivered) for result in results)
    # The second attempt was dropped unanswered on a used connection and repeated on a new one.
    assert endpoint.bodies == [BODY] * 4
    assert endpoint.connections == 2


def test_a_drop_of_a_new_connection_is_not_repeated() -> None:
    (result,), endpoint = deliver([peer.Drop()])

    assert failed(result).failure is FailureClass.CONNECTION
    assert len(endpoint.received) == 1


def test_no_cookie_is_kept() -> None:
    cookie = peer.Reply(headers=(("Set-Cookie", "a=b; Path=/"),))
    _, endpoint = deliver([cookie, cookie])

    assert all(request.header("cookie") is None for request in endpoint.received)


F = FailureClass
STATUSES: dict[FailureClass | None, tuple[int, ...]] = {
    None: (200, 201, 202, 204, 206, 226, 299),
    F.REDIRECT: (300, 301, 302, 303, 304, 307, 308),
    F.REJECTED: (400, 413, 415, 422),
    F.REFUSED: (401, 403, 404, 405, 407, 409, 418, 499),
    F.BUSY: (408, 425, 429, 500, 501, 502, 503, 504, 599),
    F.GONE: (410,),
    F.PROTOCOL: (199, 600, 999),
}
CASES = [(status, failure) for failure, group in STATUSES.items() for status in group]


@pytest.mark.parametrize(("status", "failure"), CASES)
def test_the_status_alone_decides(status: int, failure: FailureClass | None) -> None:
    result = judge(Answer(status, None, Timing()), lambda: NOW)

    if failure is None:
        assert result == Delivered(status=status)
    else:
        assert failed(result).failure is failure
        assert result.status == status
        assert str(status) in failed(result).reason


def test_statuses_over_the_wire_mean_the_same() -> None:
    wire = [(status, failure) for status, failure in CASES if 200 <= status < 600]
    results, _ = deliver([peer.Reply(status) for status, _ in wire])

    classes = [result.failure if isinstance(result, Failed) else None for result in results]
    assert classes == [failure for _, failure in wire]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("5", 5),
        (" 120 ", 120),
        ("21600", 21600),
        ("21601", 21600),
        ("1000000000000", 21600),
        ("9" * 5000, 21600),
        ("-1", None),
        ("1.5", None),
        ("abc", None),
        ("", None),
        (None, None),
        ("٣", None),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        (format_datetime(NOW + timedelta(days=3650), usegmt=True), 21600),
        (format_datetime(NOW - timedelta(seconds=1), usegmt=True), None),
        ("Mon, 04 May 2026 12:01:00 -0000", None),
        ("Mon, 99 May 2026 12:01:00 GMT", None),
        ("Mon, 04 May 99999999999 12:01:00 GMT", None),
    ],
)
def test_retry_after_is_read_bounded_or_ignored(text: str | None, seconds: int | None) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)

    assert retry_after(text, NOW) == expected


@given(st.text(max_size=40) | st.datetimes().map(format_datetime))
def test_no_retry_after_is_negative_or_beyond_the_cap(text: str) -> None:
    found = retry_after(text, NOW)

    assert found is None or timedelta() <= found <= MAX_RETRY_AFTER


def test_retry_after_reaches_the_result() -> None:
    (result,), _ = deliver([peer.Reply(429, (("Retry-After", "7"),))])

    assert failed(result).retry_after == timedelta(seconds=7)


def check(**changes: object) -> None:
    async def scenario() -> None:
        async with channel(EgressPolicy()) as hook:
            hook.check(a_subscription(**changes))

    asyncio.run(scenario())


def test_a_plain_subscription_is_accepted() -> None:
    check()
    check(parameter=(("Authorization", "Bearer x"),), content_type="application/json")


@pytest.mark.parametrize(
    ("changes", "error", "expression"),
    [
        ({"endpoint": None}, EndpointInvalid, "Subscription.endpoint"),
        ({"endpoint": "mailto:a@b"}, EndpointInvalid, "Subscription.endpoint"),
        ({"endpoint": "https://127.0.0.1/"}, EndpointNotAllowed, "Subscription.endpoint"),
        ({"endpoint": "http://example.org/"}, EndpointNotAllowed, "Subscription.endpoint"),
        ({"parameter": (("Host", "x"),)}, HeaderNotAllowed, "Subscription.parameter"),
        ({"content_type": "text/csv"}, PayloadNotSupported, "Subscription.contentType"),
    ],
)
def test_what_cannot_be_served_is_refused_with_its_element(
    changes: dict[str, object], error: type[HubError], expression: str
) -> None:
    with pytest.raises(error) as caught:
        check(**changes)

    assert caught.value.expression == expression


@pytest.mark.parametrize(
    "text",
    [
        "application/fhir+json",
        "application/json",
        "APPLICATION/FHIR+JSON",
        "application/fhir+xml; fhirVersion=4.0",
        "application/xml",
        "application/fhir+json;fhirVersion=4.0",
        "application/fhir+json;fhirVersion=4.0.1",
        "application/fhir+json; fhirVersion=4.0; charset=UTF-8",
        'application/fhir+json ; fhirversion="4.0" ;other="a; b"',
    ],
)
def test_fhir_of_the_release_is_a_payload(text: str) -> None:
    check_content_type(text, FhirRelease.R4)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "text/csv",
        "text/xml",
        "application/fhir+xml; fhirVersion=5.0",
        "application/fhir+json,application/json",
        "application/fhir+json; fhirVersion=4.3",
        "application/fhir+json; fhirVersion=4.0.2",
        "application/fhir+json; fhirVersion=",
        "application/fhir+json; charset=utf-16",
        "application/fhir+json;",
        "application/fhir+json; a",
        'application/fhir+json; a="b',
        "application/fhir+json\r\nX-A: b",
        "application/fhir+json; a=b\r\nX-A: b",
        "application/fhir+json; a=é",
        "application/fhir+json; a=" + "b" * 300,
    ],
)
def test_another_payload_is_refused(text: str) -> None:
    with pytest.raises(PayloadNotSupported):
        check_content_type(text, FhirRelease.R4)


def test_an_envelope_with_a_framing_header_is_not_sent() -> None:
    (result,), endpoint = deliver([peer.Reply()], parameter=(("Content-Length", "0"),))

    assert failed(result).failure is FailureClass.BLOCKED
    assert endpoint.received == []


def test_without_kept_connections_each_delivery_dials_and_tells_its_timings() -> None:
    async def scenario() -> DeliveryResult:
        async with peer.Endpoint() as endpoint, channel(keep=False) as hook:
            await hook.send(an_envelope(endpoint.url))
            return await hook.send(an_envelope(endpoint.url))

    timing = asyncio.run(scenario()).timing
    assert timing.address == "127.0.0.1"
    assert timing.dns is None
    assert timing.tls is None
    assert timing.connect is not None
    assert timing.wait is not None
    assert 0 < timing.connect + timing.wait <= timing.total
