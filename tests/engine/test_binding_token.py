"""Tokens that bind websockets: for whom, for how long, and what they allow."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.core.release import FhirRelease
from hub.errors import Deleted, NotFound, Unprocessable
from tests.support.rig import SECOND, Rig, on_rig

R4, R5 = FhirRelease.R4, FhirRelease.R5


def test_a_token_names_its_subscriptions_once_and_expires() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("a", type="websocket")
        await rig.update("b", type="websocket")
        token = rig.hub.tokens.issue(R4, ["b", "a", "b"], resume_after=7)
        assert token.ids == ("b", "a")
        assert token.expiration == rig.clock.now() + timedelta(minutes=5)
        assert token.token not in repr(token)
        for _ in range(2):
            grant = rig.hub.tokens.redeem(token.token)
            assert grant.sids == (rig.subscriber("b").sid, rig.subscriber("a").sid)
            assert grant.resume_after == 7
        await rig.after(timedelta(minutes=5))
        with pytest.raises(NotFound):
            rig.hub.tokens.redeem(token.token)

    on_rig(scenario)


def test_without_ids_a_token_is_for_every_websocket_subscription_that_is_on() -> None:
    async def scenario(rig: Rig) -> None:
        with pytest.raises(NotFound):
            rig.hub.tokens.issue(R4, None)
        for id in ("a", "b", "off", "gone"):
            await rig.update(id, type="websocket")
        await rig.update("hook")
        await rig.update("other", R5, type="websocket")
        await rig.update("off", type="websocket", status="off")
        await rig.hub.subscriptions.delete(R4, "gone")
        assert rig.hub.tokens.issue(R4, None).ids == ("a", "b")
        assert rig.hub.tokens.issue(R5, None).ids == ("other",)

    on_rig(scenario)


def test_what_cannot_be_bound_is_refused() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("hook")
        await rig.update("off", type="websocket", status="off")
        await rig.update("gone", type="websocket")
        await rig.hub.subscriptions.delete(R4, "gone")
        for id, error in (
            ("hook", Unprocessable),
            ("off", Unprocessable),
            ("gone", Deleted),
            ("unknown", NotFound),
        ):
            with pytest.raises(error):
                rig.hub.tokens.issue(R4, [id])

    on_rig(scenario)


def test_a_new_token_does_not_end_those_that_still_hold() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("a", type="websocket")
        old = rig.hub.tokens.issue(R4, ["a"]).token
        await rig.after(200 * SECOND)
        middle = rig.hub.tokens.issue(R4, ["a"]).token
        await rig.after(200 * SECOND)
        new = rig.hub.tokens.issue(R4, ["a"]).token
        assert len({old, middle, new}) == 3
        with pytest.raises(NotFound):
            rig.hub.tokens.redeem(old)
        assert rig.hub.tokens.redeem(middle).sids == rig.hub.tokens.redeem(new).sids
        with pytest.raises(NotFound):
            rig.hub.tokens.redeem("guessed")

    on_rig(scenario)
