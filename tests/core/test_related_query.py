"""Related queries: read from a topic's shape, filled for a focus, told as URLs."""

from __future__ import annotations

from typing import Any

import pytest

from hub.core.notification_shape import related_queries
from hub.core.related_query import RELATED_QUERY, Coding, RelatedQuery, read_related_queries
from hub.core.release import FhirRelease, Resource
from hub.errors import InvalidResource, TopicRefused
from tests.support.search_tables import PARAMETERS
from tests.support.topics import compiled, task

R4 = PARAMETERS[FhirRelease.R4]
BASE = "https://hub.example.org/fhir/r4"
FOCUS: Resource = task(
    basedOn=[{"reference": "ServiceRequest/a"}, {"reference": "ServiceRequest/b"}],
    owner={"reference": "http://other.example/Organization/o"},
) | {"for": {"reference": f"{R4.base_url}/Patient/p"}}
TYPE = {"system": "http://example.org/query-types", "code": "history"}


def extension(query: Any, **more: Any) -> Resource:
    """Return the extension that holds a query."""
    parts = [{"url": "query", "valueString": query}]
    parts += [{"url": name, "valueCoding": value} for name, value in more.items()]
    return {"url": RELATED_QUERY, "extension": parts}


def test_queries_are_read_from_among_the_extensions_of_a_shape() -> None:
    other = {"url": "http://example.org/other", "valueString": "x"}
    found = read_related_queries([other, extension("Task/[id]", queryType=TYPE), 7], "shape")
    coding = Coding("http://example.org/query-types", "history")
    assert found == (RelatedQuery("Task/[id]", coding),)
    assert read_related_queries([extension("Task", queryType={})], "x") == (RelatedQuery("Task"),)
    assert read_related_queries(None, "shape") == ()


@pytest.mark.parametrize(
    ("written", "error"),
    [
        ({"url": RELATED_QUERY}, InvalidResource),
        (extension(""), InvalidResource),
        (extension(None), InvalidResource),
        (extension("Task", queryType="history"), InvalidResource),
        (extension("ftp://example.org/Task"), TopicRefused),
        (extension("javascript:alert(1)"), TopicRefused),
        (extension("urn:uuid:1"), TopicRefused),
        (extension("//example.org/Task"), TopicRefused),
        (extension("Task?code=a b"), TopicRefused),
        (extension("Task?code=a\x00"), TopicRefused),
        (extension("Task?_id=" + "x" * 2048), TopicRefused),
    ],
)
def test_what_is_no_query_is_refused_with_its_place(
    written: Resource, error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        read_related_queries([written], "SubscriptionTopic.notificationShape[1]")
    expression = getattr(caught.value, "expression", None)
    assert expression == "SubscriptionTopic.notificationShape[1].extension[0]"


@pytest.mark.parametrize(
    ("template", "query"),
    [
        ("Task/[id]/_history", "Task/t1/_history"),
        ("[type]/[id]/$graph?id=[id]", "Task/t1/$graph?id=t1"),
        ("Observation?subject=[patient]", "Observation?subject=Patient/p"),
        ("Task?_count=5", "Task?_count=5"),
        ("http://[::1]/Task", "http://[::1]/Task"),
        ("Task?based-on=[based-on]", None),
        ("Task?owner=[owner]", None),
        ("Task?part-of=[part-of]", None),
        ("Task?status=[status]", None),
        ("Task?x=[nothing]", None),
    ],
)
def test_placeholders_are_filled_or_the_query_is_left_out(template: str, query: str | None) -> None:
    shape = {"resource": "Task", "extension": [extension(template), extension(template)]}
    topic = compiled({}, notificationShape=[shape])
    expected = () if query is None else (RelatedQuery(query),)
    assert related_queries(topic, FOCUS, R4) == expected


def test_a_type_without_shape_has_no_queries() -> None:
    topic = compiled({}, notificationShape=[{"resource": "Patient"}])
    assert related_queries(topic, FOCUS, R4) == ()


def test_what_nothing_ever_fills_is_told_when_a_topic_is_compiled() -> None:
    queries = [extension(f"Task?x=[{name}]") for name in ("id", "type", "owner", "status", "foo")]
    topic = compiled({}, notificationShape=[{"resource": "Task", "extension": queries}])
    assert topic.refusals == tuple(
        f"notificationShape[0].extension: the related query 'Task?x=[{name}]' is never sent: "
        f"nothing in R4 fills [{name}]"
        for name in ("status", "foo")
    )


def test_a_query_is_told_as_an_absolute_url() -> None:
    assert RelatedQuery("Task/1").url(BASE) == f"{BASE}/Task/1"
    assert RelatedQuery("/Task/1").url(BASE) == f"{BASE}/Task/1"
    assert RelatedQuery("https://other.example/Task").url(BASE) == "https://other.example/Task"
