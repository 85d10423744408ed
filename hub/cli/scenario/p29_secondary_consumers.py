"""P29: somebody is told of an order who is not asked to act."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hub.cli.scenario.actor import reference
from hub.cli.scenario.order import coded, patient, report, service_request
from hub.cli.scenario.pattern import pattern
from hub.cli.scenario.stage import Stage
from hub.core.release import Resource
from hub.settings import packaged_topics

CODES = "http://example.org/tests"
VALUE_SET = "http://example.org/ValueSet/notifiable"
NOTIFIABLE = ("measles", "mumps", "rubella")
TOPIC = "http://example.org/SubscriptionTopic/notifiable-test"
ORDERS = 20


@pattern("P29", "Secondary consumers", "COW, core concepts; case reporting")
async def play(stage: Stage) -> None:
    """Infection control hears of each order for a notifiable test, and of its result.

    Which tests these are says a ValueSet that the hub has loaded, in the trigger of a topic of
    their own.  Of twenty orders the three in the set are told.
    """
    with tempfile.TemporaryDirectory() as folder:
        _write(Path(folder))
        await stage.hub("hub", topics=(packaged_topics(), Path(folder)))
        placer = await stage.actor("placer", "Ward 3")
        control = await stage.actor("infection control")
        orders = await control.subscribes(TOPIC)
        named = ",".join(f"{CODES}|{code}" for code in NOTIFIABLE)
        results = await control.subscribes("result-available", f"DiagnosticReport?code={named}")

        ada = await placer.creates(patient())
        written = []
        for number in range(ORDERS):
            code = NOTIFIABLE[number // 7] if number % 7 == 0 else f"other-{number}"
            order = service_request(ada, placer, code=coded(code, CODES))
            written.append(await placer.creates(order))
        told = [(await orders.next()).focus for _ in NOTIFIABLE]
        expected = [reference(written[number]) for number in (0, 7, 14)]
        stage.equal("the three orders in the set are told", told, expected)
        stage.equal("and no other", await orders.counted(), 3)
        result = report(written[0], ada, code=coded("measles", CODES))
        stored = await placer.creates(result)
        stage.equal("the result, too", (await results.next()).focus, reference(stored))
        await placer.creates(report(written[1], ada))
        stage.equal("results of other tests are not", await results.counted(), 1)


def _write(folder: Path) -> None:
    for name, resource in (("topic", _topic()), ("codes", _value_set())):
        (folder / f"{name}.json").write_text(json.dumps(resource), "utf-8")


def _topic() -> Resource:
    return {
        "resourceType": "SubscriptionTopic",
        "id": "notifiable-test",
        "url": TOPIC,
        "version": "1.0.0",
        "status": "active",
        "resourceTrigger": [
            {
                "resource": "ServiceRequest",
                "supportedInteraction": ["create"],
                "queryCriteria": {"current": f"code:in={VALUE_SET}", "requireBoth": True},
            }
        ],
    }


def _value_set() -> Resource:
    return {
        "resourceType": "ValueSet",
        "url": VALUE_SET,
        "status": "active",
        "compose": {"include": [{"system": CODES, "concept": [{"code": c} for c in NOTIFIABLE]}]},
    }
