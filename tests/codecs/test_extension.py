from __future__ import annotations

import pytest

from hub.codecs.extension import with_extension
from hub.codecs.r4 import R4Codec
from hub.codecs.r5 import R5Codec
from hub.core.release import Json, Resource
from hub.errors import ExtensionNotAllowed, SubscriptionRefused
from tests.support.backport import BP, a_resource, channel_extensions

R4 = R4Codec()
TWICE = [
    ("heartbeat-period", {"valueUnsignedInt": 60}),
    ("timeout", {"valueUnsignedInt": 60}),
    ("max-count", {"valuePositiveInt": 60}),
]


@pytest.mark.parametrize(("name", "value"), TWICE)
def test_an_extension_that_may_stand_once_is_refused_twice(name: str, value: Resource) -> None:
    with pytest.raises(SubscriptionRefused, match="at most one") as refusal:
        R4.decode_subscription(channel_extensions((name, value), (name, value)))
    assert refusal.value.expression == "Subscription.channel.extension[1]"


CROSS = (
    "http://hl7.org/fhir/5.0/subscriptions-backport/StructureDefinition/backport-filter-criteria"
)


@pytest.mark.parametrize(
    ("changes", "expression"),
    [
        ({"_criteria": {"extension": [{"url": CROSS, "valueString": "patient=1"}]}},
         "Subscription.criteria.extension[0]"),
        ({"extension": [{"url": "http://hl7.org/fhir/4.3/StructureDefinition/x"}]},
         "Subscription.extension[0]"),
        ({"channel__header": [None, {"extension": [{"url": CROSS, "valueString": "a=1"}]}]},
         "Subscription.channel.header[1].extension[0]"),
        ({"extension": [{"url": "http://x.org/a", "extension": [{"url": CROSS}]}]},
         "Subscription.extension[0].extension[0]"),
        ({"contained": [{"resourceType": "Basic", "extension": [{"url": CROSS}]}]},
         "Subscription.contained[0].extension[0]"),
        ({"channel_extension": [{"url": f"{BP}/backport-filter-criteria", "valueString": "a=1"}]},
         "Subscription.channel.extension[0]"),
        ({"extension": [{"url": f"{BP}/backport-topic-canonical", "valueUri": "http://x.org"}]},
         "Subscription.extension[0]"),
        ({"modifierExtension": [{"url": "http://x.org/not", "valueBoolean": True}]},
         "Subscription.modifierExtension[0]"),
    ],
)  # fmt: skip
def test_an_extension_that_would_be_ignored_is_refused(
    changes: dict[str, Json], expression: str
) -> None:
    with pytest.raises(ExtensionNotAllowed) as refusal:
        R4.decode_subscription(a_resource(**changes))
    assert refusal.value.expression == expression


@pytest.mark.parametrize(
    ("codec", "resource"),
    [(R4, a_resource()), (R5Codec(), {"resourceType": "Subscription"})],
)
def test_a_subscription_under_rules_that_the_hub_does_not_know_is_refused(
    codec: R4Codec | R5Codec, resource: Resource
) -> None:
    with pytest.raises(SubscriptionRefused, match="implicitRules") as refusal:
        codec.decode_subscription({**resource, "implicitRules": "http://example.org/rules"})
    assert refusal.value.expression == "Subscription.implicitRules"


def test_an_extension_of_others_is_let_be() -> None:
    extension = [{"url": "http://x.org/colour", "valueString": "blue"}, {"valueString": "?"}]
    assert R4.decode_subscription(a_resource(extension=extension)).id == "s1"


def test_an_extension_is_changed_in_its_place_or_added() -> None:
    holder = {"extension": [{"url": "a", "id": "x", "valueCode": "1"}, {"url": "b"}]}
    assert with_extension(holder, "a", "valueCode", "2") == {
        "extension": [{"url": "a", "id": "x", "valueCode": "2"}, {"url": "b"}]
    }
    assert with_extension({"id": "e"}, "a", "valueCode", "1") == {
        "id": "e",
        "extension": [{"url": "a", "valueCode": "1"}],
    }
