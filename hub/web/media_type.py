"""Which formats are read and written: JSON, in UTF-8, of the base's own release.

Source: http://hl7.org/fhir/http.html#mime-type; RFC 9110, 12.5.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from hub.core.release import FhirRelease
from hub.errors import MediaTypeNotSupported, NotAcceptable

FHIR_JSON: Final = "application/fhir+json"
JSON: Final = "application/json"
JSON_PATCH: Final = "application/json-patch+json"
FORM: Final = "application/x-www-form-urlencoded"
_RANGES: Final = {
    "*/*": FHIR_JSON,
    "application/*": FHIR_JSON,
    FHIR_JSON: FHIR_JSON,
    JSON: JSON,
}
_FORMATS: Final = {"json": FHIR_JSON, "application/fhir json": FHIR_JSON, "text/json": JSON}


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
        raise MediaTypeNotSupported(f"Content-Type is {found.name[:64]!r}; allowed: {listed}{hint}")
    if found.parameters.get("charset", "utf-8").lower() not in {"utf-8", "utf8"}:
        raise MediaTypeNotSupported("the charset must be utf-8")
    version = found.parameters.get("fhirversion", release.version)
    if version not in {release.version, release.full_version}:
        raise MediaTypeNotSupported(
            f"fhirVersion is {version[:16]!r}, but this base speaks {release.version}"
        )
    return found.name


def negotiate(accept: str | None, format: str | None, release: FhirRelease) -> str:
    """Return the Content-Type of the answer.

    Args:
        accept: the Accept header.
        format: the parameter ``_format``, which goes before it.

    Raises:
        NotAcceptable: nothing that was asked for can be given.
    """
    if format is not None:
        # A plus that was not percent-encoded arrives as a blank.
        asked = read_media_type(format)
        name = _FORMATS.get(asked.name) or _RANGES.get(asked.name)
        if name is not None and _is_spoken(asked, release):
            return f"{name}; charset=utf-8"
        raise NotAcceptable(
            f"_format asks for {format[:64]!r}; this base speaks JSON of FHIR {release.version}"
        )
    if not accept or not accept.strip():
        return f"{FHIR_JSON}; charset=utf-8"
    ranges = [read_media_type(part) for part in accept.split(",")]
    if any(each.name == "text/html" for each in ranges):
        # A browser: it shows plain JSON, and would save the FHIR type as a file.
        ranges = [_json_for_any(each) for each in ranges]
    for asked in ranges:
        name = _RANGES.get(asked.name)
        if name is not None and _is_wanted(asked) and _is_spoken(asked, release):
            return f"{name}; charset=utf-8"
    raise NotAcceptable(
        f"Accept names nothing that this base gives: JSON of FHIR {release.version}"
    )


def _json_for_any(asked: MediaType) -> MediaType:
    """Return plain JSON where anything is asked for."""
    return MediaType(JSON, asked.parameters) if asked.name == "*/*" else asked


def prefers_html(accept: str | None, format: str | None) -> bool:
    """Tell whether a person looks: a page is named before JSON, or asked for."""
    if format is not None:
        return format in {"html", "text/html"}
    names = [
        each.name for part in (accept or "").split(",") if _is_wanted(each := read_media_type(part))
    ]
    return "text/html" in names and not any(
        name in {FHIR_JSON, JSON} for name in names[: names.index("text/html")]
    )


def _is_wanted(asked: MediaType) -> bool:
    try:
        return float(asked.parameters.get("q", "1")) > 0
    except ValueError:
        return False


def _is_spoken(asked: MediaType, release: FhirRelease) -> bool:
    version = asked.parameters.get("fhirversion", release.version)
    return version in {release.version, release.full_version}
