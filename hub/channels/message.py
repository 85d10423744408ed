"""The channel ``message``: POST a message to the subscriber's ``$process-message``.

The endpoint is a FHIR base or the whole URL of the operation.  A message that answers is
understood: it may say that the message could not be processed although HTTP went well.
Sources: backport IG, "Channels" (messaging); http://hl7.org/fhir/R4/messaging.html;
http://hl7.org/fhir/R5/messageheader-operation-process-message.html.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final
from urllib.parse import unquote

from hub.channels.egress import Answer, GuardedClient
from hub.channels.rest_hook import check_target, judge, post, retry_after
from hub.core.delivery import Delivered, DeliveryResult, Envelope, Failed, FailureClass
from hub.core.json_text import parse
from hub.core.message import ResponseCode
from hub.core.release import Json, Resource
from hub.core.subscription import ChannelType, Subscription
from hub.errors import MalformedJson

OPERATION: Final = "$process-message"
LONGEST_RESPONSE: Final = 64 * 1024
"""How many bytes of an answer are read; a longer one is not looked into."""

_FATAL: Final = frozenset(("fatal", "error"))
_TRANSIENT: Final = frozenset(
    ("transient", "lock-error", "no-store", "exception", "timeout", "incomplete", "throttled")
)
_FAILURES: Final = {
    ResponseCode.TRANSIENT_ERROR: FailureClass.BUSY,
    ResponseCode.FATAL_ERROR: FailureClass.REJECTED,
}


class MessageChannel:
    """Posts messages with the guarded client, which the caller starts and closes.

    Args:
        client: the hub's one outbound client.
        now: the present instant, aware; needed for a ``Retry-After`` that is a date.
    """

    channel_type = ChannelType.MESSAGE

    def __init__(self, client: GuardedClient, now: Callable[[], datetime]) -> None:
        self._client = client
        self._now = now

    def check(self, subscription: Subscription) -> None:
        """Refuse a Subscription that can't be served over this channel.

        Raises:
            SubscriptionRefused: as ``hub.channels.rest_hook.check_target`` does.
        """
        url = process_message_url(subscription.endpoint) if subscription.endpoint else None
        check_target(subscription, self._client.policy, url)

    async def send(self, envelope: Envelope) -> DeliveryResult:
        """Post once, within ``envelope.timeout``.

        A 2xx is a delivery unless the body, a message or an OperationOutcome, says otherwise:
        what it calls transient is ``busy``, what is fatal ``rejected``.
        """
        url = process_message_url(envelope.endpoint)
        result = await post(self._client, envelope, url, read=LONGEST_RESPONSE)
        if isinstance(result, Failed):
            return result
        judged = judge(result, self._now)
        code = read_response(result.body) if isinstance(judged, Delivered) else ResponseCode.OK
        return judged if code is ResponseCode.OK else self._failed(result, code)

    def _failed(self, answer: Answer, code: ResponseCode) -> Failed:
        return Failed(
            failure=_FAILURES[code],
            reason=f"the endpoint answered HTTP {answer.status}, but with {code}",
            status=answer.status,
            retry_after=retry_after(answer.retry_after, self._now()),
            timing=answer.timing,
        )


def process_message_url(endpoint: str) -> str:
    """Return the URL of the operation, given that or the base that it is at; a query stays."""
    path, mark, query = endpoint.partition("?")
    path = path.rstrip("/")
    if unquote(path.rpartition("/")[2]) != OPERATION:
        path = f"{path}/{OPERATION}"
    return f"{path}{mark}{query}"


def read_response(body: bytes) -> ResponseCode:
    """Tell what the body of a 2xx says; ``ok`` where it says nothing that can be understood."""
    try:
        resource = parse(body).value
    except MalformedJson:
        return ResponseCode.OK
    kind = resource.get("resourceType")
    if kind == "OperationOutcome":
        return _of_outcome(resource)
    if kind == "Bundle" and resource.get("type") == "message":
        header = _first(resource.get("entry")).get("resource")
        response = header.get("response") if isinstance(header, dict) else None
        code = response.get("code") if isinstance(response, dict) else None
        if isinstance(code, str) and code in list(ResponseCode):
            return ResponseCode(code)
    return ResponseCode.OK


def _first(entries: Json) -> Resource:
    first = entries[0] if isinstance(entries, list) and entries else None
    return first if isinstance(first, dict) else {}


def _of_outcome(outcome: Resource) -> ResponseCode:
    listed = outcome.get("issue")
    issues = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    bad = [each.get("code") for each in issues if str(each.get("severity")) in _FATAL]
    if not bad:
        return ResponseCode.OK
    transient = all(isinstance(code, str) and code in _TRANSIENT for code in bad)
    return ResponseCode.TRANSIENT_ERROR if transient else ResponseCode.FATAL_ERROR
