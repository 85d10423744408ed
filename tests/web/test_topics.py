"""``/topics``: what can be subscribed to, for people and programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hub.loading import loaded_definitions
from hub.settings import Settings, packaged_topics
from tests.support.rig_resources import OTHER_TOPIC, TASK_TOPIC, a_topic
from tests.web.site import a_site, issue, run
from tests.web.test_home import BROWSER, Page
from tests.web.topics import ADMIN, administered
from tests.web.topics import a_topic as a_written_topic

HOSTILE = "<script>alert(1)</script>"


def test_topics_are_listed_and_each_leads_to_its_page() -> None:
    async def scenario() -> None:
        async with a_site(topics=[a_topic(title=HOSTILE, description="Each Task.")]) as site:
            (told,) = (await site.ask("GET", "/topics")).json()["topics"]
            assert told == {
                "name": "task",
                "canonical": f"{TASK_TOPIC}|1.0.0",
                "status": "active",
                "title": HOSTILE,
                "description": "Each Task.",
                "resources": ["Task"],
                "releases": ["R4", "R4B", "R5"],
                "page": "http://hub.example.org/topics/task",
            }
            for path in ("/topics", "/topics/task"):
                answer = await site.ask("GET", path, accept=BROWSER)
                page = Page(answer.text)
                assert page.inline == []
                assert HOSTILE in "".join(page.texts)
                assert HOSTILE not in answer.text
            listed = Page((await site.ask("GET", "/topics", accept=BROWSER)).text)
            assert "/topics/task" in listed.addresses

    run(scenario())


@pytest.mark.parametrize(
    "name", ["task", "task%7C1.0.0", "http://example.org/topics/task", f"{TASK_TOPIC}%7C1.0.0"]
)
def test_a_topic_is_found_by_its_name_and_its_canonical(name: str) -> None:
    async def scenario() -> None:
        async with a_site() as site:
            told = (await site.ask("GET", f"/topics/{name}")).json()
            assert (told["name"], told["url"]) == ("task", TASK_TOPIC)
            assert [each["parameter"] for each in told["filters"]] == ["owner", "status", "_id"]
            assert told["shapes"][0]["include"] == ["Task:patient"]
            assert told["cases"] == []

    run(scenario())


def test_the_newest_active_version_is_shown_and_leads_to_the_others() -> None:
    async def scenario() -> None:
        topics = [
            a_topic(version="1.9.0"),
            a_topic(version="1.10.0"),
            a_topic(version="2.0.0", status="draft"),
        ]
        async with a_site(topics=topics) as site:
            told = (await site.ask("GET", "/topics/task")).json()
            assert told["version"] == "1.10.0"
            pages = {each["version"]: each["page"] for each in told["versions"]}
            assert pages == {
                "1.10.0": "http://hub.example.org/topics/task",
                "1.9.0": "http://hub.example.org/topics/task%7C1.9.0",
                "2.0.0": "http://hub.example.org/topics/task%7C2.0.0",
            }
            draft = await site.ask("GET", pages["2.0.0"], accept=BROWSER)
            assert "draft" in Page(draft.text).texts
            assert not any("/subscribe#" in each for each in Page(draft.text).addresses)
            assert (await site.ask("GET", "/topics/task%7C3")).status_code == 404

    run(scenario())


def test_topics_whose_urls_end_alike_are_called_by_their_urls() -> None:
    async def scenario() -> None:
        other = "urn:topics:task"
        async with a_site(topics=[a_topic(), a_topic(url=other, id="other")]) as site:
            listed = (await site.ask("GET", "/topics")).json()["topics"]
            assert [each["name"] for each in listed] == [TASK_TOPIC, other]
            for each in listed:
                assert (await site.ask("GET", each["page"])).json()["url"] == each["name"]
            refused = issue(await site.ask("GET", "/topics/task"))
            assert other in refused["diagnostics"]

    run(scenario())


def test_a_topic_that_a_client_writes_is_there_at_once(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with a_site(settings=administered(tmp_path)) as site:
            written = a_written_topic(url="http://example.org/topics/new", title="New")
            answer = await site.ask("POST", "SubscriptionTopic", written, base="/fhir/r5", **ADMIN)
            assert answer.status_code == 201, answer.text
            assert (await site.ask("GET", "/topics/new")).json()["title"] == "New"
            assert (await site.ask("GET", "/topics/none")).status_code == 404

    run(scenario())


def test_a_topic_shows_the_rows_of_its_truth_table(tmp_path: Path) -> None:
    def put(name: str, topic: Any, cases: str) -> None:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "topic.json").write_text(json.dumps(topic))
        (folder / "cases.json").write_text(cases)

    case = {
        "name": "a new one",
        "interaction": "create",
        "current": {"resourceType": "Task", "description": HOSTILE},
        "fires": True,
        "filters": {"owner=Organization/lab": "lost", "status=x": False},
        "note": "not shown",
    }
    put("one", a_topic().source, json.dumps([case, "no row"]))
    put("two", a_topic(url=OTHER_TOPIC, resource="Patient").source, "{")
    put("three", [], "[]")

    async def scenario() -> None:
        settings = Settings(topics=(tmp_path, tmp_path / "none.tgz"))
        topics = [a_topic(), a_topic(url=OTHER_TOPIC, resource="Patient")]
        async with a_site(settings=settings, topics=topics) as site:
            told = (await site.ask("GET", "/topics/task")).json()["cases"]
            assert told == [{key: value for key, value in case.items() if key != "note"}]
            page = (await site.ask("GET", "/topics/task", accept=BROWSER)).text
            assert "Truth table" in page
            assert HOSTILE not in page
            assert "lost" in page
            assert (await site.ask("GET", "/topics/patient")).json()["cases"] == []

    run(scenario())


def test_every_packaged_topic_has_a_page_with_its_truth_table() -> None:
    async def scenario() -> None:
        settings = Settings(topics=(packaged_topics(),))
        topics = [each.topic for each in loaded_definitions(settings).topics]
        async with a_site(settings=settings, topics=topics) as site:
            for each in (await site.ask("GET", "/topics")).json()["topics"]:
                assert (packaged_topics() / each["name"]).is_dir()
                assert (await site.ask("GET", each["page"])).json()["cases"]
                page = Page((await site.ask("GET", each["page"], accept=BROWSER)).text)
                assert page.inline == []
                assert any("/subscribe#topic=" in address for address in page.addresses)

    run(scenario())
