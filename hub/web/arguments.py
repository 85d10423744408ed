"""The parameters of one call of an operation, from its query and its body.

Source: http://hl7.org/fhir/operations.html (parameters in the query or in a Parameters resource).
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from hub.core.instant import read_instant
from hub.core.subscription import PayloadContent
from hub.errors import InvalidValue
from hub.web.call import Call
from hub.web.page import PRESENTATION
from hub.web.service import Service

_DIGITS: Final = 18


class Arguments:
    """The parameters of one call of an operation; ``names`` are those that it takes."""

    def __init__(self, service: Service, call: Call, names: tuple[str, ...]) -> None:
        """Read them from query and body.

        Raises:
            InvalidValue: one is not known, or has no primitive value.
            InvalidResource: the body is no Parameters resource.
        """
        pairs = [pair for pair in call.query if pair[0] not in PRESENTATION]
        if call.document is not None:
            document = service.validated(call.release, call.document, "Parameters")
            pairs += service.hub.codecs[call.release].decode_parameters(document.value)
        for name, _ in pairs:
            if name not in names:
                raise InvalidValue(
                    f"{name[:64]!r} is no parameter of this operation; "
                    f"allowed: {', '.join(names) or 'none'}"
                )
        self.pairs = tuple(pairs)

    def listed(self, name: str) -> list[str]:
        """Return all values of a parameter, also of lists with commas."""
        return [
            part.strip()
            for found, value in self.pairs
            if found == name
            for part in value.split(",")
            if part.strip()
        ]

    def number(self, name: str) -> int | None:
        """Return a whole number, None where it is absent.

        Raises:
            InvalidValue: it is none, or there are several.
        """
        values = [value for found, value in self.pairs if found == name]
        if not values:
            return None
        text = values[0]
        if len(values) > 1 or not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
            raise InvalidValue(f"{name} must be one whole number, 0 or more")
        return int(text)

    def code(self, name: str, allowed: type[PayloadContent]) -> PayloadContent | None:
        """Return a code, None where it is absent.

        Raises:
            InvalidValue: it is none of ``allowed``, or there are several.
        """
        values = [value for found, value in self.pairs if found == name]
        if not values:
            return None
        if len(values) > 1 or values[0] not in set(allowed):
            raise InvalidValue(f"{name} must be one of {', '.join(allowed)}")
        return allowed(values[0])

    def instant(self, name: str) -> datetime | None:
        """Return an instant, None where it is absent.

        Raises:
            InvalidValue: it is none, or there are several.
        """
        values = [value for found, value in self.pairs if found == name]
        if not values:
            return None
        # A plus that was not percent-encoded arrives as a blank.
        found = read_instant(values[0].replace(" ", "+")) if len(values) == 1 else None
        if found is None:
            raise InvalidValue(f"{name} must be one instant such as 2026-01-31T09:30:00Z")
        return found
