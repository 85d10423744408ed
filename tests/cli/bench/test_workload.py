"""What the benches send: valid resources of the wanted sizes, in the wanted shares."""

from __future__ import annotations

import random  # noqa: TID251  # a load is drawn from a seed
from collections import Counter
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.cli.bench.sample import resource, sent_at, transaction
from hub.cli.bench.traffic import Writing, moves
from hub.cli.bench.workload import USUAL, Shares, Workload, Zipf, read_workload
from hub.codecs.validation import Validator
from hub.core.json_text import parse
from hub.core.release import FhirRelease

_R4 = Validator(FhirRelease.R4)


@pytest.mark.parametrize("resource_type", USUAL.types)
@pytest.mark.parametrize("size", [1, 2_000, 60_000])
def test_a_made_up_resource_is_valid_and_of_its_size(resource_type: str, size: int) -> None:
    text = resource(resource_type, "x1", size, owner="Organization/o7", sent=42)
    document = parse(text)
    _R4.check(document)
    assert document.value["id"] == "x1"
    assert size == 1 or abs(len(text) - size) < 200
    if resource_type == "Task":
        assert document.value["owner"] == {"reference": "Organization/o7"}
        assert sent_at(text) == [42]


def test_a_transaction_is_a_valid_bundle_of_its_resources() -> None:
    text = transaction({f"Task/t{n}": resource("Task", f"t{n}", 500) for n in range(3)})
    document = parse(text)
    _R4.check(document)
    assert [entry["request"]["url"] for entry in document.value["entry"]] == [
        "Task/t0",
        "Task/t1",
        "Task/t2",
    ]


def test_shares_are_kept() -> None:
    luck = random.Random(1)
    drawn = Counter(Shares({"a": 50, "b": 49, "c": 1}).draw(luck) for _ in range(20_000))
    assert drawn["a"] == pytest.approx(10_000, rel=0.05)
    assert drawn["c"] == pytest.approx(200, rel=0.3)


@given(st.integers(1, 200), st.integers())
def test_zipf_draws_only_what_there_is(count: int, seed: int) -> None:
    zipf, luck = Zipf(count), random.Random(seed)
    assert all(0 <= zipf.draw(luck) < count for _ in range(20))


def test_zipf_prefers_the_first() -> None:
    zipf, luck = Zipf(100), random.Random(1)
    drawn = Counter(zipf.draw(luck) for _ in range(10_000))
    assert drawn[0] == pytest.approx(2 * drawn[1], rel=0.2)
    assert drawn[0] > 20 * drawn[60]


def test_the_workload_is_read_where_it_is_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_REFERENCE_DATA", str(tmp_path))
    assert read_workload() == USUAL
    (tmp_path / "workload.json").write_bytes(
        orjson.dumps(
            {
                "resource_share": {"Task": 100},
                "interaction_share": {"create": 1},
                "update_share": {"noop": 1},
                "bytes": {"Task": 700, "tail_5pct": [1000, 2000], "tail_0.1pct": 3000},
            }
        )
    )
    found = read_workload()
    assert (found.types, found.sizes, found.large, found.huge) == (
        {"Task": 100},
        {"Task": 700},
        (1000, 2000),
        3000,
    )
    luck = random.Random(1)
    assert {found.size("Task", luck) for _ in range(5_000)} >= {700, 3000}


def _writing(only: str | None, workload: Workload = USUAL) -> Writing:
    luck = random.Random(7)
    return Writing(b"127.0.0.1", "p", luck, workload, owners=Zipf(10), only=only)


def test_writes_follow_the_workload_and_change_what_they_say_they_change() -> None:
    writing, bodies, kinds = _writing("Task"), dict[bytes, bytes](), Counter[str]()
    for at in range(3_000):
        shot = writing.next(at)
        head, _, body = shot.text.partition(b"\r\n\r\n")
        method, path, _ = head.split(b" ", 2)
        kinds[shot.what] += 1
        assert method == (b"DELETE" if shot.what == "delete" else b"PUT")
        assert (path in bodies) is (shot.what != "create")
        if shot.what == "delete":
            del bodies[path]
        else:
            assert (bodies.get(path) == body) is (shot.what == "noop")
            bodies[path] = body
            assert orjson.loads(body)["owner"]["reference"] == shot.about
            assert shot.what == "noop" or sent_at(body) == [at]
        shot.settle()
    assert kinds["create"] == pytest.approx(1_500, rel=0.1)
    assert kinds["noop"] == pytest.approx(3_000 * 0.49 * 0.3, rel=0.2)
    assert kinds["delete"] > 5
    assert {what for what in kinds if moves(what)} == {"create", "status", "content", "delete"}


def test_the_whole_mix_is_counted_by_type() -> None:
    writing = _writing(None)
    counted = Counter[str]()
    for at in range(2_000):
        shot = writing.next(at)
        counted[shot.about] += 1
        shot.settle()
    assert set(counted) == set(USUAL.types)
    assert counted["Task"] > counted["MedicationDispense"] > counted["Specimen"]


def test_changes_alone_say_all_when_they_were_meant_to_be_sent() -> None:
    writing = _writing("Task", USUAL.of_changes)
    for at in range(1_000):
        shot = writing.next(at)
        assert moves(shot.what) and sent_at(shot.text) == [at]
        shot.settle()
