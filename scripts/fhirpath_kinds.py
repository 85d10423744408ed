"""Why a test of HL7's FHIRPath suite is not one that the hub passes."""

from __future__ import annotations

import re

from hub.core.release import FhirRelease

UNKNOWN = "of no known kind"

_MODES = {
    "strict": "checks types before it evaluates; a topic is evaluated leniently",
    "cda": "is of CDA documents, which are no FHIR resources",
    "tx": "asks a terminology server (%terminologies); a topic has memberOf() and local ValueSets",
    "html": "checks narrative, which is work of a validator",
}
_OLD_SECONDS = (
    "fractions of a second are not added in the files of R4 and R4B; R5's file, which the suite "
    "calls its source, adds them"
)
_FAILURES: dict[tuple[FhirRelease | None, str], str] = {
    (FhirRelease.R4, "testPlusDate19"): _OLD_SECONDS,
    (FhirRelease.R4B, "testPlusDate19"): _OLD_SECONDS,
    **dict.fromkeys(
        [
            (None, f"{edge}BoundaryDecimal{n}")
            for edge, n in (("Low", 15), ("High", 15), ("High", 16))
        ],
        "0.0034 is known to 0.00005; rounded to one place its boundaries are -0.1 or 0.1, as those "
        "of 1.587 to two places are 1.58 and 1.59, not 0.0",
    ),
    **dict.fromkeys(
        [(None, f"HighBoundaryDateTimeMillisecond{n}") for n in (1, 3)],
        "the last millisecond of the hour T08 is 08:59:59.999, not 08:00:59.999",
    ),
    **dict.fromkeys(
        [(FhirRelease.R5, f"{edge}BoundaryDateMonth") for edge in ("Low", "High")],
        "the boundary of a date is a date; the file calls the same text a dateTime",
    ),
    (None, "testPolymorphicsB"): (
        "the typed spelling of a choice (valueQuantity) is no path of the standard; topics use it, "
        "so it is read, as the suite's lenient mode has it"
    ),
    (None, "defineVariable19"): (
        "the name of a variable is computed; the hub settles variables when it compiles"
    ),
}
_NO_CLOCK = "now(), today(): a trigger depends on nothing but the change"
_REFUSALS = {
    "now": _NO_CLOCK,
    "today": _NO_CLOCK,
    "conformsTo": "conformsTo(): validation against a profile is not the hub's",
}
_REFUSED = re.compile(r"(\w+)\(\) is not evaluated")


def not_applicable(mode: str) -> str | None:
    """Return why a test asks nothing of a topic's expression, None if it does."""
    return _MODES.get(mode)


def refusal_kind(diagnostics: str) -> str | None:
    """Return what the hub does not offer, None if the expression is refused as wrong."""
    found = _REFUSED.search(diagnostics)
    if found is None:
        return None
    return _REFUSALS.get(found[1], UNKNOWN)


def failure_kind(release: FhirRelease, name: str) -> str:
    """Return why the hub answers otherwise on purpose."""
    return _FAILURES.get((release, name)) or _FAILURES.get((None, name)) or UNKNOWN
