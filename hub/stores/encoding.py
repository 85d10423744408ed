"""How values of the core stand in columns: instants, Subscriptions, filters, contexts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from sys import intern
from typing import Any, NamedTuple

import orjson

from hub.core.number_range import NumberRanges
from hub.core.related_query import Coding, RelatedQuery
from hub.core.release import FhirRelease
from hub.core.subscription import (
    ChannelType,
    FilterBy,
    Identifier,
    PayloadContent,
    Subscription,
    SubscriptionStatusCode,
)
from hub.core.value import value
from hub.core.version import EventContext, Occurrence, VersionReference

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NO_CONTEXT = EventContext()
_LOST = "lost"
_STATUSES = {each.value: each for each in SubscriptionStatusCode}
_CHANNELS = {each.value: each for each in ChannelType}
_CONTENTS = {each.value: each for each in PayloadContent}
_NOBODY: frozenset[str] = frozenset()
_TRIGGERS = 63
"""So many triggers have a bit in a number that SQLite can store."""

_ALIKE = 512
"""How many texts of Subscriptions without what is theirs alone are remembered."""

_KEPT = 512
"""How many contexts are remembered: most events of a topic have the same one."""


def micros(instant: datetime) -> int:
    """Return an aware instant in microseconds since 1970 UTC."""
    return (instant - _EPOCH) // _MICROSECOND


def optional_micros(instant: datetime | None) -> int | None:
    """Return ``micros`` of an instant, None for None."""
    return None if instant is None else micros(instant)


def from_micros(value: int) -> datetime:
    """Return the instant that ``micros`` gave."""
    return _EPOCH + value * _MICROSECOND


def optional_from_micros(value: int | None) -> datetime | None:
    """Return the instant that ``optional_micros`` gave."""
    return None if value is None else from_micros(value)


def encode_filters(filters: tuple[FilterBy, ...]) -> bytes:
    """Return filters as JSON."""
    return orjson.dumps([_filter_fields(found) for found in filters])


def decode_filters(text: bytes) -> tuple[FilterBy, ...]:
    """Return the filters that ``encode_filters`` wrote."""
    return _filters(orjson.loads(text))


def encode_context(context: EventContext) -> bytes | int | None:
    """Return a context as JSON, None for the empty one, a number where it is triggers alone.

    Bit k of the number is the trigger with index k; SQLite stores it in a byte, the least of all
    in none.
    """
    occurrence = context.occurrence
    if occurrence is None and not (context.includes or context.queries or context.lost):
        return _encode_triggers(context.triggers)
    includes = [(kept.resource_type, kept.id, kept.version) for kept in context.includes]
    queries = [(each.query, _coding(each.query_type)) for each in context.queries]
    fields: list[Any] = [context.triggers, includes, queries]
    if occurrence is not None:
        focus = occurrence.focus
        at = micros(occurrence.at)
        fields += [occurrence.triggers, (focus.resource_type, focus.id, focus.version), at]
    if context.lost:
        fields.append(_LOST)
    return orjson.dumps(fields)


@lru_cache(maxsize=_KEPT)
def _encode_triggers(triggers: tuple[int, ...]) -> bytes | int | None:
    if not triggers:
        return None
    if triggers == tuple(sorted({*triggers})) and triggers[0] >= 0 and triggers[-1] < _TRIGGERS:
        return sum(1 << trigger for trigger in triggers)
    return orjson.dumps((triggers, (), ()))


@lru_cache(maxsize=_KEPT)
def decode_context(stored: bytes | int | None) -> EventContext:
    """Return the context that ``encode_context`` wrote."""
    if stored is None:
        return _NO_CONTEXT
    if isinstance(stored, int):
        return EventContext(triggers=tuple(k for k in range(_TRIGGERS) if stored >> k & 1))
    triggers, includes, queries, *told = orjson.loads(stored)
    lost = told == [_LOST]
    return EventContext(
        triggers=tuple(triggers),
        includes=tuple(VersionReference(*kept) for kept in includes),
        queries=tuple(
            RelatedQuery(query, Coding(*coding) if coding else None) for query, coding in queries
        ),
        occurrence=_occurrence(*told) if told and not lost else None,
        lost=lost,
    )


def _coding(coding: Coding | None) -> tuple[str | None, ...] | None:
    return None if coding is None else (coding.system, coding.code, coding.display)


def _occurrence(triggers: list[int], focus: list[Any], at: int) -> Occurrence:
    return Occurrence(triggers=tuple(triggers), focus=VersionReference(*focus), at=from_micros(at))


def encode_resend(ranges: NumberRanges, asked: int) -> bytes | None:
    """Return what is to be sent once more as JSON, None where there is nothing."""
    return orjson.dumps((asked, ranges)) if ranges else None


def decode_resend(text: bytes | None) -> tuple[NumberRanges, int]:
    """Return what ``encode_resend`` wrote."""
    if text is None:
        return (), 0
    asked, ranges = orjson.loads(text)
    return tuple((first, last) for first, last in ranges), asked


def encode_ranges(ranges: NumberRanges) -> bytes | None:
    """Return ranges of numbers as JSON, None where there are none."""
    return orjson.dumps(ranges) if ranges else None


def decode_ranges(text: bytes | None) -> NumberRanges:
    """Return what ``encode_ranges`` wrote."""
    return () if text is None else tuple((first, last) for first, last in orjson.loads(text))


def encode_subscription(subscription: Subscription) -> bytes:
    """Return a Subscription as JSON, with the names of its headers but not their values."""
    return orjson.dumps(
        {
            "status": subscription.status,
            "topic": subscription.topic,
            "channel_type": subscription.channel_type,
            "content": subscription.content,
            "endpoint": subscription.endpoint,
            "content_type": subscription.content_type,
            "filter_by": [_filter_fields(found) for found in subscription.filter_by],
            "headers": [name for name, _ in subscription.parameter],
            "heartbeat_period": _optional_span(subscription.heartbeat_period),
            "timeout": _optional_span(subscription.timeout),
            "max_count": subscription.max_count,
            "end": optional_micros(subscription.end),
            "identifier": [(each.system, each.value) for each in subscription.identifier],
            "managing_entity": sorted(subscription.managing_entity),
            "administrative": subscription.administrative,
            "suppress_echo": subscription.suppress_echo,
        }
    )


_ENDPOINT, _CONTENT_TYPE = b',"endpoint":', b',"content_type":'
_FILTERS, _HEADERS = b',"filter_by":', b',"headers":'
"""Where the text of a Subscription can be cut: no value holds a quote that is not escaped."""


class StreamFilters(NamedTuple):
    """The filters of a stream, as they are stored and decoded."""

    text: bytes
    filters: tuple[FilterBy, ...]


NO_FILTERS = StreamFilters(b"[]", ())


@value(frozen=True, slots=True, kw_only=True)
class Common:
    """What a Subscription may have in common with others: nearly all."""

    status: SubscriptionStatusCode
    topic: str
    channel_type: ChannelType
    content: PayloadContent
    content_type: str
    headers: tuple[str, ...]
    heartbeat_period: timedelta | None
    timeout: timedelta | None
    max_count: int | None
    end: datetime | None
    identifier: tuple[Identifier, ...]
    managing_entity: frozenset[str]
    administrative: bool
    suppress_echo: bool


class SubscriptionParts(NamedTuple):
    """A Subscription that was read and found right, and is not put together yet."""

    common: Common
    endpoint: str | None
    filter_by: tuple[FilterBy, ...]
    parameter: tuple[tuple[str, str], ...]


def decode_subscription(
    text: bytes, values: tuple[str, ...], of_stream: StreamFilters = NO_FILTERS
) -> SubscriptionParts:
    """Return the parts of the Subscription that ``encode_subscription`` wrote.

    What most have in common with others is decoded once, as are filters that are the stream's.

    Args:
        values: of its headers, in order.
        of_stream: the filters of its stream, which nearly always are its own.

    Raises:
        LookupError: something is missing, or a code is unknown.
        ValueError: it is no such text, or there are more or fewer values than headers.
    """
    start, _, rest = text.partition(_ENDPOINT)
    endpoint, _, rest = rest.partition(_CONTENT_TYPE)
    middle, _, rest = rest.partition(_FILTERS)
    filters, _, end = rest.partition(_HEADERS)
    common = _common(start + _CONTENT_TYPE + middle + _HEADERS + end)
    headers = common.headers
    if len(headers) != len(values):
        raise ValueError(f"{len(values)} values for {len(headers)} headers")
    return SubscriptionParts(
        common,
        orjson.loads(endpoint),
        of_stream.filters if filters == of_stream.text else decode_filters(filters),
        tuple(zip(headers, values, strict=True)) if headers else (),
    )


def whole_subscription(release: FhirRelease, id: str, parts: SubscriptionParts) -> Subscription:
    """Return the Subscription of which these are the parts."""
    common, endpoint, filter_by, parameter = parts
    return Subscription(
        release=release,
        id=id,
        status=common.status,
        topic=common.topic,
        channel_type=common.channel_type,
        content=common.content,
        endpoint=endpoint,
        content_type=common.content_type,
        filter_by=filter_by,
        parameter=parameter,
        heartbeat_period=common.heartbeat_period,
        timeout=common.timeout,
        max_count=common.max_count,
        end=common.end,
        identifier=common.identifier,
        managing_entity=common.managing_entity,
        administrative=common.administrative,
        suppress_echo=common.suppress_echo,
    )


@lru_cache(maxsize=_ALIKE)
def _common(text: bytes) -> Common:
    fields: dict[str, Any] = orjson.loads(text)
    entity = fields["managing_entity"]
    return Common(
        status=_STATUSES[fields["status"]],
        topic=intern(fields["topic"]),
        channel_type=_CHANNELS[fields["channel_type"]],
        content=_CONTENTS[fields["content"]],
        content_type=intern(fields["content_type"]),
        headers=tuple(map(intern, fields["headers"])),
        heartbeat_period=_span(fields["heartbeat_period"]),
        timeout=_span(fields["timeout"]),
        max_count=fields["max_count"],
        end=optional_from_micros(fields["end"]),
        identifier=tuple([Identifier(*each) for each in fields["identifier"]]),
        managing_entity=frozenset(entity) if entity else _NOBODY,
        administrative=fields["administrative"],
        suppress_echo=fields["suppress_echo"],
    )


def _filters(found: list[dict[str, Any]]) -> tuple[FilterBy, ...]:
    return tuple(
        [
            FilterBy(
                filter_parameter=intern(fields["filter_parameter"]),
                value=fields["value"],
                resource_type=fields["resource_type"] and intern(fields["resource_type"]),
                comparator=fields["comparator"],
                modifier=fields["modifier"],
            )
            for fields in found
        ]
    )


def _filter_fields(found: FilterBy) -> dict[str, str | None]:
    return {
        "filter_parameter": found.filter_parameter,
        "value": found.value,
        "resource_type": found.resource_type,
        "comparator": found.comparator,
        "modifier": found.modifier,
    }


def _optional_span(span: timedelta | None) -> int | None:
    return None if span is None else span // _MICROSECOND


def _span(value: int | None) -> timedelta | None:
    return None if value is None else value * _MICROSECOND
