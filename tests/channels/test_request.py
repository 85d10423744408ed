"""How the head of a request is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.channels.request import Origin, header_lines, target_of
from hub.errors import EndpointInvalid


@pytest.mark.parametrize(
    ("url", "origin", "target", "host"),
    [
        ("https://a.org", Origin(True, "a.org", 443, False), "/", "a.org"),
        ("https://A.org:443/x?", Origin(True, "a.org", 443, False), "/x", "a.org"),
        ("http://a.org:443/?x=?", Origin(False, "a.org", 443, False), "/?x=?", "a.org:443"),
        ("https://a.org./", Origin(True, "a.org.", 443, False), "/", "a.org"),
        ("http://127.0.0.1:8080//x//", Origin(False, "127.0.0.1", 8080, True), "//x//", None),
        ("https://[0::1]/a%2fb", Origin(True, "::1", 443, True), "/a%2fb", "[::1]"),
        ("https://bücher.de/", Origin(True, "xn--bcher-kva.de", 443, False), "/", None),
    ],
)
def test_the_opening_names_target_and_host(
    url: str, origin: Origin, target: str, host: str | None
) -> None:
    found = target_of("POST", url)
    host = host or {True: origin.host, False: f"{origin.host}:{origin.port}"}[origin.tls]

    assert found.origin == origin
    assert found.opening == f"POST {target} HTTP/1.1\r\nHost: {host}\r\n".encode()


def test_a_url_that_can_be_read_in_two_ways_is_refused_each_time() -> None:
    for _ in range(2):
        with pytest.raises(EndpointInvalid):
            target_of("POST", "https://a.org\\@b.org/")


@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8))))
def test_each_header_is_a_line_of_its_own_or_nothing_is_written(
    headers: list[tuple[str, str]],
) -> None:
    breaking = any({"\r", "\n", "\0"} & {*name, *value} for name, value in headers)
    try:
        lines = header_lines(tuple(headers))
    except UnicodeEncodeError:
        assert any("\ud800" <= each <= "\udfff" for pair in headers for each in "".join(pair))
    except ValueError:
        assert breaking
    else:
        assert not breaking
        assert lines.split(b"\r\n")[:-1] == [f"{n}: {v}".encode() for n, v in headers]


def test_the_urls_of_ten_thousand_subscriptions_are_each_read_once() -> None:
    urls = [f"https://a.org/hook/{number}" for number in range(10_000)]
    first = [target_of("POST", url) for url in urls]
    read = target_of.cache_info().misses
    assert all(target_of("POST", url) is each for url, each in zip(urls, first, strict=True))
    assert target_of.cache_info().misses == read
