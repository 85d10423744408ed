"""Compares the hub's search with Medplum's on generated R4 resources and queries.

Run by ``scripts/search-differential``.  Prints how many answers agree and, for each known kind of
difference, how many there are, an example and why the hub answers as it does.  Exit code 1 if
there is a difference of no known kind.
Source of the hub's side: http://hl7.org/fhir/R4/search.html.
"""

from __future__ import annotations

import argparse
import json
import random  # noqa: TID251  # drawn from the seed of the command line
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search_cases import BASE, ELEMENTS, PARAMETERS, condition_of, resource_of

from hub.core.search import parse_condition
from hub.core.search_comparator import date_range
from hub.core.search_parameter import SearchParameter
from hub.core.search_value import local_reference
from hub.errors import InvalidSearch

MATCHER = Path(__file__).with_suffix(".mjs")

UNKNOWN = "of no known kind"


@dataclass(frozen=True)
class Difference:
    """One resource that one condition answers differently; ``ours`` is the hub's answer."""

    name: str
    value: str
    parameter: SearchParameter
    resource: dict[str, Any]
    ours: bool

    @property
    def asked(self) -> list[str]:
        """The alternatives of the value."""
        return self.value.split(",")

    @property
    def prefix(self) -> str:
        """What stands before a date, ``eq`` if nothing."""
        return self.value[:2] if self.value[:1].isalpha() else "eq"

    @property
    def literals(self) -> set[str]:
        """Every reference of the resource as it is written."""
        return set(re.findall(r'"reference": "([^"]+)"', json.dumps(self.resource)))


def _is_id_alone(it: Difference) -> bool:
    ids = {f"id:{each}" for each in it.asked if "/" not in each}
    return it.ours and it.parameter.type == "reference" and not ids.isdisjoint(_terms(it))


def _is_spelled_otherwise(it: Difference) -> bool:
    if it.parameter.type != "reference":
        return False
    if it.name.endswith(":missing"):
        return any(literal.count("/") != 1 for literal in it.literals)
    spelled = (*it.asked, *it.literals)
    named = {local_reference(each, BASE) for each in it.asked} & _terms(it)
    return it.ours and any(
        local_reference(each, BASE) in named and each not in named for each in spelled
    )


def _has_system_before_code(it: Difference) -> bool:
    return it.parameter.form == "bare" and "|" in it.value


def _is_of_other_case(it: Difference) -> bool:
    if it.parameter.type != "token" or it.ours is not it.name.endswith(":not"):
        return False
    asked, found = set(it.asked), _terms(it)
    folded = {each.casefold() for each in found}
    return asked.isdisjoint(found) and not folded.isdisjoint(each.casefold() for each in asked)


def _is_of_string(it: Difference, modifier: str) -> bool:
    return not it.ours and it.parameter.type == "string" and it.name.endswith(modifier)


def _is_date(it: Difference, *prefixes: str) -> bool:
    return it.parameter.type == "date" and it.prefix in prefixes


def _holds_one(it: Difference) -> bool:
    """Tell whether the value asked for holds a date found."""
    asked = date_range(it.value.removeprefix(it.prefix))
    ranges = it.parameter.values(it.resource).ranges
    return asked is not None and any(asked[0] <= low and high <= asked[1] for low, high in ranges)


def _ends_within(it: Difference) -> bool:
    """Tell whether each date found lies across the bound of the value that counts."""
    asked = date_range(it.value.removeprefix(it.prefix))
    ranges = it.parameter.values(it.resource).ranges
    if asked is None:
        return False
    if it.prefix == "le":
        return all(asked[0] <= low < asked[1] < high for low, high in ranges)
    return all(low < asked[0] < high <= asked[1] for low, high in ranges)


def _names_a_month(it: Difference) -> bool:
    written = json.dumps(it.resource) + f'"{it.value.removeprefix(it.prefix)}"'
    return it.parameter.type == "date" and '"2024-02"' in written


def _terms(it: Difference) -> frozenset[str]:
    return it.parameter.values(it.resource).terms


