"""Trying an endpoint out."""

from __future__ import annotations

import pytest

from hub.core.delivery import Delivered, Failed, FailureClass
from hub.core.release import FhirRelease
from hub.engine.verification import CAUSES
from hub.errors import Deleted, NotFound, Unprocessable
from tests.support.rig import HOUR, Rig, on_rig
from tests.support.rig_resources import a_task

R4 = FhirRelease.R4


def test_a_trial_is_a_handshake_that_changes_nothing() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub", timeout=7, header=["X-Key: 1"])
        await rig.write(a_task())
        before = rig.subscriber("sub")
        verified = await rig.hub.verification.verify(R4, "sub")
        assert verified.result == Delivered(status=200)
        assert verified.cause == ""
        ((_, envelope),) = rig.endpoints.attempts
        assert envelope.timeout.total_seconds() == 7
        assert envelope.parameter == (("X-Key", "1"),)
        (handshake,) = rig.endpoints.of("handshake")
        assert handshake["events-since-subscription-start"] == "1"
        assert rig.subscriber("sub") is before

    on_rig(scenario)


@pytest.mark.parametrize("failure", list(FailureClass))
def test_every_failure_has_a_likely_cause(failure: FailureClass) -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("sub", status="off")
        rig.endpoints.answers = lambda envelope, attempt: Failed(failure=failure, reason="no")
        verified = await rig.hub.verification.verify(R4, "sub")
        assert verified.cause == CAUSES[failure] != ""
        await rig.after(HOUR)
        assert len(rig.endpoints.attempts) == 1

    on_rig(scenario)


def test_what_has_no_endpoint_cannot_be_tried() -> None:
    async def scenario(rig: Rig) -> None:
        await rig.update("socket", type="websocket")
        await rig.update("gone")
        await rig.hub.subscriptions.delete(R4, "gone")
        for id, error in (("socket", Unprocessable), ("gone", Deleted), ("unknown", NotFound)):
            with pytest.raises(error):
                await rig.hub.verification.verify(R4, id)

    on_rig(scenario)
