from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import Unavailable
from hub.stores.secrets import KEY_BYTES, HeaderCipher, load_key
from tests.stores.samples import luck

KEY = bytes(range(KEY_BYTES))
CIPHER = HeaderCipher(KEY, luck())


@given(st.text(), st.lists(st.text()))
def test_values_come_back_for_the_same_subscription(reference: str, values: list[str]) -> None:
    assert CIPHER.decrypt(reference, CIPHER.encrypt(reference, values)) == tuple(values)


def test_values_can_not_be_read_in_what_is_stored() -> None:
    assert b"Bearer" not in CIPHER.encrypt("Subscription/1", ["Bearer abc"])


def test_the_same_values_never_look_the_same() -> None:
    assert CIPHER.encrypt("Subscription/1", ["a"]) != CIPHER.encrypt("Subscription/1", ["a"])


def test_values_of_another_subscription_are_refused() -> None:
    secret = CIPHER.encrypt("Subscription/1", ["a"])
    with pytest.raises(Unavailable, match="Subscription/2"):
        CIPHER.decrypt("Subscription/2", secret)


def test_another_key_is_refused() -> None:
    secret = CIPHER.encrypt("Subscription/1", ["a"])
    with pytest.raises(Unavailable, match="key file"):
        HeaderCipher(KEY[::-1], luck()).decrypt("Subscription/1", secret)


@given(st.data())
def test_any_changed_or_missing_byte_is_refused(data: st.DataObject) -> None:
    secret = CIPHER.encrypt("Subscription/1", ["a", "b"])
    place = data.draw(st.integers(0, len(secret) - 1))
    changed = secret[:place] + bytes([secret[place] ^ 1]) + secret[place + 1 :]
    for bad in (changed, secret[:place]):
        with pytest.raises(Unavailable):
            CIPHER.decrypt("Subscription/1", bad)


def test_a_key_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(Unavailable, match="31 bytes"):
        HeaderCipher(KEY[1:], luck())


def test_a_key_file_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "hub.key"
    key = load_key(path, luck(1))
    assert len(key) == KEY_BYTES
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_key(path, luck(2)) == key


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "hub.key"
    load_key(path, luck())
    path.chmod(0o640)
    with pytest.raises(Unavailable, match="chmod 600"):
        load_key(path, luck())


def test_a_key_file_without_a_whole_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "hub.key"
    path.write_bytes(b"short")
    path.chmod(0o600)
    with pytest.raises(Unavailable, match="5 bytes"):
        load_key(path, luck())
