"""Administrative Subscriptions: an identifier alone must be able to name them."""

from __future__ import annotations

from typing import Any

import pytest

from hub.core.administrative import check_administrative, check_managing_entity
from hub.core.client import ADMINISTRATOR, Client
from hub.core.release import FhirRelease
from hub.core.subscription import ChannelType, Identifier
from hub.errors import ExtensionNotAllowed, SubscriptionRefused
from tests.support.subscriptions import a_subscription

R4 = FhirRelease.R4
NAME = Identifier("http://example.org/subs", "7")


def test_it_is_named_by_its_first_identifier_and_others_by_their_reference() -> None:
    named = (NAME, Identifier(None, "8"))
    mine = a_subscription(R4, identifier=named, administrative=True)
    check_administrative(mine)
    assert mine.name == "http://example.org/subs|7"
    assert a_subscription(R4, identifier=named).name == "Subscription/admission"
    assert str(named[1]) == "|8"


@pytest.mark.parametrize("identifier", [(), (Identifier("http://example.org/subs", None), NAME)])
def test_it_needs_an_identifier_with_a_value(identifier: tuple[Identifier, ...]) -> None:
    with pytest.raises(SubscriptionRefused) as refused:
        check_administrative(a_subscription(R4, identifier=identifier, administrative=True))
    assert refused.value.expression == "Subscription.identifier"
    check_administrative(a_subscription(R4, identifier=identifier))


def test_a_classic_one_has_no_websocket_since_that_goes_by_the_id() -> None:
    def classic(channel: ChannelType, **more: Any) -> None:
        check_administrative(
            a_subscription(R4, topic="Task", channel_type=channel, identifier=(NAME,), **more)
        )

    classic(ChannelType.REST_HOOK, administrative=True)
    classic(ChannelType.WEBSOCKET)
    with pytest.raises(SubscriptionRefused) as refused:
        classic(ChannelType.WEBSOCKET, administrative=True)
    assert refused.value.expression == "Subscription.channelType"


LAB = Client(name="lab", parties=frozenset({"Organization/lab"}))
OF_LAB = frozenset({"Organization/lab", "http://ids.example.org|1"})


@pytest.mark.parametrize("release", FhirRelease)
@pytest.mark.parametrize("caller", [None, LAB, ADMINISTRATOR])
def test_a_managing_entity_is_anybody_where_an_administrator_decides(
    release: FhirRelease, caller: Client | None
) -> None:
    theirs = frozenset({"Organization/ward"})
    check_managing_entity(a_subscription(release), caller)
    check_managing_entity(
        a_subscription(release, managing_entity=theirs, administrative=True), caller
    )


def test_a_managing_entity_of_r5_is_one_for_whom_the_caller_acts() -> None:
    for caller in (None, LAB, ADMINISTRATOR):
        check_managing_entity(a_subscription(FhirRelease.R5, managing_entity=OF_LAB), caller)
    theirs = a_subscription(FhirRelease.R5, managing_entity=frozenset({"Organization/ward"}))
    check_managing_entity(theirs, None)
    check_managing_entity(theirs, ADMINISTRATOR)
    with pytest.raises(SubscriptionRefused, match="nobody for whom lab acts") as refused:
        check_managing_entity(theirs, LAB)
    assert refused.value.expression == "Subscription.managingEntity"


@pytest.mark.parametrize("release", [R4, FhirRelease.R4B])
@pytest.mark.parametrize("caller", [None, LAB, ADMINISTRATOR])
def test_before_r5_only_an_administrative_one_has_a_managing_entity(
    release: FhirRelease, caller: Client | None
) -> None:
    with pytest.raises(ExtensionNotAllowed):
        check_managing_entity(a_subscription(release, managing_entity=OF_LAB), caller)
