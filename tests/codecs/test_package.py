from __future__ import annotations

import contextlib
import gzip
import io
import tarfile
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.codecs import package as module
from hub.codecs.package import PackageError, read_package
from hub.core.release import FhirRelease
from hub.errors import MalformedJson
from tests.support.packages import MANIFEST, a_package, an_entry, packed

WANTED = frozenset(("ValueSet",))
VALUE_SET = {"resourceType": "ValueSet", "url": "http://v"}


def refused(data: bytes) -> str:
    with pytest.raises(PackageError) as caught:
        read_package(data)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_the_resources_that_are_wanted_are_read() -> None:
    other = {"resourceType": "Patient", "contained": [VALUE_SET]}
    found = read_package(a_package(VALUE_SET, {"resourceType": "StructureDefinition"}, other))
    assert (found.name, found.version) == ("example.fhir.orders", "1.0.0")
    assert found.releases == (FhirRelease.R4,)
    assert found.dependencies == {"hl7.fhir.r4.core": "4.0.1"}
    assert list(found.resources(WANTED)) == [("ValueSet-0.json", VALUE_SET)]


def test_other_folders_and_files_are_left_alone() -> None:
    text = orjson.dumps(VALUE_SET)
    places = ("package/example/a.json", "package/other/b.json", "other/c.json", "d.json")
    ignored = ("package/.index.json", "package/readme.txt")
    found = read_package(a_package(files=dict.fromkeys((*places, *ignored), text)))
    assert list(found.resources(WANTED)) == []


def test_paths_may_begin_with_the_folder_itself() -> None:
    data = packed({"./package/package.json": orjson.dumps(MANIFEST)}, (an_entry("./"),))
    assert read_package(data).name == MANIFEST["name"]


def test_a_file_that_can_t_be_read_is_told_and_the_others_are_read() -> None:
    found = read_package(
        a_package(VALUE_SET, files={"package/A.json": b'{"resourceType":"ValueSet"'})
    )
    (name, error), (_, resource) = found.resources(WANTED)
    assert name == "A.json" and isinstance(error, MalformedJson)
    assert resource == VALUE_SET


@pytest.mark.parametrize(
    ("stated", "releases"),
    [
        (["4.0.1"], (FhirRelease.R4,)),
        (["4.0.0", "4.3.0"], (FhirRelease.R4, FhirRelease.R4B)),
        (["3.0.2", "5.0.0"], (FhirRelease.R5,)),
        (["5.0"], (FhirRelease.R5,)),
    ],
)
def test_a_package_is_for_the_releases_that_it_names(
    stated: list[str], releases: tuple[FhirRelease, ...]
) -> None:
    assert (
        read_package(a_package(manifest={**MANIFEST, "fhirVersions": stated})).releases == releases
    )


def test_the_older_name_of_the_versions_is_read_too() -> None:
    older = {name: value for name, value in MANIFEST.items() if name != "fhirVersions"}
    data = a_package(manifest={**older, "fhir-version-list": ["4.3.0"]})
    assert read_package(data).releases == (FhirRelease.R4B,)


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (None, "no FHIR package: it has no package/package.json"),
        ({**MANIFEST, "name": ""}, "name is missing"),
        ({**MANIFEST, "version": 1}, "version is missing"),
        ({**MANIFEST, "fhirVersions": []}, "fhirVersions is missing"),
        ({**MANIFEST, "fhirVersions": "4.0.1"}, "fhirVersions is missing"),
        (
            {**MANIFEST, "fhirVersions": ["3.0.2"]},
            "example.fhir.orders#1.0.0 is for FHIR 3.0.2; the hub has R4 (4.0.1), R4B (4.3.0)",
        ),
        ({**MANIFEST, "fhirVersions": ["4.01.1"]}, "is for FHIR 4.01.1"),
    ],
)
def test_a_package_that_does_not_say_what_it_is_is_refused(manifest: Any, words: str) -> None:
    assert words in refused(a_package(manifest=manifest))


def test_a_manifest_must_be_json() -> None:
    assert "package/package.json: " in refused(packed({"package/package.json": b"{"}))


@pytest.mark.parametrize(
    "name",
    ["../evil.json", "package/../../evil.json", "/etc/passwd", "package\\..\\a.json", "C:/a.json"],
)
def test_a_path_that_leads_out_is_refused(name: str) -> None:
    assert "leads out of the package" in refused(a_package(files={name: b"{}"}))


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_are_refused(kind: bytes) -> None:
    entry = an_entry("package/a.json", kind, "/etc/passwd")
    assert "is a link or device" in refused(a_package(entries=(entry,)))


def test_a_file_that_is_there_twice_is_refused() -> None:
    twice = (an_entry("package/a.json"), an_entry("package/a.json"))
    assert refused(a_package(entries=twice)) == "package/a.json is there twice"


def test_too_many_entries_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ENTRIES", 20)
    entries = tuple(an_entry(f"package/{number}.txt") for number in range(21))
    assert "more than 20 entries" in refused(a_package(entries=entries))


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = a_package(files={"package/a.json": b" " * (40 * 1024**2)})
    assert len(bomb) < 200_000
    assert "unpacks to more than" in refused(bomb)


def test_a_package_may_only_be_so_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_UNPACKED", 2 * 1024**2)
    assert refused(b"x" * (2 * 1024**2 + 1)) == "larger than 2 MiB"
    large = a_package(files={"package/a.txt": bytes(range(256)) * 12 * 1024})
    assert "unpacks to more than 2 MiB" in refused(large)


@pytest.mark.parametrize(
    "data",
    [b"", b"no gzip", gzip.compress(b"no tar"), a_package()[:80]],
    ids=["empty", "no gzip", "no tar", "cut off"],
)
def test_what_is_no_package_is_refused(data: bytes) -> None:
    assert refused(data)


def test_an_entry_may_not_claim_more_than_there_is() -> None:
    entry = an_entry("package/a.json")
    entry.size = 1 << 30
    written = entry.tobuf() + b"x" * 512
    assert "no gzipped tar file" in refused(gzip.compress(written))


def test_a_long_row_of_long_names_ends() -> None:
    written = io.BytesIO()
    header = an_entry("x" * 40, tarfile.GNUTYPE_LONGNAME)
    for _ in range(5_000):
        written.write(header.tobuf())
    refused(gzip.compress(written.getvalue()))


GOOD = a_package(VALUE_SET)


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_a_package_with_a_wrong_byte_is_read_or_refused(at: int, byte: int) -> None:
    broken = GOOD[:at] + bytes((byte,)) + GOOD[at + 1 :]
    with contextlib.suppress(PackageError):
        read_package(broken)