KINDS: tuple[tuple[str, str, Callable[[Difference], bool]], ...] = (
    (
        "id without type",
        "[parameter]=[id] asks for any type that the parameter refers to",
        _is_id_alone,
    ),
    (
        "reference spelled otherwise",
        "absolute below the own base, or with a version, it names the same resource",
        _is_spelled_otherwise,
    ),
    (
        "system before a code",
        "an element of type code has a system, by its binding: only the code is compared",
        _has_system_before_code,
    ),
    (
        "letter case of a token",
        "codes and identifiers are compared as they are; most code systems tell A from a",
        _is_of_other_case,
    ),
    (
        "string :exact",
        "the whole string is compared",
        lambda it: _is_of_string(it, ":exact"),
    ),
    (
        "string in the middle",
        "a string is compared from its start; :contains is for the middle",
        lambda it: _is_of_string(it, ""),
    ),
    (
        "string with accents",
        "a string is compared without accents",
        lambda it: it.ours and it.parameter.type == "string" and not it.value.isascii(),
    ),
    (
        "date that only overlaps",
        "eq asks that the value asked for holds the whole date or period",
        lambda it: _is_date(it, "eq") and not it.ours and not _holds_one(it),
    ),
    (
        "ne of no date",
        "what is not there is not unequal; :missing asks for it",
        lambda it: _is_date(it, "ne") and not it.ours and not it.parameter.values(it.resource),
    ),
    (
        "ne of a period that overlaps",
        "ne is the opposite of eq",
        lambda it: _is_date(it, "ne") and it.ours,
    ),
    (
        "le or ge of a period that overlaps",
        "le asks that it begins before the value or lies within it, ge that it ends after or lies",
        lambda it: _is_date(it, "le", "ge") and not it.ours and _ends_within(it),
    ),
    (
        "a whole month",
        "February ends with its last day; Medplum gives it more days",
        _names_a_month,
    ),
)


def ask_medplum(folder: Path, resources: list[Any], queries: list[Any]) -> list[Any]:
    """Return what Medplum finds for each query.  ``folder`` holds node_modules."""
    answer = subprocess.run(
        ["node", str(MATCHER), str(folder)],
        input=json.dumps({"resources": resources, "queries": queries}),
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[Any] = json.loads(answer.stdout)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="the folder that holds node_modules")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--resources", type=int, default=120, help="of each type")
    parser.add_argument("--queries", type=int, default=400, help="on each type")
    options = parser.parse_args()
    luck = random.Random(options.seed)  # noqa: S311  # cases are no secret
    resources = [
        resource_of(kind, number, luck) for kind in ELEMENTS for number in range(options.resources)
    ]
    asked = [(kind, *condition_of(kind, luck)) for kind in ELEMENTS for _ in range(options.queries)]
    theirs = ask_medplum(
        options.folder.resolve(), resources, [(kind, {name: [v]}) for kind, name, v in asked]
    )
    totals: Counter[str] = Counter()
    differences: list[Difference] = []
    for (kind, name, value), found in zip(asked, theirs, strict=True):
        if isinstance(found, str):
            totals["refused by Medplum"] += 1
            continue
        try:
            condition = parse_condition(PARAMETERS, kind, name, value)
        except InvalidSearch:
            totals["refused by the hub"] += 1
            continue
        parameter = PARAMETERS.get(kind, condition.name)
        assert parameter is not None
        for number, resource in enumerate(resources):
            if resource["resourceType"] != kind:
                continue
            ours = condition.matches(resource)
            totals["match"] += ours
            if ours is (number in found):
                totals["agree"] += 1
            else:
                differences.append(Difference(name, value, parameter, resource, ours))
    return report(totals, differences)


def report(totals: Counter[str], differences: list[Difference]) -> int:
    """Print the totals and each kind of difference; return the exit code."""
    for name, count in sorted(totals.items()):
        print(f"{count:9,} {name}")
    print(f"{len(differences):9,} differ")
    counts: Counter[str] = Counter()
    examples: dict[str, Difference] = {}
    for difference in differences:
        kind = next((name for name, _, fits in KINDS if fits(difference)), UNKNOWN)
        counts[kind] += 1
        examples.setdefault(kind, difference)
    reasons = {name: reason for name, reason, _ in KINDS}
    for kind, count in counts.most_common():
        example = examples[kind]
        print(f"\n{count:9,} {kind}: {reasons.get(kind, 'look at this')}")
        print(f"          {example.name}={example.value} on {shown(example)}")
    return 1 if counts[UNKNOWN] else 0


def shown(difference: Difference) -> str:
    """Return what the parameter found in the resource, and the two answers."""
    values = difference.parameter.values(difference.resource)
    found = sorted(values.terms)[:6] or values.texts or values.ranges
    return f"{found}: the hub {difference.ours}, Medplum {not difference.ours}"


if __name__ == "__main__":
    sys.exit(main())
