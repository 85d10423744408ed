"""How guards of writes are set, and what is told of those that can't be used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hub.core.task_guard import TaskGuard
from hub.core.task_table import parse_task_guard
from hub.engine.guards import NO_GUARDS, Guards
from hub.guard_settings import packaged_guards
from hub.loading import guards_of
from hub.settings import Settings, SettingsError, read_settings

TABLE = {"rules": [{"transitions": {"requested": ["accepted"]}}]}


def test_nothing_is_guarded_unless_somebody_says_so() -> None:
    settings = read_settings({}, {})
    assert settings.require_if_match == frozenset() and settings.task_guard is None
    assert guards_of(settings) == NO_GUARDS


def test_types_are_a_list_or_repeated() -> None:
    types = frozenset({"Task", "ServiceRequest"})
    for given in (["Task,ServiceRequest"], ["Task", "ServiceRequest"]):
        assert read_settings({"require_if_match": given}, {}).require_if_match == types
    settings = read_settings({}, {"HUB_REQUIRE_IF_MATCH": "Task, ServiceRequest"})
    assert guards_of(settings) == Guards(if_match=types)


def test_a_type_that_is_none_is_refused() -> None:
    for wrong in ("task", "Task/1", "*"):
        with pytest.raises(SettingsError, match=r"--require-if-match: .* is no resource type"):
            read_settings({"require_if_match": [wrong]}, {})
    with pytest.raises(SettingsError, match="'Taks' is no resource type; did you mean Task"):
        guards_of(Settings(require_if_match=frozenset({"Task", "Taks"})))
    with pytest.raises(SettingsError, match="'Qqqqqqq' is no resource type; write one such as"):
        guards_of(Settings(require_if_match=frozenset({"Qqqqqqq"})))


def test_a_type_of_one_release_alone_can_be_named() -> None:
    settings = Settings(require_if_match=frozenset({"SubscriptionTopic"}))
    assert guards_of(settings) == Guards(if_match=settings.require_if_match)


def test_a_table_comes_from_the_hub_or_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "lab.json"
    path.write_text(json.dumps(TABLE))
    settings = read_settings({"task_guard": str(path)}, {})
    assert settings.task_guard == parse_task_guard(TABLE)
    assert read_settings({}, {"HUB_TASK_GUARD": str(path)}) == settings
    assert guards_of(settings).tasks == settings.task_guard
    assert set(packaged_guards()) == {"fhir", "order"}
    assert isinstance(read_settings({"task_guard": "fhir"}, {}).task_guard, TaskGuard)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "line 1 column 2"),
        ("[]", "JSON object"),
        ('{"rules": [], "rules": []}', "twice|duplicate|repeated"),
        ('{"rules": [{"transitions": {"draft": ["x"]}}]}', r"rules\[0\]\.transitions\.draft\[0\]"),
    ],
)
def test_a_file_that_is_no_table_is_told_with_its_name_and_place(
    text: str, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "lab.json"
    path.write_text(text)
    with pytest.raises(SettingsError, match=f"--task-guard: .*lab\\.json: .*({words})") as told:
        read_settings({"task_guard": str(path)}, {})
    assert "\n" not in str(told.value)


def test_a_file_that_is_not_there_is_told_with_what_there_is(tmp_path: Path) -> None:
    for wrong in ("cow", str(tmp_path)):
        with pytest.raises(
            SettingsError, match=r"can't be read: .*; write fhir or order, or the nam"
        ):
            read_settings({"task_guard": wrong}, {})


def test_a_table_that_asks_who_needs_a_hub_that_knows_its_callers() -> None:
    settings = read_settings({"task_guard": "order"}, {})
    with pytest.raises(SettingsError, match=r"who may move a Task, but .* --clients"):
        guards_of(settings)
    assert guards_of(settings, knows_callers=True).tasks == settings.task_guard
