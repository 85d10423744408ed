"""SubscriptionTopics between R5 JSON and the forms of R4B and R4.

R4B has the resource, without comparators and with fewer modifiers.  R4 has none: a topic is a
``Basic`` whose extensions have the names of the elements (cross-version extensions).  Published
topics write their extensions with the root 5.0 or 4.3, some both; 5.0 is written here.
Source: http://hl7.org/fhir/R4B/subscriptiontopic.html; backport IG, "Topics" ("FHIR R4").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from hub.core.excluded import TOPIC_CODE, is_topic_basic
from hub.core.release import FhirRelease, Json, Resource
from hub.errors import InvalidResource

ROOTS = (
    "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic.",
    "http://hl7.org/fhir/4.3/StructureDefinition/extension-SubscriptionTopic.",
)
COMPARATORS = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
_PLAIN = "="
_R4B_MODIFIERS = frozenset((*COMPARATORS, _PLAIN, "above", "below", "in", "not-in", "of-type"))
_MODIFIER = f"{ROOTS[0]}canFilterBy.modifier"
_KEPT = ("id", "meta", "implicitRules", "language", "text")

_Form: TypeAlias = "str | Mapping[str, _Form]"

_FORMS: Mapping[str, _Form] = {
    "url": "Uri",
    "identifier": "Identifier",
    "version": "String",
    "versionAlgorithmString": "String",
    "versionAlgorithmCoding": "Coding",
    "name": "String",
    "title": "String",
    "derivedFrom": "Canonical",
    "status": "Code",
    "experimental": "Boolean",
    "date": "DateTime",
    "publisher": "String",
    "contact": "ContactDetail",
    "description": "Markdown",
    "useContext": "UsageContext",
    "jurisdiction": "CodeableConcept",
    "purpose": "Markdown",
    "copyright": "Markdown",
    "copyrightLabel": "String",
    "approvalDate": "Date",
    "lastReviewDate": "Date",
    "effectivePeriod": "Period",
    "resourceTrigger": {
        "description": "Markdown",
        "resource": "Uri",
        "supportedInteraction": "Code",
        "queryCriteria": {
            "previous": "String",
            "resultForCreate": "Code",
            "current": "String",
            "resultForDelete": "Code",
            "requireBoth": "Boolean",
        },
        "fhirPathCriteria": "String",
    },
    "eventTrigger": {"description": "Markdown", "event": "CodeableConcept", "resource": "Uri"},
    "canFilterBy": {
        "description": "Markdown",
        "resource": "Uri",
        "filterParameter": "String",
        "filterDefinition": "Uri",
        "comparator": "Code",
        "modifier": "Code",
    },
    "notificationShape": {"resource": "Uri", "include": "String", "revInclude": "String"},
}
_REPEATED = frozenset(
    (
        "identifier",
        "derivedFrom",
        "contact",
        "useContext",
        "jurisdiction",
        "resourceTrigger",
        "eventTrigger",
        "canFilterBy",
        "notificationShape",
        "supportedInteraction",
        "comparator",
        "modifier",
        "include",
        "revInclude",
    )
)
_R5_ONLY = ("name", "versionAlgorithmString", "versionAlgorithmCoding", "copyrightLabel")


def is_topic(resource: Resource) -> bool:
    """Tell whether a resource is a SubscriptionTopic, or a ``Basic`` that stands for one."""
    return resource.get("resourceType") == "SubscriptionTopic" or is_topic_basic(resource)


def from_json(resource: Resource) -> Resource:
    """Return the R5 JSON of a topic in the form of any release.

    Raises:
        InvalidResource: it is no topic, or an extension of the ``Basic`` is not of the form that
            the element has.
    """
    if not isinstance(resource, dict) or not is_topic(resource):
        raise InvalidResource(
            "neither a SubscriptionTopic nor a Basic with the code "
            f"{TOPIC_CODE[0]}|{TOPIC_CODE[1]}",
            expression="resourceType",
        )
    topic = _from_basic(resource) if resource["resourceType"] == "Basic" else dict(resource)
    topic = _with_extensions_as_elements(topic)
    filters = topic.get("canFilterBy")
    if isinstance(filters, list):
        topic["canFilterBy"] = [
            _with_comparators(each) if isinstance(each, dict) else each for each in filters
        ]
    return topic


def to_release(topic: Resource, release: FhirRelease) -> Resource:
    """Return an R5 topic in the form of ``release``; in R4 that is a ``Basic``."""
    if release is FhirRelease.R4:
        return _to_basic(topic)
    if release is FhirRelease.R4B:
        return _to_r4b(topic)
    return topic


# R4B ---------------------------------------------------------------------------------------------


def _to_r4b(topic: Resource) -> Resource:
    found = {name: value for name, value in topic.items() if name not in _R5_ONLY}
    extensions = [
        extension
        for name in _R5_ONLY
        if name in topic
        for extension in _extensions(ROOTS[0] + name, _FORMS[name], topic[name])
    ]
    if extensions:
        found["extension"] = [*found.get("extension", ()), *extensions]
    if "canFilterBy" in found:
        found["canFilterBy"] = [_filter_to_r4b(entry) for entry in found["canFilterBy"]]
    return found


def _filter_to_r4b(entry: Resource) -> Resource:
    codes = [*entry.get("comparator", ()), *entry.get("modifier", ())]
    found = {name: value for name, value in entry.items() if name not in ("comparator", "modifier")}
    inside = [code for code in codes if code in _R4B_MODIFIERS]
    outside = [{"url": _MODIFIER, "valueCode": c} for c in codes if c not in _R4B_MODIFIERS]
    if inside:
        found["modifier"] = inside
    if outside:
        found["extension"] = [*found.get("extension", ()), *outside]
    return found


def _with_comparators(entry: Resource) -> Resource:
    """Part what R4B mixes: comparators from modifiers; ``=`` is no modifier."""
    found = dict(entry)
    written = entry.get("extension", [])
    extensions = [e for e in written if isinstance(e, dict)] if isinstance(written, list) else []
    outside = [e.get("valueCode") for e in extensions if e.get("url") == _MODIFIER]
    if outside:
        found["extension"] = [e for e in extensions if e.get("url") != _MODIFIER]
        if not found["extension"]:
            del found["extension"]
    listed = entry.get("modifier", [])
    if not isinstance(listed, list):
        return found
    codes = [*listed, *outside]
    comparators = [*entry.get("comparator", ()), *(code for code in codes if code in COMPARATORS)]
    modifiers = [code for code in codes if code not in (*COMPARATORS, _PLAIN)]
    for name, values in (("comparator", comparators), ("modifier", modifiers)):
        found.pop(name, None)
        if values:
            found[name] = list(dict.fromkeys(values))
    return found


def _with_extensions_as_elements(topic: Resource) -> Resource:
    """Put elements that only R5 has, and that stand as extensions, in their place."""
    extensions = topic.get("extension")
    if not isinstance(extensions, list):
        return topic
    found = {name: value for name, value in topic.items() if name != "extension"}
    others = []
    for extension in extensions:
        name = _element_name(extension)
        if name in _R5_ONLY and name not in found:
            found[name] = _value_of(extension, f"SubscriptionTopic.{name}")
        else:
            others.append(extension)
    if others:
        found["extension"] = others
    return found


# R4 ----------------------------------------------------------------------------------------------


def _to_basic(topic: Resource) -> Resource:
    system, code = TOPIC_CODE
    extensions = [
        extension
        for name, form in _FORMS.items()
        if name in topic and name != "status"
        for extension in _extensions(ROOTS[0] + name, form, topic[name])
    ]
    basic: Resource = {
        "resourceType": "Basic",
        **{name: topic[name] for name in _KEPT if name in topic},
        "extension": [*extensions, *topic.get("extension", ())],
        "modifierExtension": list(_extensions(f"{ROOTS[0]}status", "Code", topic.get("status"))),
        "code": {"coding": [{"system": system, "code": code}]},
    }
    return {name: value for name, value in basic.items() if value != []}


def _extensions(url: str, form: _Form, value: Json) -> Iterator[Resource]:
    """Yield one extension per value; a group of elements becomes an extension with parts."""
    for each in value if isinstance(value, list) else [value]:
        if isinstance(form, str):
            if each is not None:
                yield {"url": url, f"value{form}": each}
            continue
        parts = [
            part
            for name, inner in form.items()
            if name in each
            for part in _extensions(name, inner, each[name])
        ]
        yield {"url": url, "extension": [*parts, *each.get("extension", ())]}


def _from_basic(basic: Resource) -> Resource:
    topic: Resource = {
        "resourceType": "SubscriptionTopic",
        **{name: basic[name] for name in _KEPT if name in basic},
    }
    others = []
    for name in ("extension", "modifierExtension"):
        for extension in _listed(basic, name, "Basic"):
            element = _element_name(extension)
            if element in _FORMS:
                _put(topic, element, extension, _FORMS[element], "SubscriptionTopic")
            else:
                others.append(extension)
    if others:
        topic["extension"] = others
    return topic


def _element_name(extension: Any) -> str:
    url = extension.get("url") if isinstance(extension, dict) else None
    for root in ROOTS:
        if isinstance(url, str) and url.startswith(root):
            return url.removeprefix(root)
    return ""


def _put(owner: Resource, name: str, extension: Resource, form: _Form, path: str) -> None:
    at = f"{path}.{name}"
    value = _value_of(extension, at) if isinstance(form, str) else _group(extension, form, at)
    if name in _REPEATED:
        owner.setdefault(name, []).append(value)
    elif name in owner:
        raise InvalidResource(f"{at} is there twice", expression=at)
    else:
        owner[name] = value


def _group(extension: Resource, forms: Mapping[str, _Form], path: str) -> Resource:
    found: Resource = {}
    others = []
    for part in _listed(extension, "extension", path):
        name = str(part.get("url")).removeprefix(f"{ROOTS[0]}").rpartition(".")[2]
        if part.get("url") in forms or _element_name(part):
            form = forms.get(name)
            if form is not None:
                _put(found, name, part, form, path)
                continue
        others.append(part)
    if others:
        found["extension"] = others
    return found


def _listed(owner: Resource, name: str, path: str) -> list[Resource]:
    values = owner.get(name, [])
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise InvalidResource(f"{path}.{name} must be a list of objects", expression=path)
    return values


def _value_of(extension: Resource, path: str) -> Json:
    values = [value for name, value in extension.items() if name.startswith("value")]
    if len(values) != 1:
        raise InvalidResource(f"the extension for {path} needs one value", expression=path)
    return values[0]
