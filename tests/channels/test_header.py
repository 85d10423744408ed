from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.channels.header import check_headers, parse_header
from hub.errors import HeaderNotAllowed

ACCEPTED = {
    "Authorization: Bearer abc.def-ghi": ("Authorization", "Bearer abc.def-ghi"),
    "X-A:v": ("X-A", "v"),
    "X-A: \t v w\tx \t": ("X-A", "v w\tx"),
    "X-A: http://example.org:80/": ("X-A", "http://example.org:80/"),
    "X-A:": ("X-A", ""),
    "X:A: v": ("X", "A: v"),
    "x!#$%&'*+.^_`|~9: ok": ("x!#$%&'*+.^_`|~9", "ok"),
    "Accept: */*": ("Accept", "*/*"),
    "X-A: " + "v" * 2048: ("X-A", "v" * 2048),
    "N" * 64 + ": v": ("N" * 64, "v"),
}
REFUSED = [
    *("", "X-A", ": v", "X A: v", "X-A : v", " X-A: v", "X(A): v", "Ä: v", "X\x00: v", "X\n: v"),
    *(
        "X-A: a\rb",
        "X-A: a\nb",
        "X-A: a\r\n b",
        "X-A: v\n",
        "X-A: \x00",
        "X-A: a\x7f",
        "X-A: \x1b[0m",
    ),
    *("X-A: é", "X-A: 🙂", "X-A: a\u2028b", "X-A: a\u0085b", "X-A: a\u00a0b", "X-A: \ufeffv"),
    *("Host: x", "host: x", "Content-Length: 0", "Transfer-Encoding: chunked", "TE: trailers"),
    *("Connection: close, X-Secret", "Keep-Alive: 1", "Upgrade: h2c", "Expect: 100-continue"),
    *("Trailer: X-A", "Content-Encoding: gzip", "Content-Type: text/plain", "User-Agent: x"),
    *(
        "Proxy-Authorization: x",
        "proxy-connection: x",
        "X-Forwarded-For: 127.0.0.1",
        "Forwarded: x",
    ),
    *("Via: x", "Date: x", "Cookie: a=b", "webhook-signature: v1,x", "HTTP2-Settings: x"),
    *("X-A: " + "v" * 2049, "N" * 65 + ": v"),
]


@pytest.mark.parametrize("text", ACCEPTED)
def test_a_plain_header_is_split_at_its_first_colon(text: str) -> None:
    assert parse_header(text) == ACCEPTED[text]


@pytest.mark.parametrize("text", REFUSED)
def test_a_header_that_cannot_be_sent_is_refused(text: str) -> None:
    with pytest.raises(HeaderNotAllowed) as caught:
        parse_header(text, expression="Subscription.channel.header")

    assert caught.value.expression == "Subscription.channel.header"


@pytest.mark.parametrize("text", [text for text in REFUSED if ":" in text])
def test_pairs_follow_the_same_grammar(text: str) -> None:
    name, _, value = text.partition(":")

    with pytest.raises(HeaderNotAllowed) as caught:
        check_headers([("X-Fine", "1"), (name, value)])

    assert caught.value.expression == "Subscription.parameter"


def test_a_name_may_not_hold_a_colon() -> None:
    with pytest.raises(HeaderNotAllowed):
        check_headers([("X:A", "v")])


def test_twenty_headers_are_accepted_even_of_the_same_name() -> None:
    check_headers([("X-A", str(number)) for number in range(20)])


def test_twenty_one_headers_are_refused() -> None:
    with pytest.raises(HeaderNotAllowed, match="20"):
        check_headers([("X-A", str(number)) for number in range(21)])


def test_headers_that_are_too_large_together_are_refused() -> None:
    check_headers([("X-A", "v" * 2000)] * 4)
    with pytest.raises(HeaderNotAllowed, match="together"):
        check_headers([("X-A", "v" * 2000)] * 5)


@given(st.text(), st.text())
def test_whatever_is_accepted_fits_on_one_line_of_ascii(name: str, value: str) -> None:
    words = ""
    try:
        check_headers([(name, value)])
    except HeaderNotAllowed as refusal:
        words = refusal.diagnostics
    if words:
        assert len(value) < 8 or value in name or value not in words
    else:
        line = f"{name}: {value}"
        assert line.isascii()
        assert len(line.splitlines()) == 1


@given(st.text(min_size=1, max_size=30))
def test_a_string_and_its_pair_agree(text: str) -> None:
    try:
        pair = parse_header(text)
    except HeaderNotAllowed:
        return
    check_headers([pair])
    assert parse_header(": ".join(pair)) == pair
