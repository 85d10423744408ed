"""How answers are read: whatever comes, in whatever pieces."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.channels.limits import EgressLimits
from hub.channels.reader import NotHttpError, Reader

OK = b"HTTP/1.1 200 OK\r\n"
EMPTY = b"Content-Length: 0\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
MOST = 64
LIMITS = EgressLimits(header_line_bytes=100, headers=5)
Read = tuple[int, str | None, bytes, bool, bool]
ANSWERS: list[tuple[bytes, Read]] = [
    (OK + EMPTY, (200, None, b"", True, True)),
    (OK + b"Content-Length: 3\r\n\r\nabc", (200, None, b"abc", True, True)),
    (OK + CHUNKED + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n", (200, None, b"abcde", True, True)),
    (OK + CHUNKED + b"1\r\na\r\n0\r\nRetry-After: 9\r\n\r\n", (200, None, b"a", True, True)),
    (b"HTTP/1.1 204 No Content\r\nA: b\r\n\r\n", (204, None, b"", True, True)),
    (b"HTTP/1.1 503\r\nretry-AFTER:  5 \r\n" + EMPTY, (503, "5", b"", True, True)),
    (OK + b"Retry-After: 5\r\nRetry-After: 6\r\n" + EMPTY, (200, "5", b"", True, True)),
    (
        b"HTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\n\r\nHTTP/1.1 100\r\n\r\n" + OK + EMPTY,
        (200, None, b"", True, True),
    ),
    (OK + b"Connection: close\r\n" + EMPTY, (200, None, b"", True, False)),
    (b"HTTP/1.0 200 OK\r\n" + EMPTY, (200, None, b"", True, False)),
    (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + EMPTY, (200, None, b"", True, True)),
    (OK + b"\r\nuntil the end", (200, None, b"until the end", False, False)),
    (OK + b"Content-Length: 65\r\n\r\n" + b"x" * 65, (200, None, b"", True, True)),
    (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", (101, None, b"", True, False)),
    (b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", (200, None, b"", True, True)),
]


def a_reader(limits: EgressLimits = LIMITS, most: int = MOST) -> Reader:
    reader = Reader(limits, lambda: 1.0)
    reader.begin(most)
    return reader


def read(reader: Reader) -> Read:
    return reader.status, reader.retry_after, reader.body, reader.complete, reader.persists


@pytest.mark.parametrize(("wire", "expected"), ANSWERS)
def test_an_answer_is_read(wire: bytes, expected: Read) -> None:
    reader = a_reader()
    reader.feed(wire)

    assert read(reader) == expected
    assert not reader.followed


@given(st.sampled_from(ANSWERS), st.lists(st.integers(0, 120)))
def test_into_which_pieces_it_is_cut_is_of_no_meaning(
    answer: tuple[bytes, Read], cuts: list[int]
) -> None:
    wire, expected = answer
    reader = a_reader()
    for begin, end in itertools.pairwise([0, *sorted(cuts), max([len(wire), *cuts])]):
        reader.feed(wire[begin:end])

    assert read(reader) == expected


@given(st.lists(st.sampled_from([each for each in ANSWERS if each[1][3] and each[1][4]])))
def test_one_answer_after_the_other_is_read_afresh(answers: list[tuple[bytes, Read]]) -> None:
    reader = a_reader()
    for wire, expected in answers:
        reader.begin(MOST)
        reader.feed(wire)
        assert read(reader) == expected


NOISE = st.one_of(
    st.binary(max_size=40),
    st.sampled_from(
        [OK, EMPTY, CHUNKED, b"\r\n", b"0\r\n", b"A: b\r\n", b"HTTP/1.1 100 x\r\n\r\n"]
    ),
)


@given(st.lists(NOISE, max_size=30))
def test_whatever_comes_is_an_answer_or_none_and_never_much(pieces: list[bytes]) -> None:
    reader = a_reader()
    for piece in pieces:
        try:
            reader.feed(piece)
        except NotHttpError:
            break
        if reader.complete:
            break

    assert len(reader.body) <= MOST
    assert reader.status == 0 or reader.status >= 200 or reader.status in {*range(100), 101}


@pytest.mark.parametrize("rest", [OK, b"x", b"HTTP/1.1 500 no\r\nRetry-After: 1\r\n" + EMPTY])
def test_what_follows_an_answer_changes_nothing_in_it(rest: bytes) -> None:
    reader = a_reader()
    try:
        reader.feed(OK + EMPTY + rest)
    except NotHttpError:
        assert not rest.startswith(b"HTTP/")

    assert read(reader) == (200, None, b"", True, True)
    assert reader.followed


@pytest.mark.parametrize(
    "head",
    [
        OK + b"A: " + b"b" * 99 + b"\r\n" + EMPTY,
        OK + b"A: b\r\n" * 4 + EMPTY,
        b"HTTP/1.1 200 " + b"b" * 100 + b"\r\n" + EMPTY,
    ],
    ids=["line", "number", "first line"],
)
def test_the_head_may_be_so_large_and_no_larger(head: bytes) -> None:
    a_reader().feed(head)
    larger = head.replace(b"b\r\n", b"bb\r\n").replace(EMPTY, b"C: d\r\n" + EMPTY)

    for size in (len(larger), 1):
        with pytest.raises(NotHttpError):
            _feed(a_reader(), larger, size)


def _feed(reader: Reader, wire: bytes, size: int) -> None:
    for begin in range(0, len(wire), size):
        reader.feed(wire[begin : begin + size])


@pytest.mark.parametrize(
    ("first", "more"),
    [
        (b"", b"\r\n"),
        (b"HTTP/1.1 200 ", b"x"),
        (OK + b"A", b"x"),
        (OK + b"A: ", b"x"),
        (OK + b"A: ", b" "),
        (OK + b"A: b", b"\r\n "),
    ],
    ids=["blank lines", "first line", "name", "value", "blanks", "folded"],
)
def test_of_a_head_without_end_only_a_little_is_read(first: bytes, more: bytes) -> None:
    reader = a_reader()
    reader.feed(first)

    assert _taken(reader, more) <= 200


def _taken(reader: Reader, piece: bytes) -> int:
    """Return how many bytes were read before it was too much."""
    for count in range(1000):
        try:
            reader.feed(piece)
        except NotHttpError:
            return count * len(piece)
    raise AssertionError("it is never too much")


@pytest.mark.parametrize(
    "first", [b"3;x=", b"0\r\nA: ", b"0\r\nA"], ids=["chunk extension", "trailer", "name"]
)
def test_around_a_body_there_may_not_be_more_than_a_megabyte(first: bytes) -> None:
    reader = a_reader()
    reader.feed(OK + CHUNKED + first)
    fed = 0
    while not reader.too_long:
        reader.feed(b"y" * 65536)
        fed += 65536

    assert fed <= 1024 * 1024


def test_of_a_body_that_is_too_long_nothing_is_kept() -> None:
    reader = a_reader()
    reader.feed(OK + CHUNKED + b"40\r\n" + b"x" * 64 + b"\r\n")
    assert len(reader.body) == 64
    reader.feed(b"1\r\nx\r\n1\r\nx\r\n")

    assert reader.too_long
    assert reader.body == b""


@pytest.mark.parametrize(
    "wire",
    [
        b"http/1.1 200 OK\r\n" + EMPTY,
        b"HTTP/1.9 200 OK\r\n" + EMPTY,
        b"HTTP/1.1 20 OK\r\n" + EMPTY,
        b"SSH-2.0-OpenSSH_9.2\r\n",
        OK + b"A : b\r\n" + EMPTY,
        OK + b": b\r\n" + EMPTY,
        OK + b"A: b\0c\r\n" + EMPTY,
        OK + b"A: b\rc\r\n" + EMPTY,
        OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxy",
        OK + b"Content-Length: -1\r\n\r\n",
        OK + b"Content-Length: 99999999999999999999999\r\n\r\n",
        OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        OK + CHUNKED + b"zz\r\n",
    ],
)
def test_what_is_no_http_is_refused(wire: bytes) -> None:
    with pytest.raises(NotHttpError):
        a_reader().feed(wire)
