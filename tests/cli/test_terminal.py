from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.cli.terminal import Terminal, clock_time, milliseconds, printable, wants_colour


class _Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "wanted"),
    [
        (_Tty(), {}, True),
        (_Tty(), {"NO_COLOR": "1"}, False),
        (_Tty(), {"NO_COLOR": ""}, True),
        (_Tty(), {"TERM": "dumb"}, False),
        (_Tty(), {"CLICOLOR": "0"}, False),
        (io.StringIO(), {}, False),
        (io.StringIO(), {"CLICOLOR_FORCE": "1"}, True),
        (io.StringIO(), {"CLICOLOR_FORCE": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colour_is_for_capable_terminals_whose_owner_did_not_say_no(
    stream: io.StringIO, environ: dict[str, str], wanted: bool
) -> None:
    assert wants_colour(stream, environ) is wanted


def test_data_goes_to_one_stream_and_talk_to_the_other() -> None:
    out, talk = io.StringIO(), io.StringIO()
    terminal = Terminal(out, talk, talk_colour=True)
    terminal.line(terminal.paint("data", "red"))
    terminal.talk("talk", "red")
    terminal.talk("plain")
    assert out.getvalue() == "data\n"
    assert talk.getvalue() == "\x1b[31mtalk\x1b[0m\nplain\n"


def test_a_table_has_columns_and_ends_lines_without_blanks() -> None:
    out = io.StringIO()
    Terminal(out, out).table(("A", "B"), [["long cell", "x"], ["y", ""]])
    assert out.getvalue() == "A          B\nlong cell  x\ny\n"


def test_the_head_of_a_table_is_dim_where_colours_are() -> None:
    out = io.StringIO()
    Terminal(out, out, colour=True).table(("A", "B"), [])
    assert out.getvalue() == "\x1b[2mA  B\x1b[0m\n"


@given(st.text())
def test_what_others_wrote_can_not_steer_the_terminal(text: str) -> None:
    assert all(sign.isprintable() for sign in printable(text))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-3, "0.0 ms"),
        (0.44, "0.4 ms"),
        (12.3, "12 ms"),
        (3140, "3.1 s"),
        (31_400, "31 s"),
    ],
)
def test_durations_read_well(value: float, text: str) -> None:
    assert milliseconds(value) == text


def test_the_time_of_day_has_milliseconds() -> None:
    shown = clock_time(datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC))
    assert shown.endswith(":05.678")
