"""The channel ``rest-hook``: POST the notification to the subscriber's endpoint.

A classic Subscription is sent a POST without body or, where it asks for a payload, the resource by
PUT: its endpoint then is the base of a FHIR server.
Source: http://hl7.org/fhir/R5/subscriptions.html#channels (REST-Hook); RFC 9110, 10.2.3 and 15;
http://hl7.org/fhir/R4/codesystem-subscription-channel-type.html (rest-hook).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache

from hub.channels.egress import Answer, EgressPolicy, GuardedClient
from hub.channels.endpoint import check_endpoint
from hub.channels.header import check_headers
from hub.core.delivery import Delivered, DeliveryResult, Envelope, Failed, FailureClass
from hub.core.refusals import Refusals
from hub.core.release import FhirRelease
from hub.core.subscription import ChannelType, Subscription
from hub.core.timing import MAX_RETRY_AFTER
from hub.errors import EndpointInvalid, HubError, PayloadNotSupported

USER_AGENT = "fhir-hub"

_MIME_TYPES = (
    *("application/fhir+json", "application/json"),
    *("application/fhir+xml", "application/xml"),
)
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf'[ \t]*;[ \t]*({_WORD})=(?:({_WORD})|"([ !#-\[\]-~]*)")')
_MAX_MIME = 256
_LONGEST_ID = 64
_REMEMBERED = 4096
_REJECTED = frozenset({400, 413, 415, 422})
_BUSY = frozenset({408, 425, 429})


class RestHookChannel:
    """Posts notifications with the guarded client, which the caller starts and closes.

    Args:
        client: the hub's one outbound client.
        now: the present instant, aware; needed for a ``Retry-After`` that is a date.
    """

    channel_type = ChannelType.REST_HOOK

    def __init__(self, client: GuardedClient, now: Callable[[], datetime]) -> None:
        self._client = client
        self._now = now

    def check(self, subscription: Subscription) -> None:
        """Refuse a Subscription that can't be served over this channel.

        Raises:
            EndpointInvalid: there is no endpoint, or it is no usable URL.
            EndpointNotAllowed: the settings do not let the hub send there.
            HeaderNotAllowed: a header can't be sent.
            PayloadNotSupported: the MIME type is not FHIR of this release.
        """
        refusals = Refusals()
        refusals.take(
            lambda: check_target(subscription, self._client.policy, subscription.endpoint), None
        )
        if subscription.is_classic and subscription.content_type:
            refusals.take(lambda: _check_base(subscription, self._client.policy), None)
        refusals.raise_any()

    async def send(self, envelope: Envelope) -> DeliveryResult:
        """Send once, within ``envelope.timeout``; any 2xx is a delivery.

        The body of the answer and its headers but ``Retry-After`` are not looked at.
        """
        result = await post(self._client, envelope, envelope.endpoint)
        return judge(result, self._now) if isinstance(result, Answer) else result


def check_target(subscription: Subscription, policy: EgressPolicy, url: str | None) -> None:
    """Refuse a Subscription whose notifications can't be posted to ``url``.

    Raises:
        EndpointInvalid: there is no endpoint, or it is no usable URL.
        EndpointNotAllowed: the settings do not let the hub send there.
        HeaderNotAllowed: a header can't be sent.
        PayloadNotSupported: the MIME type is not FHIR JSON of this release.
    """
    if not url:
        raise EndpointInvalid(
            f"a {subscription.channel_type} Subscription needs an endpoint",
            expression="Subscription.endpoint",
        )
    refusals = Refusals()
    refusals.take(lambda: check_endpoint(url, policy), None)
    refusals.take(lambda: check_headers(subscription.parameter), None)
    if subscription.content_type or not subscription.is_classic:
        refusals.take(
            lambda: check_content_type(subscription.content_type, subscription.release), None
        )
    refusals.raise_any()


async def post(
    client: GuardedClient, envelope: Envelope, url: str, *, read: int = 0
) -> Answer | Failed:
    """Post what is in an envelope to ``url``, once, with the subscriber's headers and the hub's.

    A resource that a classic Subscription asked for is put below ``url`` instead.

    Args:
        read: how many bytes of the answer's body are wanted.  Where any are, FHIR JSON is asked
            for, unless the subscriber's headers ask for something.
    """
    try:
        headers = _headers(envelope.parameter, envelope.content_type, answers=read > 0)
    except HubError as refusal:
        return Failed(failure=FailureClass.BLOCKED, reason=refusal.diagnostics)
    if envelope.update is not None:
        where = resource_url(url, envelope.update)
        return await client.put(where, envelope.body, headers, envelope.timeout)
    return await client.post(url, envelope.body, headers, envelope.timeout, read=read)


@lru_cache(_REMEMBERED)
def _headers(
    parameter: tuple[tuple[str, str], ...], content_type: str, *, answers: bool
) -> tuple[tuple[str, str], ...]:
    """Return the headers of a request, with ``answers`` those of one whose answer is read.

    Raises:
        HeaderNotAllowed: as ``check_headers`` does.
    """
    check_headers(parameter)
    headers = [(name, value.strip(" \t")) for name, value in parameter]
    if content_type:
        headers.append(("Content-Type", content_type))
    headers.append(("User-Agent", USER_AGENT))
    if answers and not any(name.lower() == "accept" for name, _ in parameter):
        headers.append(("Accept", _MIME_TYPES[0]))
    return tuple(headers)


def resource_url(base: str, reference: str) -> str:
    """Return the address of a resource (``Type/id``) at the base of a FHIR server."""
    return f"{base.rstrip('/')}/{reference}"


def _check_base(subscription: Subscription, policy: EgressPolicy) -> None:
    """Refuse an endpoint under which no resource of the type could be put."""
    endpoint = subscription.endpoint or ""
    if "?" in endpoint:
        raise EndpointInvalid(
            "with a payload the endpoint is the base of a FHIR server, to which /Type/id is "
            "added; it can't have a query",
            expression="Subscription.endpoint",
        )
    check_endpoint(resource_url(endpoint, f"{subscription.topic}/{'x' * _LONGEST_ID}"), policy)


def check_content_type(content_type: str, release: FhirRelease) -> None:
    """Refuse a MIME type that would not tell the truth about what is sent.

    That is FHIR in UTF-8 of ``release``; other parameters are kept as they are.

    Raises:
        PayloadNotSupported
    """

    def refuse(words: str) -> PayloadNotSupported:
        return PayloadNotSupported(words, expression="Subscription.contentType")

    name, semicolon, rest = content_type.partition(";")
    if len(content_type) > _MAX_MIME or name.strip(" \t").lower() not in _MIME_TYPES:
        raise refuse(f"the payload's MIME type is none of {', '.join(_MIME_TYPES)}")
    parameters = semicolon + rest
    if not re.fullmatch(rf"(?:{_PARAMETER.pattern})*[ \t]*", parameters):
        raise refuse("the parameters of the payload's MIME type can't be read")
    for key, token, quoted in _PARAMETER.findall(parameters):
        value = token or quoted
        if key.lower() == "fhirversion" and value not in {release.version, release.full_version}:
            raise refuse(f"notifications here have the fhirVersion {release.version}")
        if key.lower() == "charset" and value.lower() != "utf-8":
            raise refuse("notifications are sent in the charset utf-8")


def judge(answer: Answer, now: Callable[[], datetime]) -> DeliveryResult:
    """Tell what an answer means for the delivery: its status alone decides.

    ``now`` is asked only where a date has to be understood.
    """
    status = answer.status
    if 200 <= status < 300:
        return Delivered(status=status, timing=answer.timing)
    return Failed(
        failure=_failure(status),
        reason=f"the endpoint answered HTTP {status}",
        status=status,
        retry_after=retry_after(answer.retry_after, now()),
        timing=answer.timing,
    )


def _failure(status: int) -> FailureClass:
    if status == 410:
        return FailureClass.GONE
    if status in _REJECTED:
        return FailureClass.REJECTED
    if status in _BUSY or 500 <= status < 600:
        return FailureClass.BUSY
    if 400 <= status < 500:
        return FailureClass.REFUSED
    if 300 <= status < 400:
        return FailureClass.REDIRECT
    return FailureClass.PROTOCOL


def retry_after(text: str | None, now: datetime) -> timedelta | None:
    """Read a ``Retry-After``: seconds or an HTTP date, at most six hours ahead.

    What is neither, or lies in the past, is ignored (None).
    """
    text = (text or "").strip()
    if text.isascii() and text.isdigit():
        seconds = int(text) if len(text) <= 9 else 10**9
        return min(timedelta(seconds=seconds), MAX_RETRY_AFTER)
    try:
        instant = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    if instant.tzinfo is None or instant <= now:
        return None
    return min(instant - now, MAX_RETRY_AFTER)
