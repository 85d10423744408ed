"""The text of a notification as its receiver gets it: JSON or XML, of any release."""

from __future__ import annotations

import json

from hub.codecs.xml import INSTALL, is_installed
from hub.codecs.xml_reader import read_xml
from hub.core.release import FhirRelease, Json
from hub.errors import HubError


def read_payload(text: str | bytes) -> Json:
    """Return what a payload says, as its JSON says it.

    Raises:
        ValueError: it is neither JSON nor FHIR's XML, or it is XML and that is not installed.
    """
    raw = text.encode() if isinstance(text, str) else text
    if not raw.lstrip().startswith(b"<"):
        return json.loads(raw)
    if not is_installed():
        raise ValueError(f"it is XML; {INSTALL}")
    try:
        return json.loads(read_xml(raw, _release_of(raw)).text)
    except HubError as error:
        raise ValueError(error.diagnostics) from None


def _release_of(raw: bytes) -> FhirRelease:
    """Tell the releases apart: by the type of the Bundle, and by the status resource in it."""
    if b'"subscription-notification"' in raw:
        return FhirRelease.R5
    return FhirRelease.R4B if b"<SubscriptionStatus" in raw else FhirRelease.R4
