"""Header values of Subscriptions, encrypted at rest; and signatures with the same key.

AES-256-GCM with a random nonce for each encryption.  The name of the Subscription is bound to the
ciphertext, so that values moved to another Subscription do not decrypt.
Source: NIST SP 800-38D.
"""

from __future__ import annotations

import base64
import hmac
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hub.errors import Unavailable

KEY_BYTES = 32
_NONCE_BYTES = 12
_FORMAT = b"\x01"


class HeaderCipher:
    """Encrypts the header values of Subscriptions.

    Args:
        key: 32 bytes.
        luck: returns that many random bytes; of a cryptographic source.
    """

    def __init__(self, key: bytes, luck: Callable[[int], bytes]) -> None:
        self._cipher = AESGCM(_checked(key, "the key"))
        self._luck = luck

    def encrypt(self, reference: str, values: Sequence[str]) -> bytes:
        """Return ``values`` encrypted for the Subscription named ``reference``."""
        nonce = self._luck(_NONCE_BYTES)
        text = orjson.dumps(list(values))
        return _FORMAT + nonce + self._cipher.encrypt(nonce, text, reference.encode())

    def decrypt(self, reference: str, secret: bytes) -> tuple[str, ...]:
        """Return the values that were encrypted for ``reference``.

        Raises:
            Unavailable: another key, another Subscription, or changed bytes.
        """
        nonce, text = secret[1 : 1 + _NONCE_BYTES], secret[1 + _NONCE_BYTES :]
        try:
            if secret[:1] != _FORMAT or len(nonce) != _NONCE_BYTES:
                raise InvalidTag
            return tuple(orjson.loads(self._cipher.decrypt(nonce, text, reference.encode())))
        except InvalidTag:
            raise Unavailable(
                f"the header values of {reference} can't be decrypted: "
                "the key file is not the one they were stored with, or they were changed"
            ) from None


def signer(key: bytes, purpose: str) -> Callable[[str], str]:
    """Return what signs texts for ``purpose``: 43 letters, digits, ``-`` and ``_`` that nobody can
    guess who does not have ``key``.

    A signature for one purpose is none for another (HMAC-SHA256 of purpose and text).
    """
    _checked(key, "the key")

    def sign(text: str) -> str:
        mac = hmac.digest(key, f"{purpose}\0{text}".encode(), "sha256")
        return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()

    return sign


def load_key(path: Path, luck: Callable[[int], bytes]) -> bytes:
    """Return the key in the file ``path``, which is created if there is none.

    Raises:
        Unavailable: the file can be read by others than its owner, or holds no key.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise Unavailable(f"others may read {path.name}: chmod 600 it") from None
        return _checked(path.read_bytes(), path.name)
    with os.fdopen(handle, "wb") as file:
        file.write(_checked(luck(KEY_BYTES), "the new key"))
        file.flush()
        os.fsync(file.fileno())
    sync_directory(path.parent)
    return path.read_bytes()


def sync_directory(path: Path) -> None:
    """Make the names of new files in the directory ``path`` survive a crash of the machine."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _checked(key: bytes, name: str) -> bytes:
    if len(key) != KEY_BYTES:
        raise Unavailable(f"{name} has {len(key)} bytes; it must have {KEY_BYTES}")
    return key
