"""``fhir-hub guide``."""

from __future__ import annotations

import json

import pytest

from hub.__main__ import main
from hub.cli.exits import CommandError, Exit
from hub.cli.guide import name_of
from hub.cli.guide_text import lines
from hub.cli.terminal import Terminal
from hub.guides.guide import NAMES, read
from tests.cli.screen import Screen


def plain(markdown: str) -> list[str]:
    return list(lines(markdown, Screen().terminal))


def test_without_a_name_it_lists_all(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["guide", "--no-color"]) == Exit.OK
    shown = capsys.readouterr()
    assert [line.split()[0] for line in shown.out.splitlines()] == ["NAME", *NAMES]
    assert "fhir-hub guide NAME" in shown.err


@pytest.mark.parametrize("word", ["why-nothing-came", "why", "why-n"])
def test_the_beginning_of_a_name_is_enough(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["guide", word, "--no-color"]) == Exit.OK
    first, underline = capsys.readouterr().out.splitlines()[:2]
    assert first == read("why-nothing-came").title
    assert underline == "=" * len(first)


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("first", "may be first-fulfiller or first-placer or first-browser-client"),
        ("frist-placer", "did you mean first-placer"),
        ("topic", "did you mean writing-a-topic"),
        ("bro", "did you mean first-browser-client"),
        ("xyz", "there are first-fulfiller, "),
        ("", "there are first-fulfiller, "),
    ],
)
def test_an_unknown_or_ambiguous_name_is_one_line(
    word: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["guide", word]) == Exit.USAGE
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1 and words in shown.err


def test_a_whole_name_wins_over_a_longer_one() -> None:
    for name in NAMES:
        assert name_of(name) == name
    with pytest.raises(CommandError):
        name_of("nothing of the kind")


def test_programs_get_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["guide", "--format", "json"]) == Exit.OK
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["name"] for each in told] == list(NAMES)
    assert main(["guide", "after", "--format", "json"]) == Exit.OK
    one = json.loads(capsys.readouterr().out)
    assert one["text"] == read("after-an-outage").text


@pytest.mark.parametrize("name", NAMES)
def test_no_mark_of_markdown_is_left(name: str) -> None:
    shown = plain(read(name).text)
    prose = [line for line in shown if not line.startswith(("    ", "  │ "))]
    assert not any("`" in line or "](" in line or line.startswith("#") for line in prose)
    assert all(line == line.rstrip() for line in prose)


def test_markdown_becomes_plain_lines() -> None:
    markdown = (
        "# A *title*?\n\nTwo lines,\nwith `code` and [another](why-nothing-came.md).\n\n"
        "## Part\n\n- one\n- two\n  lines\n\n3. three\n4. four\n\n"
        "```sh\nrun this \\\n  now\n```\n\n```text terminal=x\nsaid\n```\n\n"
        "End.\n"
    )
    assert plain(markdown) == [
        *("A title?", "========", ""),
        *("Two lines,", "with code and another (fhir-hub guide why-nothing-came).", ""),
        *("Part", "----", ""),
        *(" - one", " - two", "   lines", ""),
        *("3. three", "4. four", ""),
        *("    run this \\", "      now", ""),
        *("  │ said", ""),
        "End.",
    ]


def test_what_could_move_the_cursor_is_not_written() -> None:
    hostile = "A \x1b[2J bell \x07\n\n```sh\necho \x1b]0;x\x07\n```\n"
    assert not any(sign in line for line in plain(hostile) for sign in "\x1b\x07")


def test_colours_only_add() -> None:
    screen = Screen()
    painted = Terminal(screen.terminal.out, screen.terminal.talk_stream, colour=True)
    markdown = "# Title\n\nSay `it`.\n\n```sh\nrun\n```\n"
    shown = "\n".join(lines(markdown, painted))
    assert "\x1b[1mTitle" in shown and "\x1b[36mit" in shown and "\x1b[36mrun" in shown


def test_the_hub_to_ask_may_be_in_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HUB_URL", "http://127.0.0.1:1")
    assert main(["subs", "list"]) == Exit.UNREACHABLE
    assert "http://127.0.0.1:1 does not answer" in capsys.readouterr().err
