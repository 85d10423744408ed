"""How a table of the Task's life cycle is read, and what it refuses."""

from __future__ import annotations

import pytest

from hub.core.release import Resource
from hub.core.task_guard import TaskStep
from hub.core.task_table import TaskGuardInvalid, parse_task_guard


def test_a_step_is_a_status_or_says_who_may_take_it() -> None:
    everybody = ["requester", "owner", "performer", "recipient", "for", "administrator"]
    parties = ["Organization/lab", "http://example.org/ids|7", "|8"]
    guard = parse_task_guard(
        {
            "rules": [
                {
                    "start": ["draft", {"to": "requested", "by": everybody}],
                    "transitions": {"draft": ["ready", "ready", {"to": "failed", "by": parties}]},
                }
            ]
        }
    )
    (rule,) = guard.rules
    assert rule.start == (TaskStep("draft"), TaskStep("requested", tuple(everybody)))
    assert rule.transitions == {
        "draft": (TaskStep("ready"), TaskStep("ready"), TaskStep("failed", tuple(parties)))
    }
    assert guard.asks_who and rule.roles == everybody[:-1]
    plain = parse_task_guard({"rules": [{"start": ["draft"], "transitions": {"draft": ["ready"]}}]})
    assert not plain.asks_who and plain.rules[0].roles == []


def a_step(step: Resource) -> Resource:
    return {"rules": [{"transitions": {"draft": [step]}}]}


def a_who(who: object) -> Resource:
    return a_step({"to": "ready", "by": [who]})


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({}, "rules: is missing"),
        ({"rules": []}, "rules: must be a list that is not empty"),
        ({"rules": {}}, "rules: must be a list that is not empty"),
        ({"rules": [1]}, r"rules\[0\]: must be an object"),
        ({"rule": []}, "rule: is unknown; allowed: rules"),
        ({"rules": [{}]}, r"rules\[0\]\.transitions: is missing"),
        ({"rules": [{"transitions": []}]}, r"rules\[0\]\.transitions: must be an object"),
        (
            {"rules": [{"transitions": {}}, {"transtions": {}}]},
            r"rules\[1\]\.transtions: is unknown; allowed: code, profile, start, transitions",
        ),
        (
            {"rules": [{"transitions": {"requested": ["received", "acepted"]}}]},
            r"rules\[0\]\.transitions\.requested\[1\]: 'acepted' is no status of a Task; "
            r"did you mean accepted\?",
        ),
        (
            {"rules": [{"transitions": {"zzz": []}}]},
            "'zzz' is no status of a Task; there are draft",
        ),
        ({"rules": [{"transitions": {"draft": "ready"}}]}, r"transitions\.draft: must be a list$"),
        ({"rules": [{"transitions": {}, "start": [1]}]}, r"start\[0\]: '1' is no status"),
        ({"rules": [{"transitions": {}, "start": []}]}, r"start: must be a list that is not empty"),
        (
            {"rules": [{"transitions": {}, "code": ["a"]}]},
            r"code\[0\]: 'a' is no code; write SYSTE",
        ),
        ({"rules": [{"transitions": {}, "code": ["|a"]}]}, r"code\[0\]: '\|a' is no code"),
        ({"rules": [{"transitions": {}, "code": ["a:b|"]}]}, r"code\[0\]: 'a:b\|' is no code"),
        ({"rules": [{"transitions": {}, "code": [{"a:b|": 1}]}]}, r"code\[0\]: .* is no code"),
        ({"rules": [{"transitions": {}, "profile": ["Task"]}]}, r"profile\[0\]: 'Task' is no can"),
        ({"rules": [{"transitions": {}, "profile": [7]}]}, r"profile\[0\]: '7' is no canonical"),
        (a_step({"to": "ready"}), r"transitions\.draft\[0\]\.by: is missing"),
        (a_step({"by": ["owner"]}), r"transitions\.draft\[0\]\.to: is missing"),
        (a_step({"to": "redy", "by": ["owner"]}), r"draft\[0\]\.to: 'redy' is no status"),
        (a_step({"to": "ready", "by": []}), r"draft\[0\]\.by: must be a list that is not empty"),
        (a_step({"to": "ready", "by": "owner"}), r"draft\[0\]\.by: must be a list that is not"),
        (
            a_step({"to": "ready", "who": ["owner"]}),
            r"draft\[0\]\.who: is unknown; allowed: to, by",
        ),
        (a_who("ownr"), r"by\[0\]: 'ownr' names nobody; did you mean owner\?"),
        (a_who("zzzz"), r"'zzzz' names nobody; write requester, .*, Type/id or SYSTEM\|VALUE"),
        (a_who("http://hub/fhir/r4/Organization/lab"), "names nobody"),
        (a_who("Organization/lab/_history/2"), "names nobody"),
        (a_who("ids|7"), r"'ids\|7' names nobody"),
        (a_who("http://example.org/ids|"), "names nobody"),
        (a_who(7), "'7' names nobody"),
        (
            {
                "rules": [
                    {"transitions": {"draft": ["ready", {"to": "ready", "by": ["administrator"]}]}}
                ]
            },
            r"transitions\.draft\[1\]: ready is there twice, with others in by",
        ),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_at_its_place(table: Resource, words: str) -> None:
    with pytest.raises(TaskGuardInvalid, match=words):
        parse_task_guard(table)
