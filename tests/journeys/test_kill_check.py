"""The check after the kills finds what it is there to find."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace

from tests.support.kill_check import (
    Acknowledged,
    Event,
    Findings,
    Version,
    check_events,
    check_numbers,
    check_store,
)
from tests.support.processes import ROOT, environment, run_to_end

EVENTS = [Event(number, f"Task/{number}", f"12:00:0{number}") for number in range(1, 5)]
STORED = [Version("Task/1", 1, "a", "12:00"), Version("Task/1", 2, None, "12:01")]


def numbers(received: list[Event], events: list[Event] = EVENTS) -> Findings:
    findings = Findings()
    check_numbers(findings, "s", events, received)
    return findings


def test_deliveries_in_order_are_sound_and_repetitions_are_counted() -> None:
    assert numbers(EVENTS) == Findings()
    found = numbers([*EVENTS[:2], *EVENTS])
    assert found.sound
    assert found.duplicates == 2


def test_a_number_that_never_arrived_is_lost() -> None:
    assert numbers(EVENTS[:3]).lost == 1


def test_a_number_that_came_too_early_is_out_of_order() -> None:
    assert numbers([EVENTS[0], EVENTS[2], EVENTS[1], EVENTS[3]]).out_of_order == 2


def test_a_number_with_another_event_is_reused() -> None:
    other = replace(EVENTS[1], focus="Task/9")
    assert numbers([EVENTS[0], other, *EVENTS[1:]]).reused == 1
    assert numbers([*EVENTS, Event(5, "Task/5", "12:00:05")]).reused == 1
    findings = Findings()
    check_numbers(findings, "s", EVENTS, EVENTS, [other])
    assert findings.reused == 1


def test_a_number_that_is_missing_among_the_events_is_a_gap() -> None:
    assert numbers([], [EVENTS[0], EVENTS[2]]).gaps == 1


def store(*told: Acknowledged, units: tuple[str, ...] = (), refused: str = "") -> Findings:
    findings = Findings()
    check_store(findings, STORED, told, [frozenset(unit) for unit in units], refused)
    return findings


def test_what_was_acknowledged_is_sought_at_its_version() -> None:
    assert store(Acknowledged("Task/1", 1, "a"), Acknowledged("Task/1", None, None)).sound
    assert store(Acknowledged("Task/1", 3, "c")).lost == 1
    assert store(Acknowledged("Task/1", 1, "b")).lost == 1
    assert store(*[Acknowledged("Task/1", None, None)] * 2).lost == 1


def test_a_transaction_in_parts_or_a_refused_change_that_is_stored_is_found() -> None:
    assert store(units=("a", "xy")).sound
    assert store(units=("ax",)).lost == 1
    assert store(refused="a").lost == 1


def test_a_hole_among_versions_is_a_gap() -> None:
    findings = Findings()
    check_store(findings, STORED[1:], [], [], [])
    assert findings.gaps == 1


def test_events_and_changes_are_compared_one_for_one() -> None:
    changes = [Version("Task/1", 1, "a", "1"), Version("Task/1", 2, "b", "2")]
    events = [Event(1, "Task/1", "1"), Event(2, "Task/1", "2")]

    def found(events: list[Event], changes: list[Version]) -> Findings:
        findings = Findings()
        check_events(findings, "s", events, changes)
        return findings

    assert found(events, changes).sound
    assert found(events[:1], changes).lost == 1
    assert found(events, changes[:1]).lost == 1
    assert found(events[::-1], changes).out_of_order == 1


def test_a_short_run_of_kills_ends_with_the_line_that_counts() -> None:
    async def scenario() -> None:
        command = (sys.executable, "-m", "scripts.kill_test", "--kills", "1", "--seed", "1")
        code, out, err = await run_to_end(*command, within=120)
        assert code == 0, err
        assert out.splitlines()[-1].startswith("kills 1, changes ")
        assert "lost 0, gaps 0, reused 0, out of order 0, duplicates " in out

    asyncio.run(scenario())


def test_the_kill_test_explains_itself() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "scripts.kill_test", "--help"],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--kills" in shown.stdout
