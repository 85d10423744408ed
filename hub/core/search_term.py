"""How the search index names what a resource has: its terms and the numbers of its ranges.

Terms: ``k`` and 16 hex digits name the resource type; ``h`` and 16 hex digits a hash of (type,
parameter, form); ``s``, 16 hex digits of (type, parameter) and the hex of a normalised string cut
to 60 bytes, so that "starts with" is a look-up of a prefix.  What is asked rarely has no term of
its own (a code system without a code, an id without a type).
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

LONGEST = 60
"""So many bytes of a string are in its term."""

LAST_UPDATED = "_lastUpdated"
"""The parameter whose value is the instant of the version, and so not in the index."""

ALWAYS = frozenset(("_id", "_type", LAST_UPDATED))
"""Every stored resource has these, so nobody asks where they are missing."""


@lru_cache(maxsize=1_024)
def kind_term(resource_type: str) -> str:
    """Return the term that every resource of the type has."""
    return "k" + _hash(resource_type).hexdigest()


class ParameterTerms:
    """The terms of one parameter of one resource type.

    ``presence`` is the term of what has any value there, ``string_start`` how the terms of its
    strings begin, ``number`` that of its ranges: 63 bits.
    """

    __slots__ = ("_forms", "number", "presence", "string_start")

    def __init__(self, resource_type: str, code: str) -> None:
        name = f"{resource_type}\0{code}"
        hashed = _hash(name).hexdigest()
        self.presence = "h" + hashed
        self.string_start = "s" + hashed
        self.number = int(hashed, 16) >> 1
        self._forms = _hash(name + "\0")

    def form(self, form: str) -> str:
        """Return the term of what has ``form``."""
        hashed = self._forms.copy()
        try:
            hashed.update(form.encode())
        except UnicodeEncodeError:
            hashed.update(encoded(form))
        return "h" + hashed.hexdigest()

    def string(self, text: str) -> str:
        """Return the term of a normalised string."""
        return self.string_start + encoded(text)[:LONGEST].hex()

    def axis(self, axis: int) -> int:
        """Return the number of one of the ranges that a value has: of a position, 0 and 1."""
        return int(self.form(str(axis))[1:], 16) >> 1


@lru_cache(maxsize=8_192)
def terms_of(resource_type: str, code: str) -> ParameterTerms:
    """Return the terms of the parameter ``code`` of ``resource_type``."""
    return ParameterTerms(resource_type, code)


def has_term(kind: str, form: str) -> bool:
    """Tell whether a form of a value has a term in the index; ``kind`` is the parameter's type."""
    if kind == "token":
        return not form.endswith("|")
    if kind == "reference":
        return not form.startswith(("id:", "#")) and not (
            form.startswith("i:") and form.endswith("|")
        )
    return True


def encoded(text: str) -> bytes:
    """Return the bytes of any text, even one that is no valid Unicode."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _hash(text: str) -> blake2b:
    return blake2b(encoded(text), digest_size=8)
