"""The values of a Subscription's headers: kept, used, and shown to nobody."""

from __future__ import annotations

from typing import Any

import pytest

from hub.core.release import FhirRelease
from hub.errors import HeaderNotAllowed
from tests.support.rig import SECOND, Rig, on_rig
from tests.support.rig_resources import SECRET, body_of

R4, R5 = FhirRelease.R4, FhirRelease.R5


def test_header_values_are_shown_to_who_sent_them_and_to_nobody_later() -> None:
    async def scenario(rig: Rig) -> None:
        for stored in (
            await rig.update("sub", header=SECRET),
            await rig.update("sub", header=[*SECRET, "X-More: m"]),
        ):
            assert stored.resource["channel"]["header"][:2] == SECRET
            assert body_of(stored)["channel"]["header"][:2] == ["Authorization: ***", "X-Key: ***"]
        r5 = await rig.subscribe(R5, header=SECRET)
        assert body_of(r5)["parameter"][0] == {"name": "Authorization", "value": "***"}
        await rig.after(SECOND)
        _, envelope = rig.endpoints.attempts[0]
        assert dict(envelope.parameter)["Authorization"] == "Bearer abc"
        log = rig.hub.store.writer.history(R4, "Subscription", "sub", count=10)
        assert all(b"abc" not in (version.body or b"") for version in log)

    on_rig(scenario)


def test_three_stars_keep_the_stored_value_of_the_same_name() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub", header=["X-Key: one", "x-key: two", "X-Other: three"])
        await rig.update("sub", header=["X-KEY: ***", "X-Key: ***", "X-Other: new"])
        assert rig.subscriber("sub").subscription.parameter == (
            ("X-KEY", "one"),
            ("X-Key", "two"),
            ("X-Other", "new"),
        )

    on_rig(scenario)


@pytest.mark.parametrize(
    "change",
    [
        {"header": ["X-Unknown: ***"]},
        {"header": ["X-Key: ***", "X-Key: ***"]},
        {"header": ["X-Key: ***"], "endpoint": "https://thief.example.org/hook"},
        {"header": ["X-Key: ***"], "endpoint": "http://lab.example.org/hook"},
        {"header": ["X-Key: ***"], "endpoint": "https://lab.example.org:8443/hook"},
    ],
)
def test_three_stars_without_a_value_to_keep_are_refused(change: dict[str, Any]) -> None:
    async def scenario(rig: Rig) -> None:
        with pytest.raises(HeaderNotAllowed):
            await rig.update("sub", header=["X-Key: ***"])
        await rig.update("sub", header=["X-Key: secret"])
        with pytest.raises(HeaderNotAllowed) as refused:
            await rig.update("sub", **change)
        assert "secret" not in str(refused.value)
        await rig.update("sub", header=["X-Key: ***"], endpoint="https://lab.example.org/other")
        assert rig.subscriber("sub").subscription.parameter == (("X-Key", "secret"),)

    on_rig(scenario)


def test_a_deleted_subscription_leaves_no_header_values() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub", header=SECRET)
        await rig.hub.subscriptions.delete(R4, "sub")
        found = rig.hub.subscribers.find(R4, "sub")
        assert found is not None and found.subscription.parameter == ()
        with pytest.raises(HeaderNotAllowed):
            await rig.update("sub", header=["X-Key: ***"])

    on_rig(scenario)
