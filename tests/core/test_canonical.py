from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.canonical import joined_canonical, split_canonical, version_order

VERSIONS = st.none() | st.text("0123456789.-ab²٣", min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (None, "1"),
        ("1.9", "1.10"),
        ("1.0.0", "1.0.1"),
        ("2.0.0", "10.0.0"),
        ("9" * 5000, "1" + "0" * 5000),
    ],
)
def test_the_version_with_the_higher_number_is_newer(older: str | None, newer: str) -> None:
    assert version_order(older) < version_order(newer)


def test_zeros_before_a_number_do_not_count() -> None:
    assert version_order("1.01") == version_order("01.1")


@given(VERSIONS, VERSIONS)
def test_any_two_versions_can_be_ordered(one: str | None, other: str | None) -> None:
    first, second = version_order(one), version_order(other)
    assert (first < second) + (second < first) + (first == second) == 1


@given(st.sampled_from(("http://a.org/x", "urn:oid:1.2")), VERSIONS)
def test_what_is_joined_can_be_split(url: str, version: str | None) -> None:
    assert split_canonical(joined_canonical(url, version)) == (url, version)
