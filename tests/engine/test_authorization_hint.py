"""Where the hint at an authorization may go."""

from __future__ import annotations

import pytest

from hub.core.related_query import Coding
from hub.core.release import FhirRelease
from hub.core.subscription import ChannelType
from hub.engine.authorization_hint import AuthorizationHints
from tests.support.subscriptions import a_subscription

HINT = Coding("http://example.org/auth", "authorization_base")
PROTECTED = ("https://lab.example.org/x", "wss://lab.example.org", "http://localhost:8080/x",
             "http://127.0.0.2/x", "http://[::1]:80/x")  # fmt: skip
OPEN = ("http://lab.example.org/x", "http://10.0.0.1/x", "ws://lab.example.org", "mailto:a@b.org",
        "")  # fmt: skip


@pytest.mark.parametrize("url", [*PROTECTED, *OPEN])
def test_the_hint_goes_over_protected_connections_only(url: str) -> None:
    expected = HINT if url in PROTECTED else None
    hints = AuthorizationHints(HINT, url)
    subscription = a_subscription(FhirRelease.R4, endpoint=url or None)
    assert hints.of_endpoint(subscription) == expected
    assert hints.of_answers() == expected


def test_the_hint_never_goes_by_email_nor_from_a_hub_without_one() -> None:
    mail = a_subscription(FhirRelease.R4, channel_type=ChannelType.EMAIL, endpoint=PROTECTED[0])
    assert AuthorizationHints(HINT, PROTECTED[0]).of_endpoint(mail) is None
    none = AuthorizationHints(None, PROTECTED[0])
    assert none.of_answers() is None
    assert none.of_endpoint(a_subscription(FhirRelease.R4, endpoint=PROTECTED[0])) is None
