from __future__ import annotations

import json

import fhir.resources.R4B.subscriptionstatus
import pytest

from hub.codecs.r4b import R4BCodec
from hub.core.notification import NotificationType
from hub.core.release import FhirRelease
from hub.core.subscription import PayloadContent
from hub.ports import Codec
from tests.support.notifications import BASE, a_notification

R4B: Codec = R4BCodec()


@pytest.mark.parametrize("content", PayloadContent)
@pytest.mark.parametrize("kind", NotificationType)
def test_the_status_is_a_subscription_status_with_counters_as_strings(
    kind: NotificationType, content: PayloadContent
) -> None:
    text = R4B.encode_notification(a_notification(FhirRelease.R4B, kind, content), BASE)
    status = json.loads(text)["entry"][0]["resource"]
    fhir.resources.R4B.subscriptionstatus.SubscriptionStatus.model_validate_json(json.dumps(status))
    assert isinstance(status["eventsSinceSubscriptionStart"], str)
    assert all(isinstance(e["eventNumber"], str) for e in status.get("notificationEvent", []))
