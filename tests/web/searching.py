"""A site with Tasks to search, and what stands in the answer."""

from __future__ import annotations

from typing import Any

import httpx

from tests.support.rig_resources import a_task
from tests.web.site import Site, a_patient


async def filled(site: Site) -> None:
    """Put four Patients, and a Task for the first."""
    for number, (family, gender, born) in enumerate(
        (
            ("Chalmers", "male", "1974-12-25"),
            ("Chan", "female", "1980-01-01"),
            ("Windsor", "female", "1990-06-30"),
            ("Notsowell", None, None),
        ),
        1,
    ):
        patient = a_patient(id=f"p{number}", name=[{"family": family}])
        patient |= {"gender": gender, "birthDate": born} if gender else {}
        await site.ask("PUT", f"Patient/p{number}", patient)
    task = a_task(id="t") | {"for": {"reference": "Patient/p1"}}
    await site.ask("PUT", "Task/t", task)


def found_ids(answer: httpx.Response) -> list[str]:
    """Return the ids of what was found, in order."""
    assert answer.status_code == 200, answer.text
    bundle = answer.json()
    assert bundle["type"] == "searchset"
    return [each["resource"]["id"] for each in bundle.get("entry", [])]


def link(answer: httpx.Response, relation: str) -> str | None:
    """Return the address of a link of the answer."""
    links: list[Any] = answer.json()["link"]
    return next((each["url"] for each in links if each["relation"] == relation), None)
