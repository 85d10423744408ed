from __future__ import annotations

import asyncio

from hub.cli.arguments import build_parser
from hub.cli.client import HubClient
from hub.cli.exits import Exit
from hub.cli.story import Story
from hub.cli.story_step import Step
from hub.cli.watch import watch
from hub.clock import SystemClock
from hub.core.release import FhirRelease
from tests.cli.fake_hub import FakeHub
from tests.cli.screen import PATIENCE, Screen


def test_every_step_of_the_order_story_holds_and_a_watch_shows_every_change(hub_url: str) -> None:
    async def scenario() -> None:
        screen = Screen()
        arguments = build_parser().parse_args(
            ["watch", "--url", hub_url, "--count", "31", "--wait", "20s"]
        )
        scenes: list[str] = []
        async with asyncio.timeout(2 * PATIENCE):
            watching = asyncio.create_task(watch(arguments, screen.terminal))
            await screen.talk.until("watching")
            async with Story(hub_url, SystemClock(), announce=scenes.append) as story:
                held = await story.play()
                assert [step for step in story.steps if not step.held] == []
                assert held and await story.play_order()
            assert await watching == Exit.OK
        assert len(scenes) == 6
        _check_the_special_steps(story.steps)
        # The story registers three resources, then writes seven changes for each of four orders.
        assert len(screen.rows) == 31
        assert "gap" not in screen.talk.getvalue()

    asyncio.run(scenario())


def _check_the_special_steps(steps: list[Step]) -> None:
    assert [step.status for step in steps if step.who == "second desk"] == ["412"] * 5
    told = [step for step in steps if step.whom == "fulfiller" and step.number]
    assert [(step.number, step.status) for step in told] == [
        ("#1", "200"),
        ("#2", "200"),
        ("#3", "200"),
        ("#4", "503"),
        ("#4", "200"),
        ("#5", "200"),
    ]
    recovered = next(step for step in steps if "$events" in step.what)
    assert recovered.number == "#2" and recovered.held
    heard = [step.number for step in steps if step.whom == "placer"]
    assert heard[1:] == [f"#{number}" for number in range(1, 21)]


def test_the_story_leaves_no_subscription_behind(hub_url: str) -> None:
    async def scenario() -> None:
        clock = SystemClock()
        async with asyncio.timeout(PATIENCE), HubClient(hub_url, FhirRelease.R4, clock) as client:
            before = await client.statuses("Subscription/$status")
            async with Story(hub_url, clock) as story:
                await story.play()
                assert len(await client.statuses("Subscription/$status")) == len(before) + 3
            assert await client.statuses("Subscription/$status") == before

    asyncio.run(scenario())


def test_a_hub_that_refuses_ends_the_story_with_a_failed_step() -> None:
    async def scenario() -> None:
        async with FakeHub() as hub, Story(hub.url, SystemClock()) as story:
            assert not await story.play()
            assert "the story can't go on" in story.steps[-1].what

    asyncio.run(scenario())
