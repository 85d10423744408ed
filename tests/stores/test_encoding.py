"""A Subscription that shares what it can with others is the one that was written."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.release import FhirRelease
from hub.core.subscription import FilterBy, Identifier, Subscription
from hub.stores.encoding import (
    StreamFilters,
    decode_filters,
    decode_subscription,
    encode_filters,
    encode_subscription,
    whole_subscription,
)
from tests.support.subscriptions import a_subscription, subscriptions

R5 = FhirRelease.R5
HOSTILE = '","endpoint":null,"content_type":"","filter_by":[],"headers":[]}\\'
text = st.sampled_from([HOSTILE, '"', "\\", ',"headers":']) | st.text(st.characters(codec="utf-8"))


@st.composite
def any_subscription(draw: st.DrawFn) -> Subscription:
    found = draw(subscriptions(R5))
    return replace(
        found,
        topic=draw(text),
        endpoint=draw(st.none() | text),
        content_type=draw(text),
        filter_by=tuple(
            replace(each, value=draw(text), filter_parameter=draw(text)) for each in found.filter_by
        ),
        parameter=tuple((draw(text), draw(text)) for _ in found.parameter),
        identifier=tuple(Identifier(draw(st.none() | text), draw(text)) for _ in found.identifier),
        managing_entity=draw(st.frozensets(text, max_size=2)),
        administrative=draw(st.booleans()),
    )


def of_stream(filters: tuple[FilterBy, ...]) -> StreamFilters:
    return StreamFilters(encode_filters(filters), filters)


def values_of(subscription: Subscription) -> tuple[str, ...]:
    return tuple(value for _, value in subscription.parameter)


@given(whole=any_subscription(), own=st.booleans())
def test_it_comes_back_whatever_its_stream_has(whole: Subscription, *, own: bool) -> None:
    other = (FilterBy(filter_parameter="owner", value="Organization/other"),)
    parts = decode_subscription(
        encode_subscription(whole),
        values_of(whole),
        of_stream(whole.filter_by if own else other),
    )
    found = whole_subscription(whole.release, whole.id, parts)
    assert found == whole
    assert found.status is whole.status
    assert found.channel_type is whole.channel_type


@given(any_subscription())
def test_filters_come_back(whole: Subscription) -> None:
    assert decode_filters(encode_filters(whole.filter_by)) == whole.filter_by


def test_filters_that_are_the_streams_are_kept_once() -> None:
    whole = a_subscription(R5, filter_by=(FilterBy(filter_parameter="owner", value="a"),))
    filters = of_stream(whole.filter_by)
    found = decode_subscription(encode_subscription(whole), (), filters)
    assert found.filter_by is filters.filters


@pytest.mark.parametrize(
    ("there", "wrong"),
    [
        (b'"active"', b'"no-status"'),
        (b'"rest-hook"', b'"no-channel"'),
        (b'"id-only"', b'"no-content"'),
        (b'"max_count"', b'"most"'),
        (b',"headers":', b',"heads":'),
        (b'"https://example.org/hook"', b"https://example.org/hook"),
        (b"[]", b"["),
        (b"}", b""),
    ],
)
def test_what_is_not_as_it_was_written_is_refused_at_once(there: bytes, wrong: bytes) -> None:
    written = encode_subscription(a_subscription(R5))
    assert there in written
    with pytest.raises((LookupError, ValueError)):
        decode_subscription(written.replace(there, wrong, 1), ())


@pytest.mark.parametrize("values", [(), ("a", "b")])
def test_each_header_has_its_value(values: tuple[str, ...]) -> None:
    written = encode_subscription(a_subscription(R5, parameter=(("Authorization", "a"),)))
    with pytest.raises(ValueError, match="headers"):
        decode_subscription(written, values)
