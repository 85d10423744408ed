"""What a topic and its filters said of a change, as a row of the topic's truth table.

``fhir-hub topics test`` runs such rows: see ``hub.cli.truth_table`` for the form.
"""

from __future__ import annotations

from hub.core.change import Change
from hub.core.json_text import dumps
from hub.core.release import Json, Resource
from hub.engine.explain import ExplainedStream, ExplainedTopic

_LOST = "lost"
_MOST_FILTERS = 20


def row_of(name: str, change: Change, explained: ExplainedTopic) -> str | None:
    """Return the row as JSON text, None where a table can't say it.

    That is so of classic criteria, which are no topic of a file, of a topic that was not asked,
    and where something could not be evaluated.
    """
    asked = explained.why_not is None and not any(each.error for each in explained.verdicts)
    if "://" not in explained.topic.topic.url or not asked:
        return None
    row: Resource = {
        "name": name,
        "release": [change.release.value],
        "interaction": change.interaction.value,
        "previous": change.previous,
        "current": change.current,
        "fires": explained.fires,
    }
    filters = {
        text: _told(stream)
        for stream in explained.streams[:_MOST_FILTERS]
        if (text := _filter_text(stream))
    }
    if filters:
        row["filters"] = filters
    if explained.others:
        row["others"] = list(explained.others)
    return dumps(row, indent=True).decode()


def _told(stream: ExplainedStream) -> Json:
    return _LOST if stream.lost else stream.accepts


def _filter_text(stream: ExplainedStream) -> str:
    """Return the conditions that apply to the change in the dotted form of the guide."""
    written = (
        f"{clause.name.removeprefix('filterBy ')}.{clause.text}" for clause in stream.clauses
    )
    return "&".join(each.replace("%", "%25").replace("&", "%26") for each in written)
