"""Above and below on URLs, and the text of references."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.core.search import parse_condition
from tests.support.searches import R4, asks


def test_the_display_of_a_reference_is_text() -> None:
    task = {"resourceType": "Task", "owner": {"display": "Labor Süd"}}
    assert asks("owner:text", "LABOR SUD", task)
    assert not asks("owner:text", "sud", task)
    assert not asks("owner:text", "labor")


URLS = st.lists(st.sampled_from(("a", "b", "a.b", "")), max_size=4).map(
    lambda parts: "/".join(("http://h", *parts))
)


@given(URLS, URLS)
def test_a_url_is_below_whatever_it_has_above_by_whole_parts(url: str, other: str) -> None:
    value_set = {"resourceType": "ValueSet", "url": url}
    is_below = url == other or url.startswith(other.removesuffix("/") + "/")
    assert asks("url:below", other, value_set) is is_below
    assert asks("url:above", url, value_set | {"url": other}) is is_below
    assert asks("url:below", f"http://x,{url}", value_set)
    assert not asks("url:below", url, {"resourceType": "ValueSet"})


def test_below_has_one_spelling_for_equal_meanings() -> None:
    one, other = (
        parse_condition(R4, "ValueSet", "url:below", value)
        for value in ("http://a,http://b", "http://b,http://a,http://b")
    )
    assert one == other
    assert one.canonical == "url:below=http://a,http://b"
