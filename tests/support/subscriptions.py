"""Subscriptions for tests: any that a codec can carry, and one to change by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from hub.core.release import FhirRelease
from hub.core.subscription import (
    ChannelType,
    FilterBy,
    Identifier,
    PayloadContent,
    Subscription,
    SubscriptionStatusCode,
)

_NAME = st.from_regex(r"[a-z][a-z0-9]{0,6}(-[a-z0-9]{1,4})?", fullmatch=True)
_TYPE = st.sampled_from(["Task", "Patient", "Encounter", "ServiceRequest"])
_MODIFIER = st.sampled_from(["exact", "not", "in", "missing", "Patient", "identifier"])
_TEXT = st.text(
    st.characters(
        codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp"), include_characters=" "
    ),
    min_size=1,
    max_size=20,
)
"""No other space than that of ASCII: fhir.resources takes no string that is nothing else."""
_IDENTIFIER = st.builds(Identifier, st.none() | st.just("http://example.org/ids"), _NAME)


@st.composite
def _parameter_names(draw: st.DrawFn) -> str:
    name = draw(_NAME)
    if draw(st.booleans()):
        name = f"{draw(_NAME)}:{draw(_TYPE)}.{name}"
    elif draw(st.booleans()):
        name = f"_has:{draw(_TYPE)}:{draw(_NAME)}:{name}"
    return name


@st.composite
def filters(draw: st.DrawFn, release: FhirRelease) -> FilterBy:
    """Return any filter; only R5 keeps a comparator apart from the value."""
    modifier = draw(st.none() | _MODIFIER)
    comparator = None
    if release is FhirRelease.R5 and modifier is None:
        comparator = draw(st.none() | st.sampled_from(["eq", "gt", "le", "ap"]))
    return FilterBy(
        filter_parameter=draw(_parameter_names()),
        value=draw(_TEXT),
        resource_type=draw(st.none() | _TYPE),
        comparator=comparator,
        modifier=modifier,
    )


def headers() -> st.SearchStrategy[tuple[str, str]]:
    """Return any header, as name and value."""
    return st.tuples(
        st.from_regex(r"[A-Za-z][A-Za-z\-]{0,10}", fullmatch=True),
        _TEXT.map(str.strip).filter(bool),
    )


@st.composite
def subscriptions(draw: st.DrawFn, release: FhirRelease) -> Subscription:
    """Return any Subscription that the codec of ``release`` can carry."""
    channel = draw(st.sampled_from(ChannelType))
    shortest = 86_400 if channel is ChannelType.EMAIL else 1
    statuses = [
        code
        for code in SubscriptionStatusCode
        if release is FhirRelease.R5 or code is not SubscriptionStatusCode.ENTERED_IN_ERROR
    ]
    mime = st.sampled_from(
        [
            "application/fhir+json",
            "application/json",
            f"application/fhir+json; fhirVersion={release.version}",
        ]
    )
    return Subscription(
        release=release,
        id=draw(st.from_regex(r"[A-Za-z0-9\-.]{0,64}", fullmatch=True)),
        status=draw(st.sampled_from(statuses)),
        topic=draw(
            st.sampled_from(
                ["http://example.org/topic", "https://example.org/topic|1.0", "urn:oid:1.2.3"]
            )
        ),
        channel_type=channel,
        content=draw(st.sampled_from(PayloadContent)),
        endpoint=draw(st.none() | st.just("https://example.org/hook")),
        content_type=draw(mime),
        filter_by=tuple(draw(st.lists(filters(release), max_size=4))),
        parameter=tuple(draw(st.lists(headers(), max_size=4))),
        heartbeat_period=draw(st.none() | _seconds(shortest, 2**31 - 1)),
        timeout=draw(st.none() | _seconds(1, 120)),
        max_count=draw(st.none() | st.integers(1, 2**31 - 1)),
        end=draw(st.none() | st.integers(0, 2**55).map(_instant)),
        identifier=tuple(draw(st.lists(_IDENTIFIER, max_size=2))),
        suppress_echo=draw(st.booleans()),
    )


def _seconds(least: int, most: int) -> st.SearchStrategy[timedelta]:
    return st.integers(least, most).map(lambda seconds: timedelta(seconds=seconds))


def _instant(microseconds: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)


def a_subscription(release: FhirRelease, **changes: Any) -> Subscription:
    """Return a plain rest-hook Subscription with ``changes``."""
    return replace(
        Subscription(
            release=release,
            id="admission",
            status=SubscriptionStatusCode.ACTIVE,
            topic="http://hl7.org/SubscriptionTopic/admission",
            channel_type=ChannelType.REST_HOOK,
            content=PayloadContent.ID_ONLY,
            endpoint="https://example.org/hook",
        ),
        **changes,
    )
