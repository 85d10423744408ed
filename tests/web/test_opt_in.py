"""The page where a person agrees to get mails, and the list of a demo's mails."""

from __future__ import annotations

from typing import Any

from hub.engine.opt_in import PATH
from hub.stores.secrets import signer
from tests.support.rig import PUBLIC_URL, SECOND
from tests.support.rig_endpoints import Endpoints
from tests.support.rig_resources import a_subscription, a_topic
from tests.web.site import Site, a_site, issue, run
from tests.web.test_home import BROWSER, Page

SIGN = signer(b"k" * 32, "test")
TITLE = "Tasks <of mine>"


def asking(**more: Any) -> Any:
    """Return a site that asks before it sends mails."""
    return a_site(mails=more.pop("mails"), sign=SIGN, topics=[a_topic(title=TITLE)], **more)


async def asked(site: Site, mails: Endpoints, **changes: Any) -> str:
    """Create an email Subscription and return the path of its link."""
    resource = a_subscription(
        type="email", endpoint="mailto:w&rd@example.org", payload="text/plain", **changes
    )
    answer = await site.ask("POST", "Subscription", resource)
    assert answer.status_code == 201
    assert answer.json()["status"] == "requested"
    await site.rig.after(SECOND)
    url = mails.attempts[-1][1].confirm_url
    assert url is not None
    return url.removeprefix(PUBLIC_URL)


def test_a_browser_sees_a_question_with_a_button_and_then_that_it_is_answered() -> None:
    async def scenario() -> None:
        mails = Endpoints()
        async with asking(mails=mails) as site:
            path = await asked(site, mails)
            (id,) = [each.subscription.id for each in site.rig.hub.subscribers]
            for _ in range(2):  # to look changes nothing
                answer = await site.ask("GET", path, accept=BROWSER)
                assert answer.status_code == 200
                assert "<form method='post'>" in answer.text
                assert site.rig.status(id) == "requested"
            page = Page(answer.text)
            assert page.inline == []
            assert TITLE in page.texts and "w&rd@example.org" in page.texts
            policy = answer.headers["content-security-policy"]
            assert "form-action 'self'" in policy and "default-src 'none'" in policy
            assert answer.headers["referrer-policy"] == "same-origin"
            assert answer.headers["cache-control"] == "no-store"
            headers = {"accept": BROWSER, "origin": PUBLIC_URL}
            answer = await site.http.post(path, headers=headers)
            assert answer.status_code == 200
            assert "You get mails now" in answer.text
            assert site.rig.status(id) == "active"
            again = await site.ask("GET", path, accept=BROWSER)
            assert "You get mails now" in again.text and "<form" not in again.text

    run(scenario())


def test_a_program_gets_json_and_a_page_of_elsewhere_cannot_agree_for_others() -> None:
    async def scenario() -> None:
        mails = Endpoints()
        async with asking(mails=mails) as site:
            path = await asked(site, mails, content="empty")
            elsewhere = await site.http.post(path, headers={"origin": "https://evil.example.org"})
            assert elsewhere.status_code == 403
            shown = (await site.ask("GET", path, accept="application/json")).json()
            assert shown["confirmed"] is False
            assert (shown["topic"], shown["title"]) == (None, None)
            assert (await site.http.head(path)).status_code == 200
            assert (await site.http.post(path)).json()["confirmed"] is True
            options = await site.http.request("OPTIONS", path)
            assert options.headers["allow"] == "GET, HEAD, POST, OPTIONS"
            wrong = await site.http.delete(path)
            assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD, POST")

    run(scenario())


def test_a_link_that_does_not_hold_is_explained_to_people_and_programs() -> None:
    async def scenario() -> None:
        async with asking(mails=Endpoints()) as site:
            for method in ("GET", "POST"):
                path = f"{PATH}/1.1.1.{'x' * 43}"
                page = await site.http.request(method, path, headers={"accept": BROWSER})
                assert page.status_code == 404
                assert "does not hold any more" in page.text
                assert Page(page.text).inline == []
                told = await site.http.request(method, path)
                assert told.status_code == 404
                assert issue(told)["code"] == "not-found"
        async with a_site() as site:
            answer = await site.http.get(f"{PATH}/1.1.1.x")
            assert "asks nobody" in issue(answer)["diagnostics"]

    run(scenario())
