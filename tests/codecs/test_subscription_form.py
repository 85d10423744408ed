"""A form of a Subscription: read to what every release can write and read back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.codecs.releases import codecs_of_releases
from hub.codecs.subscription_form import read_form
from hub.core.refusals import Refusals
from hub.core.release import FhirRelease
from hub.core.subscription import ChannelType, FilterBy, PayloadContent, Subscription
from hub.errors import InvalidResource

TOPIC = "http://example.org/topics/t|1.0.0"
CODECS = codecs_of_releases()

_words = st.text(st.characters(min_codepoint=33, max_codepoint=0x24F), min_size=1, max_size=12)
_values = _words.filter(lambda text: not any("\x7f" <= sign <= "\x9f" for sign in text)).map(
    str.strip
)
_filters = st.fixed_dictionaries(
    {
        "resourceType": st.sampled_from(["", "Task", "Patient"]),
        "filterParameter": st.sampled_from(["owner", "_id", "owner:Practitioner.name", "a.b"]),
        "value": _values.filter(bool),
    },
    optional={"modifier": st.sampled_from(["", "not", "missing", "Patient"])},
)
_headers = st.fixed_dictionaries(
    {"name": st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,8}", fullmatch=True), "value": _values}
).filter(lambda header: header["value"].strip())
_numbers = st.integers(1, 120).map(str) | st.just("")
FORMS = st.fixed_dictionaries(
    {"topic": st.just(TOPIC)},
    optional={
        "channelType": st.sampled_from(list(ChannelType)).map(str),
        "endpoint": st.just("https://example.org/hook"),
        "content": st.sampled_from(list(PayloadContent)).map(str),
        "heartbeatPeriod": st.just("86400") | st.just(""),
        "timeout": _numbers,
        "maxCount": _numbers,
        "end": st.just("2031-01-31T12:00:00+01:00") | st.just(""),
        "filterBy": st.lists(_filters, max_size=3),
        "parameter": st.lists(_headers, max_size=3),
    },
)


def read(form: Any) -> tuple[Subscription, list[str | None]]:
    refusals = Refusals()
    found = read_form(form, refusals)
    return found, [each.expression for each in refusals.found]


@given(form=FORMS)
def test_what_a_form_makes_reads_back_in_each_release(form: Any) -> None:
    subscription, refused = read(form)
    assert refused == []
    for release, codec in CODECS.items():
        there = replace(subscription, release=release)
        assert codec.decode_subscription(codec.encode_subscription(there)) == there


def test_a_whole_form_is_read() -> None:
    subscription, refused = read(
        {
            "topic": f" {TOPIC} ",
            "channelType": "email",
            "endpoint": "mailto:ward@example.org",
            "content": "empty",
            "contentType": "",
            "heartbeatPeriod": "90000",
            "timeout": "5",
            "maxCount": "3",
            "end": "2031-01-31T12:00:00Z",
            "filterBy": [
                {"resourceType": "Task", "filterParameter": "owner", "value": " a,b "},
                {
                    "resourceType": "Resource",
                    "filterParameter": "d",
                    "comparator": "ge",
                    "value": "1",
                },
            ],
            "parameter": [{"name": "X-A", "value": " 1 "}],
        }
    )
    assert refused == []
    assert subscription == Subscription(
        release=FhirRelease.R5,
        id="",
        status=subscription.status,
        topic=TOPIC,
        channel_type=ChannelType.EMAIL,
        endpoint="mailto:ward@example.org",
        content=PayloadContent.EMPTY,
        content_type="text/plain",
        filter_by=(
            FilterBy(resource_type="Task", filter_parameter="owner", value="a,b"),
            FilterBy(filter_parameter="d", comparator="ge", value="1"),
        ),
        parameter=(("X-A", "1"),),
        heartbeat_period=timedelta(seconds=90000),
        timeout=timedelta(seconds=5),
        max_count=3,
        end=datetime(2031, 1, 31, 12, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("field", "value", "expression"),
    [
        ("topic", "", "topic"),
        ("topic", "order-placed", "topic"),
        ("channelType", "pigeon", "channelType"),
        ("content", "all", "content"),
        ("heartbeatPeriod", "-1", "heartbeatPeriod"),
        ("heartbeatPeriod", "9" * 40, "heartbeatPeriod"),
        ("timeout", "1.5", "timeout"),
        ("maxCount", "0", "maxCount"),
        ("end", "tomorrow", "end"),
        ("filterBy", [{"value": "x"}], "filterBy[0]"),
        ("filterBy", [{"filterParameter": "a b", "value": "x"}], "filterBy[0]"),
        ("filterBy", [{"filterParameter": "a", "value": " "}], "filterBy[0]"),
        ("filterBy", [{"filterParameter": "a", "value": "x\ny"}], "filterBy[0]"),
        ("filterBy", [{"filterParameter": "a", "value": "x", "resourceType": "t"}], "filterBy[0]"),
        (
            "filterBy",
            [{"filterParameter": "a", "value": "1", "comparator": "ge", "modifier": "not"}],
            "filterBy[0]",
        ),
        ("parameter", [{"name": "", "value": "x"}], "parameter[0].name"),
        ("parameter", [{"name": "A: b", "value": "x"}], "parameter[0].name"),
        (
            "parameter",
            [{"name": "A", "value": "x"}, {"name": "B", "value": ""}],
            "parameter[1].value",
        ),
    ],
)
def test_what_no_release_takes_is_refused_at_its_field(
    field: str, value: Any, expression: str
) -> None:
    _, refused = read({"topic": TOPIC, field: value})
    assert refused == [f"Subscription.{expression}"]


@pytest.mark.parametrize(
    "form",
    [
        [],
        "x",
        {"x": "1"},
        {"topic": 1},
        {"filterBy": {}},
        {"filterBy": ["x"]},
        {"filterBy": [{"value": 1}]},
        {"parameter": [{"x": "1"}]},
    ],
)
def test_what_is_no_form_is_refused(form: Any) -> None:
    with pytest.raises(InvalidResource):
        read(form)
