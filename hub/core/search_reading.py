"""Reads the values of one search condition on one parameter, by the parameter's type.

Source: http://hl7.org/fhir/R5/search.html (prefixes, modifiers, escaping).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from hub.core.search_comparator import (
    date_range,
    decimal_of,
    number_range,
    split_prefix,
)
from hub.core.search_criterion import (
    AskedRange,
    Criterion,
    HasParts,
    HasRange,
    HasTerm,
    HasText,
    IsBelow,
    IsMissing,
    TextMatch,
)
from hub.core.search_member import read_member
from hub.core.search_near import read_near
from hub.core.search_parameter import ComponentGroup, SearchParameter, SearchParameters
from hub.core.search_path import type_of
from hub.core.search_syntax import NotOffered, Refused, split, split_alternatives, unescape
from hub.core.search_value import (
    ABSOLUTE,
    ANY_SYSTEM,
    LOCAL_REFERENCE,
    local_reference,
    normalise,
)
from hub.core.search_words import read_words
from hub.core.value_set import NotExpandable
from hub.errors import InvalidSearch, InvalidSearchValue

_ID = re.compile(r"[A-Za-z0-9.\-]{1,64}")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://[^/\s]", re.ASCII)

_MODIFIERS = {
    "token": ("missing", "not", "in", "not-in", "of-type", "text"),
    "reference": ("missing", "not", "identifier", "text"),
    "string": ("missing", "contains", "exact"),
    "uri": ("missing", "above", "below"),
}
_BY_TERMINOLOGY = ("above", "below")


def read_plain(
    parameters: SearchParameters,
    resource_type: str,
    parameter: SearchParameter,
    modifier: str | None,
    value: str,
) -> Criterion:
    """Return what ``parameter:modifier=value`` asks of a resource.

    Raises:
        InvalidSearch: the modifier is none that the parameter takes.
        InvalidSearchValue: the value is not of the parameter's form.
    """
    name = parameter.code if modifier is None else f"{parameter.code}:{modifier}"
    try:
        if parameter.type == "composite":
            return _composite(parameters, parameter, modifier, value)
        if modifier == "missing" and (parameter.type != "special" or parameter.code == "near"):
            return _missing(parameter, value)
        alternatives = split_alternatives(value)
        if not all(alternatives):
            raise Refused("a value that is not empty")
        if parameter.type == "special":
            return _special(parameters, resource_type, parameter, modifier, alternatives)
        if parameter.type == "token" and modifier in ("in", "not-in"):
            return _member(parameters, parameter, modifier, alternatives)
        return _criterion(parameters, parameter, modifier, alternatives)
    except Refused as refused:
        kind = InvalidSearch if isinstance(refused, NotOffered) else InvalidSearchValue
        raise kind(f"{resource_type}?{name}={value[:500]}: allowed: {refused}") from None


def exact_reader(
    parameters: SearchParameters, parameter: SearchParameter
) -> Callable[[str], Sequence[str]]:
    """Return what tells the terms that a plain value of a token, a reference or a uri asks for.

    They are those of ``read_plain``, each once; none where that would refuse the value.
    """
    is_local = LOCAL_REFERENCE.fullmatch
    types: Collection[str] = parameters.types() if parameter.type == "reference" else ()

    def read(value: str) -> Sequence[str]:
        if types and "\\" not in value:
            values = value.split(",")
            for each in values:
                local = is_local(each)
                if local is None or local[1] not in types:
                    break
            else:
                # Nearly all are so, and say themselves what they ask for.
                return values if len(values) == 1 else [*dict.fromkeys(values)]
        values = split(value, ",")
        if "" in values:
            return ()
        try:
            return [*_exact_terms(parameters, parameter, values)]
        except Refused:
            return ()

    return read


def _exact_terms(
    parameters: SearchParameters, parameter: SearchParameter, values: Iterable[str]
) -> frozenset[str]:
    if parameter.type == "token":
        return frozenset([term for value in values for term in _token(parameter, value)])
    if parameter.type == "reference":
        target = parameter.targets[0] if len(parameter.targets) == 1 else None
        return frozenset([_reference(parameters, value, target, typed=False) for value in values])
    return frozenset(map(unescape, values))


def _composite(
    parameters: SearchParameters, parameter: SearchParameter, modifier: str | None, value: str
) -> HasParts:
    types = [component.type for component in parameter.groups[0].components]
    if modifier is not None:
        raise NotOffered(f"no modifier, but {'$'.join(types)}")
    alternatives = [split(each, "$") for each in split_alternatives(value)]
    if any(len(parts) != len(types) or not all(parts) for parts in alternatives):
        raise Refused("$".join(types))

    def read(group: ComponentGroup, parts: list[str]) -> tuple[Criterion, ...]:
        pairs = zip(group.components, parts, strict=True)
        return tuple([_criterion(parameters, each, None, (part,)) for each, part in pairs])

    return HasParts(
        parameter,
        tuple(
            (group, tuple([read(group, parts) for parts in alternatives]))
            for group in parameter.groups
        ),
    )


def _special(
    parameters: SearchParameters,
    resource_type: str,
    parameter: SearchParameter,
    modifier: str | None,
    values: tuple[str, ...],
) -> Criterion:
    if modifier is not None:
        raise NotOffered("no modifier, or missing" if parameter.code == "near" else "no modifier")
    match parameter.code:
        case "near":
            return read_near(parameter, values)
        case "_list" | "_in":
            return read_member(parameters, resource_type, parameter, values)
        case _:
            return read_words(parameter, values)


def _missing(parameter: SearchParameter, value: str) -> IsMissing:
    if value not in ("true", "false"):
        raise Refused("true, false")
    return IsMissing(parameter, value == "true")


def _criterion(
    parameters: SearchParameters,
    parameter: SearchParameter,
    modifier: str | None,
    values: tuple[str, ...],
) -> Criterion:
    match parameter.type, modifier:
        case (("token" | "reference"), None | "not") | ("uri", None):
            terms = _exact_terms(parameters, parameter, values)
            return HasTerm(parameter, terms, modifier == "not")
        case "token", "of-type" if parameter.form != "bare":
            return HasTerm(parameter, frozenset(map(_typed_identifier, values)))
        case (("token" | "reference"), "text") if parameter.form != "bare":
            return HasText(parameter, frozenset(map(_text, values)), TextMatch.STARTS)
        case "reference", "identifier":
            terms = frozenset(["i:" + _coded(value) for value in values])
            return HasTerm(parameter, terms)
        case "reference", str() if modifier in parameter.targets:
            terms = frozenset(
                [_reference(parameters, value, modifier, typed=True) for value in values]
            )
            return HasTerm(parameter, terms)
        case "string", None:
            return HasText(parameter, frozenset(map(_text, values)), TextMatch.STARTS)
        case "string", "contains":
            return HasText(parameter, frozenset(map(_text, values)), TextMatch.CONTAINS)
        case "string", "exact":
            return HasText(parameter, frozenset(map(unescape, values)), TextMatch.EXACT)
        case "uri", "above" | "below":
            return _uri(parameter, modifier, values)
        case (("date" | "number" | "quantity"), None):
            read = _RANGES[parameter.type]
            return HasRange(parameter, frozenset(map(read, values)))
    known = _MODIFIERS.get(parameter.type, ("missing",))
    known += parameter.targets
    if parameter.form == "bare":
        known = ("missing", "not", "in", "not-in")
    by_terminology = parameter.type == "token" and modifier in _BY_TERMINOLOGY
    advice = "; list the codes: the hub has no terminology" if by_terminology else ""
    raise NotOffered(f"no modifier, or one of {', '.join(known)}{advice}")


def _token(parameter: SearchParameter, value: str) -> tuple[str, ...]:
    if parameter.form == "bare":
        parts = split(value, "|")
        if len(parts) > 2 or not parts[-1]:
            raise Refused("code or system|code")
        return (unescape(parts[-1]),)
    coded = _coded(value)
    system, bar, code = coded.partition("|")
    if parameter.form == "mixed" and bar and system and code:
        return coded, ANY_SYSTEM + code
    return (coded,)


def _member(
    parameters: SearchParameters,
    parameter: SearchParameter,
    modifier: str,
    values: tuple[str, ...],
) -> HasTerm:
    if len(values) > 1:
        raise Refused("one ValueSet")
    try:
        found = parameters.value_sets.expand(unescape(values[0]))
    except NotExpandable as error:
        raise NotOffered(f"a ValueSet whose codes are known here; {error}") from None
    forms: set[str] = set()
    if parameter.form != "coded":
        start = "" if parameter.form == "bare" else ANY_SYSTEM
        forms.update(start + code for code in found.codes)
    if parameter.form != "bare":
        forms.update(f"{system}|{code}" for system, code in found.members)
    return HasTerm(parameter, frozenset(forms), modifier == "not-in", found.canonical)


def _coded(value: str) -> str:
    parts = [unescape(part) for part in split(value, "|")]
    if len(parts) > 2 or not any(parts):
        raise Refused("code, system|code, |code or system|")
    return "|".join(parts)


def _typed_identifier(value: str) -> str:
    parts = [unescape(part) for part in split(value, "|")]
    if len(parts) != 3 or not all(parts[1:]):
        raise Refused("system|code|value of an identifier's type and value")
    return "t:" + "|".join(parts)


def _reference(parameters: SearchParameters, value: str, target: str | None, *, typed: bool) -> str:
    asked = local_reference(unescape(value), parameters.base_url)
    local = LOCAL_REFERENCE.fullmatch(asked)
    if local is not None and local[1] not in parameters.types():
        raise Refused(f"a reference to a resource type of {parameters.release}")
    if typed and (local is not None or _ID.fullmatch(asked) is None):
        if type_of({"reference": asked}, {}) != target:
            raise Refused(f"a reference to a {target}")
        return asked
    if local is not None or ABSOLUTE.match(asked):
        return asked
    if _ID.fullmatch(asked) is None:
        raise Refused("Type/id, id or an absolute URL")
    return f"{target}/{asked}" if target is not None else f"id:{asked}"


def _uri(parameter: SearchParameter, modifier: str, values: tuple[str, ...]) -> HasTerm | IsBelow:
    if modifier == "below":
        return IsBelow(parameter, frozenset(map(_url, values)))
    return HasTerm(parameter, frozenset(part for url in values for part in _above(url)))


def _url(value: str) -> str:
    url = unescape(value)
    if _URL.match(url) is None:
        raise Refused("a URL with a host: URNs have no parts to compare")
    return url


def _above(value: str) -> Iterator[str]:
    """Yield a URL and all that it stands below, with and without a slash at the end."""
    url = _url(value)
    yield url
    for slash in re.finditer("/", url[url.index("://") + 3 :]):
        end = slash.start() + url.index("://") + 3
        yield url[:end]
        yield url[: end + 1]


def _text(value: str) -> str:
    text = normalise(unescape(value))
    if not text:
        raise Refused("a value that is not blank")
    return text


def _date(value: str) -> AskedRange:
    comparator, text = split_prefix(value)
    found = date_range(text)
    if found is None:
        raise Refused("[eq ne gt lt ge le sa eb ap]YYYY[-MM[-DD[Thh:mm[:ss][Z or +hh:mm]]]]")
    return AskedRange(comparator, *found)


def _number(value: str) -> AskedRange:
    comparator, text = split_prefix(value)
    number = decimal_of(text)
    if number is None:
        raise Refused("[eq ne gt lt ge le sa eb ap]number")
    return AskedRange(comparator, *number_range(comparator, number))


def _quantity(value: str) -> AskedRange:
    number, *unit = [unescape(part) for part in split(value, "|")]
    asked = _number(number)
    if not unit:
        return asked
    if len(unit) != 2 or not unit[1]:
        raise Refused("number, number|system|code or number||code")
    system, code = unit
    return AskedRange(
        asked.comparator, asked.low, asked.high, f"{system}|{code}" if system else code
    )


_RANGES: dict[str, Callable[[str], AskedRange]] = {
    "date": _date,
    "number": _number,
    "quantity": _quantity,
}
