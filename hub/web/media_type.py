"""Which formats are read and written: JSON and XML, in UTF-8, of the base's own release.

XML takes the extra ``xml``; where it is missing, a refusal says how to get it.

Source: http://hl7.org/fhir/http.html#mime-type; RFC 9110, 12.5.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from hub.codecs.xml import INSTALL, XML_TYPES, is_xml
from hub.core.release import FhirRelease
from hub.errors import MediaTypeNotSupported, NotAcceptable

FHIR_JSON: Final = "application/fhir+json"
JSON: Final = "application/json"
FHIR_XML: Final = "application/fhir+xml"
JSON_PATCH: Final = "application/json-patch+json"
HTML: Final = "text/html"
MARKDOWN: Final = "text/markdown"
FORM: Final = "application/x-www-form-urlencoded"
_JSON_TYPES: Final = (FHIR_JSON, JSON)
_ALL_TYPES: Final = (*_JSON_TYPES, *XML_TYPES)
_REMEMBERED: Final = 256
"""How many headers are remembered with what they mean: clients say the same each time."""
_FORMATS: Final = {
    "json": FHIR_JSON,
    "text/json": FHIR_JSON,
    "xml": FHIR_XML,
    "*/*": FHIR_JSON,
    **{each: each for each in (*_JSON_TYPES, *XML_TYPES)},
}


@dataclass(frozen=True, slots=True)
class MediaType:
    """A media type or range with its parameters; names are in lower case."""

    name: str
    parameters: dict[str, str]


def read_media_type(text: str) -> MediaType:
    """Read one media type or range."""
    name, *rest = text.split(";")
    parameters = {}
    for part in rest:
        key, _, value = part.partition("=")
        parameters[key.strip().lower()] = value.strip().strip('"')
    return MediaType(name.strip().lower(), parameters)


def resource_types(*, has_xml: bool) -> tuple[str, ...]:
    """Return the media types in which resources are read and written."""
    return _ALL_TYPES if has_xml else _JSON_TYPES


def content_type_of(media_type: str) -> str:
    """Return the Content-Type of a body in this format."""
    return f"{media_type}; charset=utf-8"


@lru_cache(_REMEMBERED)
def check_content_type(text: str | None, release: FhirRelease, allowed: tuple[str, ...]) -> str:
    """Return the media type of a body without its parameters.

    Raises:
        MediaTypeNotSupported: it is none of ``allowed``, in another charset, or of another release.
    """
    listed = " or ".join(allowed)
    if text is None:
        raise MediaTypeNotSupported(f"Content-Type is missing; allowed: {listed}")
    found = read_media_type(text)
    if found.name not in allowed:
        hint = ""
        if JSON_PATCH in allowed:
            hint = "; FHIRPath Patch and XML Patch are not offered"
        elif FHIR_JSON in allowed and is_xml(found.name):
            hint = f"; for XML the hub lacks an extra: {INSTALL}"
        raise MediaTypeNotSupported(f"Content-Type is {found.name[:64]!r}; allowed: {listed}{hint}")
    if found.parameters.get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
        raise MediaTypeNotSupported("the charset must be utf-8")
    version = found.parameters.get("fhirversion", release.version)
    if version not in {release.version, release.full_version}:
        raise MediaTypeNotSupported(
            f"fhirVersion is {version[:16]!r}, but this base speaks {release.version}"
        )
    return found.name


@lru_cache(_REMEMBERED)
def is_sent_as_xml(text: str | None, release: FhirRelease, has_xml: bool) -> bool:
    """Tell whether a resource of this Content-Type is XML, not JSON.

    Raises:
        MediaTypeNotSupported: it is neither, or not what a base of ``release`` reads.
    """
    return is_xml(check_content_type(text, release, resource_types(has_xml=has_xml)))


def negotiate(
    accept: str | None,
    format: str | None,
    release: FhirRelease,
    *,
    has_xml: bool,
    sent: str | None = None,
) -> str:
    """Return the Content-Type of the answer.

    Args:
        accept: the Accept header.
        format: the parameter ``_format``, which goes before it.
        has_xml: whether XML can be given.
        sent: the Content-Type of the request: where any format will do, the answer has the same.

    Raises:
        NotAcceptable: nothing that was asked for can be given.
    """
    if format is None:
        return _accepted(accept or "", release, has_xml, sent or "")
    # A plus that was not percent-encoded arrives as a blank.
    asked = read_media_type(format.replace("fhir ", "fhir+"))
    name = _FORMATS.get(asked.name)
    if name in resource_types(has_xml=has_xml) and _is_spoken(asked, release):
        return content_type_of(name)
    wanted = [] if name is None else [name]
    raise NotAcceptable(
        f"_format asks for {format[:64]!r}; {_speaks(release, wanted, has_xml=has_xml)}"
    )


@lru_cache(_REMEMBERED)
def _accepted(accept: str, release: FhirRelease, has_xml: bool, sent: str) -> str:
    """Return the first of the types that ``accept`` wants most."""
    offered = list(resource_types(has_xml=has_xml))
    if is_xml(sent):
        offered.sort(key=lambda each: not is_xml(each))
    if not accept.strip():
        return content_type_of(offered[0])
    ranges = [read_media_type(part) for part in accept.split(",")]
    if any(each.name == HTML for each in ranges):
        # A browser: it shows plain JSON, and would save the FHIR type as a file.  It names plain
        # XML because pages were XML once.
        offered = [JSON, *(each for each in offered if each in {FHIR_JSON, FHIR_XML})]
    spoken = [each for each in ranges if _is_spoken(each, release)]
    found = [
        (quality, -place, -index, name)
        for index, name in enumerate(offered)
        for quality, place in [_wish(name, spoken)]
        if quality > 0
    ]
    if found:
        return content_type_of(max(found)[-1])
    words = _speaks(release, [each.name for each in ranges], has_xml=has_xml)
    raise NotAcceptable(f"Accept names nothing that can be given; {words}")


def _wish(name: str, ranges: list[MediaType]) -> tuple[float, int]:
    """Return how much a type is wanted, 0 to 1, and the place of the range that says so.

    The most specific range that covers the type decides.
    """
    for covering in (name, f"{name.partition('/')[0]}/*", "*/*"):
        wishes = [
            (_quality(each), place) for place, each in enumerate(ranges) if each.name == covering
        ]
        if wishes:
            return max(wishes, key=lambda wish: wish[0])
    return 0.0, 0


def _speaks(release: FhirRelease, wanted: list[str], *, has_xml: bool) -> str:
    formats = "JSON and XML" if has_xml else "JSON"
    words = f"this base speaks {formats} of FHIR {release.version}"
    if not has_xml and any(map(is_xml, wanted)):
        words += f"; for XML the hub lacks an extra: {INSTALL}"
    return words


def prefers_html(accept: str | None, format: str | None) -> bool:
    """Tell whether a person looks: a page is named before JSON, or asked for."""
    if format is not None:
        return format in {"html", HTML}
    return _is_named_first(HTML, _JSON_TYPES, accept)


def prefers_markdown(accept: str | None, format: str | None) -> bool:
    """Tell whether Markdown is named before pages and JSON, or asked for."""
    if format is not None:
        return format in {"md", "markdown", MARKDOWN}
    return _is_named_first(MARKDOWN, (HTML, *_JSON_TYPES), accept)


def _is_named_first(name: str, others: tuple[str, ...], accept: str | None) -> bool:
    names = [
        each.name
        for part in (accept or "").split(",")
        if _quality(each := read_media_type(part)) > 0
    ]
    return name in names and not any(each in others for each in names[: names.index(name)])


def _quality(asked: MediaType) -> float:
    """Return the weight of a range, 0 where it can't be read."""
    try:
        weight = float(asked.parameters.get("q", "1"))
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0


def _is_spoken(asked: MediaType, release: FhirRelease) -> bool:
    version = asked.parameters.get("fhirversion", release.version)
    return version in {release.version, release.full_version}
