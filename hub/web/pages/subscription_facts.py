"""What the pages of Subscriptions tell of one: its request, how it fares, its attempts; as JSON.

Header values are never told.  A classic Subscription has no numbers that anybody is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from hub.codecs.filter_criteria import write_filter
from hub.core.delivery import FailureClass
from hub.core.instant import format_instant
from hub.core.release import Json, Resource
from hub.core.subscriber import Attempt, Subscriber
from hub.core.subscription import ChannelType
from hub.engine.condition import Condition, Fare
from hub.engine.header_mask import MASK
from hub.engine.verification import likely_cause
from hub.web.pages.subscription_filter import Row

ADVICE: Final[Mapping[Condition, str]] = {
    Condition.ERROR: (
        "Mend the cause, verify the endpoint, then reactivate. Events since then are kept as long "
        "as retention allows, and go first, in their order."
    ),
    Condition.FAILING: (
        "The hub tries again by itself and gives up only after the time that --give-up-after says. "
        "Verify tells how the endpoint answers now."
    ),
    Condition.REQUESTED: "Its handshake has not succeeded yet; events are counted and wait for it.",
    Condition.UNBOUND: (
        "No socket is bound: bind one with a token of $get-ws-binding-token. Events are counted "
        "and kept as long as retention allows."
    ),
    Condition.OFF: (
        "Nothing is counted or sent while it is off. Reactivate it to go on with the next number."
    ),
    Condition.ENTERED_IN_ERROR: "It was marked as a mistake; delete it, or create another one.",
}
_NO_HANDSHAKE: Final = (
    "Its handshake fails; it is tried a few times within a minute, then the Subscription is in "
    "error. Events are counted and wait."
)
_CLASSIC_UNBOUND: Final = (
    "No socket is bound: connect to the hub's websocket and send bind with its id."
)
_ASKED: Final = "A person was asked by mail to agree; nothing is sent before that."


def summary(row: Row) -> dict[str, Json]:
    """Return what the list tells of one Subscription."""
    fare, subscriber = row.fare, row.fare.subscriber
    subscription, state = subscriber.subscription, subscriber.delivery
    numbered, due = not subscription.is_classic, fare.due
    return {
        "release": subscription.release.value,
        "id": subscription.id,
        "name": row.name,
        "status": subscription.status.value,
        "condition": fare.condition.value,
        "topic": subscription.topic,
        "topicTitle": row.title,
        "filters": [write_filter(each) for each in subscription.filter_by],
        "channel": subscription.channel_type.value,
        "endpoint": subscription.endpoint,
        "content": subscription.content.value,
        "administrative": subscription.administrative,
        "events": fare.total if numbered else None,
        "delivered": fare.sent if numbered else None,
        "undelivered": fare.undelivered,
        "failures": state.failures,
        "failingSince": _instant(state.failing_since),
        "next": None if due is None else {"kind": due.kind, "at": _instant(due.at)},
        "lastAnswered": _instant(fare.answered),
        "heartbeatPeriod": _seconds(subscription.heartbeat_period),
        "sockets": fare.sockets,
        "error": subscriber.error,
        "errorCode": subscriber.error_code,
    }


def request(subscriber: Subscriber, resource: Resource) -> dict[str, Json]:
    """Return what the client asked for, beside what ``summary`` tells."""
    subscription = subscriber.subscription
    return {
        "reason": resource.get("reason"),
        "contact": [each["value"] for each in resource.get("contact", ()) if each.get("value")],
        "identifier": [str(each) for each in subscription.identifier],
        "isClassic": subscription.is_classic,
        "topicVersion": subscriber.topic_version,
        "headers": [{"name": header, "value": MASK} for header, _ in subscription.parameter],
        "contentType": subscription.content_type,
        "timeout": _seconds(subscription.timeout),
        "maxCount": subscription.max_count,
        "end": _instant(subscription.end),
        "created": _instant(subscriber.created),
    }


def numbers(fare: Fare) -> dict[str, Json]:
    """Return the number line: runs that cover 1 to the newest, and where segments begin.

    A segment begins where the filters or the topic were changed, or after it was off: what
    happened in between has no number.
    """
    return {
        "total": fare.total,
        "lowestKept": fare.lowest,
        "runs": [
            {"first": run.first, "last": run.last, "state": run.state.value} for run in fare.runs
        ],
        "segments": [each.first for each in fare.subscriber.segments],
    }


def attempt(found: Attempt, channel: ChannelType, *, numbered: bool) -> dict[str, Json]:
    """Return one attempt; its phases are milliseconds, None where one did not happen."""
    timing = found.timing
    failed = found.outcome in set(FailureClass)
    return {
        "at": format_instant(found.at),
        "kind": found.kind,
        "first": found.first if numbered else None,
        "last": found.last if numbered else None,
        "outcome": found.outcome,
        "status": found.status,
        "milliseconds": round(timing.total, 3),
        "address": timing.address,
        **{
            name: None if value is None else round(value, 3)
            for name, value in (
                ("dns", timing.dns),
                ("connect", timing.connect),
                ("tls", timing.tls),
                ("wait", timing.wait),
            )
        },
        "reason": found.reason or None,
        "cause": likely_cause(channel, FailureClass(found.outcome)) if failed else None,
    }


def advice(fare: Fare) -> str | None:
    """Return what to do about how it fares, None where there is nothing to do."""
    subscriber, condition = fare.subscriber, fare.condition
    if condition is Condition.REQUESTED and subscriber.delivery.asking_since is not None:
        return _ASKED
    if condition is Condition.FAILING and subscriber.subscription.status == "requested":
        return _NO_HANDSHAKE
    if condition is Condition.UNBOUND and subscriber.subscription.is_classic:
        return _CLASSIC_UNBOUND
    return ADVICE.get(condition)


def name_of(resource: Resource) -> str:
    """Return what people call a Subscription: its name, or its reason."""
    return str(resource.get("name") or resource.get("reason") or "")


def _instant(at: datetime | None) -> str | None:
    return None if at is None else format_instant(at)


def _seconds(duration: timedelta | None) -> float | None:
    return None if duration is None else duration.total_seconds()
