"""The real search parameters of each release, for tests that need some."""

from __future__ import annotations

from hub.codecs.tables.search import search_parameters
from hub.core.release import FhirRelease

BASE_URL = "http://hub.example/fhir"
PARAMETERS = {
    release: search_parameters(release, f"{BASE_URL}/{release.path}") for release in FhirRelease
}
