"""A truth table made elsewhere, run through our topics of the same name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import orjson
import pytest

from hub.codecs.tables.search import search_parameters
from hub.core.change import Change, Interaction
from hub.core.compiled_topic import compile_topic
from hub.core.release import FhirRelease
from hub.core.search import NOWHERE
from hub.core.topic import parse_topic

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("HUB_REFERENCE_DATA", ROOT.parent / "shared"))
TABLE = DATA / "topics-truth-table.json"
TOPICS = ROOT / "topics"
PARAMETERS = search_parameters(FhirRelease.R4, "http://hub.example")


def cases() -> list[Any]:
    if not TABLE.exists():
        return []
    table = orjson.loads(TABLE.read_bytes())["cases"]
    return [
        pytest.param(case, id=f"{case['topic']}-{number}")
        for number, case in enumerate(table)
        if (TOPICS / case["topic"]).is_dir()
    ]


@pytest.mark.parametrize("case", cases())
def test_our_topic_agrees_with_the_reference_table(case: dict[str, Any]) -> None:
    path = TOPICS / case["topic"] / "topic.json"
    compiled = compile_topic(parse_topic(orjson.loads(path.read_bytes())), PARAMETERS)
    state = case["current"] or case["previous"]
    change = Change(
        release=FhirRelease.R4,
        resource_type=state["resourceType"],
        id=state["id"],
        interaction=Interaction(case["interaction"]),
        previous=case["previous"],
        current=case["current"],
    )
    assert bool(compiled.fires(change, NOWHERE)) is case["expected"], case["note"]
