"""The page that explains: why not me?"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.async_api import expect

from hub.__main__ import main
from hub.cli.exits import Exit
from hub.core.echo import SUPPRESS_ECHO
from hub.core.release import FhirRelease
from hub.settings import packaged_topics
from tests.browser.chromium import Chromium
from tests.browser.look import PHONE
from tests.journeys.hosting import Fhir, RunningHub, fresh, running_hub
from tests.support.builders import a_subscription, a_task
from tests.web.clients import CLIENTS, LAB, shown_by, token_of

R4: Final = FhirRelease.R4


async def missed(fhir: Fhir) -> tuple[str, str, str, str]:
    """Return a Task, its owner, and a Subscription that wants another one, with that one."""
    owner, other = fresh(), fresh()
    wanted = a_subscription(
        R4, topic_name="task-requested", channel="websocket", filters=[f"Task?owner={other}"]
    )
    subscription = await fhir.create(wanted | {"reason": "Radiology"})
    task = await fhir.create(a_task(owner))
    return f"Task/{task['id']}", owner, subscription["id"], other


async def test_of_a_near_miss_the_failing_clause_is_marked_with_what_was_there(
    hub: RunningHub, chromium: Chromium
) -> None:
    async with hub.client(R4) as fhir, chromium.window(hub.url) as window:
        task, owner, id, other = await missed(fhir)
        await window.open(f"/explain?release=r4&reference={task}&version=1&subscription={id}")
        page = window.page
        await expect(page.locator(".answer")).to_contain_text(
            f"Subscription/{id} is not told of it. owner={other} fails: there was {owner}"
        )
        fails = page.locator("li.fails")
        await expect(fails).to_have_count(1)
        await expect(fails).to_contain_text(
            f"✗ fails filterBy Task owner={other} there was {owner}"
        )
        await expect(page.get_by_text("stopped filters of Radiology")).to_be_visible()
        await window.accessible()
        await window.picture("explain-near-miss")


async def test_the_saved_case_passes_the_truth_table(
    hub: RunningHub, chromium: Chromium, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with hub.client(R4) as fhir, chromium.window(hub.url) as window:
        task, _, id, _ = await missed(fhir)
        await window.open(f"/explain?release=r4&reference={task}&subscription={id}")
        page = window.page
        await page.get_by_text("Save as a truth-table case").click()
        name = page.get_by_label("Name of the case")
        await name.fill("<b>the other lab</b> is not told")
        await name.press("Enter")
        await expect(page.get_by_text("topics/task-requested/cases.json")).to_be_visible()
        async with page.expect_download() as downloading:
            await page.get_by_role("link", name="Download cases.json").click()
        download = await downloading.value
        assert download.suggested_filename == "cases.json"
        folder = tmp_path / "task-requested"
        folder.mkdir()
        await download.save_as(folder / "cases.json")
        (copied,) = json.loads(await page.locator(".topic pre code").inner_text())
    (row,) = json.loads((folder / "cases.json").read_text())
    assert row == copied and row["name"] == "<b>the other lab</b> is not told"
    assert row["fires"] is True and list(row["filters"].values()) == [False]
    topic = json.loads((packaged_topics() / "task-requested" / "topic.json").read_text())
    mine = topic | {"url": "http://example.org/mine/task-requested"}
    (folder / "topic.json").write_text(json.dumps(mine))
    assert main(["topics", "test", str(folder)]) == Exit.OK
    assert "1 of 1 rows" in capsys.readouterr().out
    (folder / "cases.json").write_text(json.dumps([row | {"fires": False}]))
    assert main(["topics", "test", str(folder)]) == Exit.FAILED


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            '{"resourceType": "Task",\n "status": requested}',
            "line 2, column 12: a value is missing",
        ),
        ('{"resourceType": "Task",\n "id": "a" "b"}', "line 2, column 12: a comma or }"),
        ('{"resourceType": "Task",}', 'line 1, column 25: a name in ""'),
        ('{"a": 1,\n "b": {"c": 1, "c": 2}}', 'line 2, column 16: the name "c" is there twice'),
        ('{"a": [1, 2}', "line 1, column 12: a comma or ]"),
        ('{"a": 01}', "line 1, column 7: a value is missing"),
        ('{"a": "b', "line 1, column 7: a value is missing"),
        ("[]", "line 1, column 1: a resource is an object"),
        ('{"a": 1}\n{', "line 2, column 1: text follows the object"),
        ('{"a"', "line 1, column 5: a colon is missing"),
        ('{"resourceType": "Basket"}', "Basket"),
        ('{"resourceType": "Task", "status": "requested"}', "intent: is missing"),
        ("", "paste a resource here"),
    ],
)
async def test_what_is_wrong_with_a_pasted_resource_is_told_beside_it(
    hub: RunningHub, chromium: Chromium, text: str, words: str
) -> None:
    async with chromium.window(hub.url, tolerated=["status of 400"]) as window:
        await window.open("/explain?release=r4")
        page = window.page
        await page.get_by_text("Or a change that is made up").click()
        after = page.get_by_label("The resource after the change")
        await after.fill(text)
        await page.get_by_role("button", name="Explain this change").click()
        await expect(page.locator("#after-wrong")).to_contain_text(words)
        await expect(after).to_be_focused()
        await expect(after).to_have_attribute("aria-invalid", "true")


async def test_a_stored_change_is_altered_until_it_matches(
    hub: RunningHub, chromium: Chromium
) -> None:
    async with hub.client(R4) as fhir, chromium.window(hub.url, PHONE) as window:
        task, owner, id, other = await missed(fhir)
        await window.open(f"/explain?release=r4&reference={task}&subscription={id}")
        page = window.page
        await page.get_by_role("button", name="Change it and ask again").click()
        after = page.get_by_label("The resource after the change")
        await expect(after).to_have_value(re.compile(re.escape(owner)))
        stated: Any = await after.input_value()
        await after.fill(stated.replace(owner, other))
        await page.get_by_role("button", name="Explain this change").click()
        await expect(page.locator(".answer")).to_contain_text(
            f"This change (create): Subscription/{id} would be told of it."
        )
        await expect(page.locator("li.fails")).to_have_count(0)
        assert await page.evaluate("document.documentElement.scrollWidth") <= PHONE.width


async def test_the_tree_is_walked_and_folded_by_keys(hub: RunningHub, chromium: Chromium) -> None:
    async with hub.client(R4) as fhir, chromium.window(hub.url) as window:
        task, *_ = await missed(fhir)
        page = window.page
        await window.open("/explain?release=r4")
        await page.keyboard.press("/")
        await page.keyboard.type(task)
        await page.keyboard.press("Enter")
        await expect(page.locator(".topic").first).to_be_visible()
        await expect(page).to_have_url(
            f"{hub.url}/explain?release=r4&reference={task.replace('/', '%2F')}"
        )
        await page.keyboard.press("Escape")
        await page.keyboard.press("j")
        first = page.locator(".topic").first
        is_open = await first.evaluate("(each) => each.open")
        await page.keyboard.press("Enter")
        assert await first.evaluate("(each) => each.open") is not is_open
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("heading", level=1)).to_contain_text(task)


async def test_of_an_echo_it_is_said_that_it_was_one(chromium: Chromium) -> None:
    silent = {"url": SUPPRESS_ECHO, "valueBoolean": True}
    with running_hub(clients=CLIENTS) as asking:
        async with asking.client(R4) as fhir, chromium.window(asking.url) as window:
            fhir.http.headers.update(shown_by(LAB))
            wanted = a_subscription(R4, topic_name="task-requested", channel="websocket")
            id = (await fhir.create(wanted | {"extension": [silent]}))["id"]
            task = await fhir.create(a_task(fresh()))
            page = window.page
            kept = f"sessionStorage.setItem('fhir-hub-token', '{token_of(LAB)}')"
            await page.add_init_script(kept)
            await window.open(f"/explain?release=r4&reference=Task/{task['id']}&subscription={id}")
            await expect(page.locator(".answer")).to_contain_text("is not told of it. own echo")
            await expect(page.get_by_text("Not told: own echo. Its owner wrote")).to_be_visible()
            await expect(page.get_by_text("It was decided otherwise")).to_have_count(0)
