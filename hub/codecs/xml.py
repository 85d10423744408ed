"""FHIR's XML: what reading and writing have in common.

The formats differ in form only, so one table of elements drives both ways, in every release: it
knows names, types, lists and the order of elements.  Numbers go over as text and keep their
spelling.
Sources: http://hl7.org/fhir/xml.html; http://hl7.org/fhir/formats.html.
"""

from __future__ import annotations

import importlib
import importlib.util
from functools import cache
from typing import Any, Final

from hub.codecs.tables import Element, elements
from hub.core.release import FhirRelease

FHIR: Final = "http://hl7.org/fhir"
XHTML: Final = "http://www.w3.org/1999/xhtml"

XML_TYPES: Final = ("application/fhir+xml", "application/xml", "text/xml")
"""The MIME types of FHIR's XML, the standard's own first."""

INSTALL: Final = "install it with pip install 'fhir-hub[xml]'"
"""What to do where XML is asked for and the extra is missing."""


def is_xml(mime_type: str) -> bool:
    """Tell whether a MIME type, with parameters or without, is one of FHIR's XML."""
    return mime_type.partition(";")[0].strip().lower() in XML_TYPES


@cache
def is_installed() -> bool:
    """Tell whether XML can be read and written here: the extra ``xml`` brings lxml."""
    return importlib.util.find_spec("lxml") is not None


@cache
def etree() -> Any:
    """Return ``lxml.etree``, imported when XML is first met."""
    return importlib.import_module("lxml.etree")


def parse_markup(text: bytes) -> Any:
    """Return the root element of ``text``, which is UTF-8.

    No document type is read, no entity is resolved, nothing is fetched.

    Raises:
        lxml.etree.XMLSyntaxError: it is not well-formed.
    """
    parser = etree().XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        collect_ids=False,
    )
    return etree().fromstring(text, parser)


@cache
def parts(release: FhirRelease, type_name: str) -> dict[str, tuple[Element, str]]:
    """Return the elements of a type by their JSON names, in order, each with its value's type.

    Raises:
        KeyError: the release has no such type.
    """
    return {
        name: (element, code)
        for element in elements(release).of(type_name)
        for name, code in element.json_names.items()
    }


@cache
def attributes(release: FhirRelease, type_name: str) -> frozenset[str]:
    """Return the elements of a type that XML writes as attributes."""
    if type_name in elements(release).resource_types:
        return frozenset()
    return frozenset(("id", "url") if type_name == "Extension" else ("id",))
