"""Who has the administrator's scope, and what others are told."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from hub.core.client import ADMINISTRATOR
from hub.errors import Unauthorized
from hub.settings import Settings, SettingsError
from hub.web.callers import Callers
from tests.web.site import a_patient, a_site, issue, run
from tests.web.topics import ADMIN, TOKEN, a_topic, administered


def test_the_token_gives_the_scope_whatever_the_case_of_its_scheme() -> None:
    callers = Callers(None, TOKEN)
    assert callers.caller([f"Bearer {TOKEN}"]) is ADMINISTRATOR
    assert callers.caller([f"bearer  {TOKEN} "]) is ADMINISTRATOR
    assert callers.caller([]) is None
    assert callers.caller(["Basic dTpw"]) is None
    assert TOKEN not in repr(vars(callers))


@pytest.mark.parametrize("shown", ["", "x", TOKEN[:-1], TOKEN + "a", "é"])
def test_another_bearer_token_is_refused(shown: str) -> None:
    with pytest.raises(Unauthorized, match="none that this hub knows"):
        Callers(None, TOKEN).caller([f"Bearer {shown}"])


def test_without_a_token_in_the_settings_nobody_has_the_scope() -> None:
    assert Callers(None).caller([f"Bearer {TOKEN}"]) is None


def test_a_wrong_token_is_told_so_and_never_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = "wrong-" + TOKEN

    async def scenario() -> None:
        async with a_site(settings=administered(tmp_path)) as site:
            for method, path in (("GET", "Patient"), ("POST", "Patient"), ("GET", "metadata")):
                body = a_patient() if method == "POST" else None
                answer = await site.ask(method, path, body, authorization=f"Bearer {wrong}")
                assert answer.status_code == 401
                assert answer.headers["www-authenticate"].startswith("Bearer ")
                assert issue(answer)["details"]["coding"][0]["code"] == "unauthorized"
                assert wrong not in answer.text

    with caplog.at_level(logging.DEBUG):
        run(scenario())
    assert wrong not in caplog.text and TOKEN not in caplog.text


def test_everybody_else_may_do_what_they_could_before(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with a_site(settings=administered(tmp_path)) as site:
            assert (await site.ask("POST", "Patient", a_patient())).status_code == 201
            answer = await site.ask("POST", "SubscriptionTopic", a_topic(), base="/fhir/r5")
            assert answer.status_code == 405
            assert answer.headers["allow"] == "GET, HEAD"
            assert "--admin-token-file" in issue(answer)["diagnostics"]
            assert (await site.ask("GET", "Patient", **ADMIN)).status_code == 200

    run(scenario())


def test_without_the_setting_a_token_changes_nothing() -> None:
    async def scenario() -> None:
        async with a_site() as site:
            assert (await site.ask("POST", "Patient", a_patient(), **ADMIN)).status_code == 201
            answer = await site.ask(
                "POST", "SubscriptionTopic", a_topic(), base="/fhir/r5", **ADMIN
            )
            assert answer.status_code == 405

    run(scenario())


def test_a_hub_does_not_start_with_a_file_that_others_may_read(tmp_path: Path) -> None:
    settings = administered(tmp_path)
    assert settings.admin_token_file is not None
    settings.admin_token_file.chmod(0o640)

    async def scenario() -> None:
        with pytest.raises(SettingsError, match="chmod 600"):
            async with a_site(settings=Settings(admin_token_file=settings.admin_token_file)):
                pass

    run(scenario())
