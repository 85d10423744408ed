"""``$resend``: events go over the Subscription's channel once more.

Source: backport IG, OperationDefinition backport-subscription-resend.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hub.codecs.outcome import information
from hub.core.json_text import dumps
from hub.core.number_range import in_words
from hub.engine.resend import Resent, Span
from hub.errors import MethodNotAllowed
from hub.web.arguments import Arguments
from hub.web.call import Answer, Call
from hub.web.service import Service
from hub.web.target import Target

_PARAMETERS: Final = (
    "eventsSinceNumber",
    "eventsUntilNumber",
    "eventsSinceInstant",
    "eventsUntilInstant",
)


async def resend(service: Service, call: Call, target: Target) -> Answer:
    """Let events be sent again, and answer an OperationOutcome that names their numbers.

    Raises:
        MethodNotAllowed: it was not POST.
        InvalidValue, Expired, Unprocessable, NotFound: nothing is sent.
    """
    if call.method != "POST":
        raise MethodNotAllowed("$resend sends something, so it takes POST")
    arguments = Arguments(service, call, _PARAMETERS)
    span = Span(
        since_number=arguments.number("eventsSinceNumber"),
        until_number=arguments.number("eventsUntilNumber"),
        since_instant=arguments.instant("eventsSinceInstant"),
        until_instant=arguments.instant("eventsUntilInstant"),
    )
    resent = await service.hub.resends.resend(call.release, target.id, span)
    told = information(_words(target.id, resent), *_warnings(resent))
    return Answer(status=200, body=dumps(told))


def _words(id: str, resent: Resent) -> str:
    if resent.first is None or resent.last is None:
        return f"Subscription/{id} was sent no event of that span; nothing is sent again"
    numbers = in_words(((resent.first, resent.last),))
    told = f"Subscription/{id} will be sent again the event numbers {numbers}"
    if resent.sockets is not None:
        told += (
            f", over {resent.sockets} bound socket{'s' if resent.sockets > 1 else ''}; a socket "
            "that closes before binds again with resume-after"
        )
    if resent.waiting and resent.waiting != ((resent.first, resent.last),):
        told += f"; waiting altogether: {in_words(resent.waiting)}"
    return told


def _warnings(resent: Resent) -> Iterator[str]:
    if resent.pending is not None:
        yield (
            f"events from number {resent.pending} on are on their way or were not sent yet; they "
            "arrive by themselves, in their order"
        )
    if resent.lowest is not None:
        yield (
            f"events before number {resent.lowest} are no longer kept; read the resources anew "
            "for what happened then"
        )
