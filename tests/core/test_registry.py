"""The registry: topics by canonical, streams by key, changes to streams."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.filters import accept_filters
from hub.core.registry import Registry, compile_everywhere
from hub.core.release import FhirRelease, Resource
from hub.core.search import NOWHERE
from hub.core.stream import Stream, stream_key
from hub.core.subscription import FilterBy
from hub.core.topic import PARTY_FILTER, parse_topic
from hub.errors import Conflict, TopicNotActive, TopicRefused, TopicUnknown
from tests.support.search_tables import PARAMETERS
from tests.support.topics import URL, change, task, topic_json

R4, R5 = FhirRelease.R4, FhirRelease.R5
OWNER = {"filterParameter": "owner", "resource": "Task"}


def registry(*topics: Resource) -> Registry:
    made = Registry()
    for topic in topics:
        made.add_topic(parse_topic(topic), PARAMETERS)
    return made


def version(number: str, **elements: Any) -> Resource:
    return topic_json({}, version=number, canFilterBy=[OWNER], **elements)


def stream(
    made: Registry, id: int, *filter_by: FilterBy, release: FhirRelease = R4, url: str = URL
) -> Stream:
    compiled = made.topic(release, url, for_new=False)
    return Stream(
        id=id,
        release=release,
        topic=compiled.topic.canonical,
        filters=accept_filters(compiled, filter_by, PARAMETERS[release]),
        visibility="all",
    )


def matched(made: Registry, state: Resource, release: FhirRelease = R4) -> list[int]:
    found = made.match(change(None, state, release), NOWHERE)
    return [match.stream.id for match in found]


def test_a_url_means_the_newest_active_version() -> None:
    made = registry(version("1.9.0"), version("1.10.0"), version("2.0", status="draft"))
    assert made.topic(R4, URL).topic.version == "1.10.0"
    assert made.topic(R4, f"{URL}|1.9.0").topic.version == "1.9.0"


def test_a_version_counts_more_than_none() -> None:
    made = registry(topic_json({}), version("a"), version("1"))
    assert made.topic(R4, URL).topic.version == "1"


def test_what_decides_of_events_is_the_version_that_is_meant_and_the_filters() -> None:
    made = registry(version("1.9.0"), version("1.10.0"))
    wanted = FilterBy(filter_parameter="owner", value="Organization/lab")
    topic, filters = made.accept(R4, URL, [wanted], PARAMETERS[R4])
    assert (topic, filters.canonical) == (f"{URL}|1.10.0", "Task?owner=Organization/lab")


@pytest.mark.parametrize("canonical", [f"{URL}|9", "http://example.org/unheard"])
def test_an_unknown_topic_is_refused(canonical: str) -> None:
    with pytest.raises(TopicUnknown, match="is unknown"):
        registry(version("1")).topic(R4, canonical)


def test_a_topic_of_another_release_is_refused_naming_where_it_is() -> None:
    made = Registry()
    refusals = made.add_topic(parse_topic(topic_json({"resource": "Transport"})), PARAMETERS)
    assert set(refusals) == {FhirRelease.R4, FhirRelease.R4B}
    with pytest.raises(TopicUnknown, match="exists in R5, not in R4"):
        made.topic(R4, URL)
    assert made.topic(R5, URL).release is R5


def test_a_retired_topic_takes_no_new_subscriptions_but_is_found_for_old_ones() -> None:
    made = registry(version("1", status="retired"))
    with pytest.raises(TopicNotActive, match="is retired"):
        made.topic(R4, URL)
    assert made.topic(R4, URL, for_new=False).topic.version == "1"


def test_a_topic_of_events_only_is_listed_but_can_t_be_subscribed_to() -> None:
    made = registry(topic_json(eventTrigger=[{"resource": "Task", "event": {"text": "x"}}]))
    assert [each.topic.url for each in made.topics(R4)] == [URL]
    with pytest.raises(TopicUnknown, match="computes no event"):
        made.topic(R4, URL)


def test_the_topics_that_are_open_are_those_that_can_be_subscribed_to() -> None:
    event = topic_json(
        url=f"{URL}-event", eventTrigger=[{"resource": "Task", "event": {"text": "x"}}]
    )
    made = registry(
        version("1"),
        version("2"),
        version("3", status="draft"),
        version("4", status="retired"),
        event,
    )
    assert [each.topic.version for each in made.open_topics(R4)] == ["1", "2"]


def test_the_same_topic_may_be_added_again_but_not_with_other_content() -> None:
    made = registry(version("1"), version("1"))
    with pytest.raises(Conflict, match="another version"):
        made.add_topic(parse_topic(version("1", title="other")), PARAMETERS)


def test_a_topic_that_computes_nowhere_is_refused_with_the_reasons() -> None:
    with pytest.raises(TopicRefused, match="now"):
        registry(topic_json({"fhirPathCriteria": "now() > @2020"}))
    with pytest.raises(TopicRefused, match="no release"):
        Registry().add_topic(parse_topic(topic_json({})), {})


def test_a_change_goes_to_the_streams_whose_filters_accept_it() -> None:
    made = registry(version("1"))
    for id, owner in enumerate(("a", "b", "a"), start=1):
        entry = FilterBy(filter_parameter="owner", value=f"Organization/{owner}")
        each = stream(made, id, entry)
        each.visibility = str(id)
        made.add_stream(each)
    made.add_stream(stream(made, 4))
    assert matched(made, task(owner={"reference": "Organization/a"})) == [1, 3, 4]
    assert matched(made, task()) == [4]
    match = made.match(change(None, task()), NOWHERE)[0]
    assert (match.triggers, match.topic.topic.url) == ((0,), URL)


def test_a_change_of_one_release_is_never_seen_in_another() -> None:
    made = registry(version("1"))
    made.add_stream(stream(made, 1))
    made.add_stream(stream(made, 2, release=R5))
    assert matched(made, task()) == [1]
    assert matched(made, task(), R5) == [2]


def test_a_change_that_fires_no_trigger_matches_nothing() -> None:
    made = registry(topic_json({"supportedInteraction": ["delete"]}))
    made.add_stream(stream(made, 1))
    assert matched(made, task()) == []


def test_resources_about_the_hub_match_nothing() -> None:
    made = registry(topic_json({"resource": "Resource"}))
    made.add_stream(stream(made, 1))
    assert matched(made, {"resourceType": "AuditEvent", "id": "a"}) == []
    assert matched(made, {"resourceType": "Patient", "id": "a"}) == [1]


def test_a_stream_is_found_by_id_until_it_is_removed() -> None:
    made = registry(version("1"))
    first = stream(made, 1)
    made.add_stream(first)
    made.add_stream(first)
    assert made.stream(1) is first
    made.remove_stream(1)
    made.remove_stream(1)
    assert made.stream(1) is None
    assert matched(made, task()) == []


def test_removing_one_stream_leaves_the_others_of_its_topic() -> None:
    made = registry(version("1"))
    made.add_stream(stream(made, 1))
    other = stream(made, 2)
    other.visibility = "less"
    made.add_stream(other)
    made.remove_stream(1)
    assert matched(made, task()) == [2]


def test_a_key_separates_what_differs_and_does_not_show_the_filters() -> None:
    parts = [
        ("t|1", "a=b", "all"),
        ("t|2", "a=b", "all"),
        ("t|1", "a=c", "all"),
        ("t|1", "a=b", "x"),
        ("t|1a", "=b", "all"),
        ("t|1", "a=b", "all", "lab"),
        ("t|1", "a=b", "alll", "ab"),
    ]
    keys = {stream_key(release, *each) for each in parts for release in FhirRelease}
    assert len(keys) == len(parts) * 3
    assert stream_key(R4, "t", "owner=Patient/7", "") == stream_key(R4, "t", "owner=Patient/7", "")
    assert all(len(key) == 32 for key in keys)


AUTHORS = st.sampled_from(["", "lab", "ward"])
OWNERS = st.none() | st.sampled_from(["Organization/lab", "Organization/ward"])


@given(
    streams=st.lists(st.tuples(OWNERS, AUTHORS), max_size=8, unique=True),
    gone=st.sets(st.integers(0, 9), max_size=3),
    owners=st.tuples(OWNERS, OWNERS),
    author=AUTHORS,
)
def test_with_echo_rules_the_index_still_equals_a_plain_scan(
    streams: list[tuple[str | None, str]],
    gone: set[int],
    owners: tuple[str | None, str | None],
    author: str,
) -> None:
    extension = [{"url": PARTY_FILTER, "valueBoolean": True}]
    made = registry(topic_json({}, canFilterBy=[OWNER | {"extension": extension}]))
    held: dict[int, Stream] = {}
    for id, (wanted, muted) in enumerate(streams):
        asked = [FilterBy(filter_parameter="owner", value=wanted)] if wanted else []
        held[id] = stream(made, id, *asked)
        held[id].muted = muted
        made.add_stream(held[id])
    for id in gone:
        made.remove_stream(id)
        held.pop(id, None)
    before, after = (
        task() if owner is None else task(owner={"reference": owner}) for owner in owners
    )
    for states in ((None, after), (before, after), (before, None)):
        what = change(*states)._replace(author=author)
        plain = [
            (id, lost)
            for id, each in held.items()
            for lost in (False, True)
            if (each.filters.loses if lost else each.filters.accepts)(what, NOWHERE)
            and (not author or each.muted != author)
        ]
        assert [(m.stream.id, m.lost) for m in made.match(what, NOWHERE)] == plain
        assert {id for id, _ in plain} <= made.may_count(what)


def test_a_topic_that_is_put_again_keeps_its_streams() -> None:
    made = registry(version("1"))
    made.add_stream(stream(made, 1))
    retired = version("1", status="retired")
    made.put_topic(compile_everywhere(parse_topic(retired), PARAMETERS)[0])
    assert matched(made, task()) == [1]
    with pytest.raises(TopicNotActive):
        made.topic(R4, URL)
    found = made.known(f"{URL}|1")
    assert found is not None and found.status == "retired"


def test_changes_are_matched_with_the_topics_that_have_streams_at_that_moment() -> None:
    made = registry(version("1"), topic_json({}, url=f"{URL}-other"))
    assert matched(made, task()) == []
    made.add_stream(stream(made, 1))
    assert matched(made, task()) == [1]
    made.add_stream(stream(made, 2, url=f"{URL}-other"))
    assert matched(made, task()) == [1, 2]
    made.remove_stream(1)
    assert matched(made, task()) == [2]
    deletions = topic_json({"supportedInteraction": ["delete"]}, url=f"{URL}-other")
    made.put_topic(compile_everywhere(parse_topic(deletions), PARAMETERS)[0])
    assert matched(made, task()) == []


def test_a_topic_that_was_removed_is_unknown() -> None:
    made = registry(version("1"), version("2"))
    made.remove_topic(f"{URL}|2")
    made.remove_topic("http://example.org/unheard")
    assert made.known(f"{URL}|2") is None
    assert made.topic(R4, URL).topic.version == "1"


def test_an_event_that_no_change_made_goes_to_the_streams_of_its_topic_alone() -> None:
    event = {"resource": "Task", "event": {"coding": [{"code": "a"}]}}
    made = registry(version("1", eventTrigger=[event]), version("2", eventTrigger=[event]))
    known = made.topic(R4, f"{URL}|1")
    told = change(task(), task(owner={"reference": "Organization/a"}))
    assert made.match_event(known, (0,), told, NOWHERE) == []
    for id, owner in ((1, "a"), (2, "b")):
        entry = FilterBy(filter_parameter="owner", value=f"Organization/{owner}")
        made.add_stream(stream(made, id, entry, url=f"{URL}|1"))
    made.add_stream(stream(made, 3, url=f"{URL}|2"))
    (match,) = made.match_event(known, (0,), told, NOWHERE)
    assert (match.stream.id, match.triggers) == (1, (0,))


def test_a_topic_that_names_a_type_about_the_hub_hears_of_it() -> None:
    made = registry(
        topic_json({"resource": "Resource"}),
        topic_json({"resource": "AuditEvent"}, url=f"{URL}-audit"),
    )
    made.add_stream(stream(made, 1))
    made.add_stream(stream(made, 2, url=f"{URL}-audit"))
    assert matched(made, {"resourceType": "AuditEvent", "id": "a"}) == [2]


def test_every_topic_is_listed_once_although_it_is_in_several_releases() -> None:
    registry = Registry()
    for version in ("1", "2"):
        registry.add_topic(parse_topic(topic_json({}, version=version)), PARAMETERS)
    assert sorted(each.canonical for each in registry.every_topic()) == [
        f"{URL}|{version}" for version in ("1", "2")
    ]


def test_a_topic_has_a_title_or_none() -> None:
    made = registry(version("1", title="Tasks", status="retired"))
    assert made.title(R4, URL) == "Tasks"
    assert made.title(R4, "http://example.org/unheard") is None
