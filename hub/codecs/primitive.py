"""The primitive types of FHIR as JSON schemas and as words.

Sources: http://hl7.org/fhir/R4/datatypes.html#primitive; http://hl7.org/fhir/R5/datatypes.html;
http://hl7.org/fhir/json.html#primitive.  Days are checked against the calendar, which the
standard's own patterns leave to the reader.
"""

from __future__ import annotations

import importlib
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Final

from hub.core.release import Json

_INT32 = 2**31
_YEAR = "(?:[0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)"
_LEAP_YEAR = "(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)"
_DAY = (
    f"(?:{_YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    "|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    f"|02-(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP_YEAR}-02-29)"
)
_MONTH = f"{_YEAR}(?:-(?:0[1-9]|1[0-2]))?"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
_ZONE = "(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_BLANK = r" \t\n\r\f\v"
_BASE64 = "[A-Za-z0-9+/]"
_WORD = f"[^{_BLANK}]+"
_HEX = "[0-9a-f]"


@dataclass(frozen=True, slots=True)
class Primitive:
    """One primitive type: its form in JSON and what people are told about it.

    ``pattern`` is of the common subset of ECMA 262, Rust's ``regex`` and Python, anchored on both
    sides by the users.  For numbers it is about their spelling, and ``least`` to ``most`` is the
    range.  ``longest`` is in characters.
    """

    json_type: str
    form: str
    pattern: str | None = None
    least: int | None = None
    most: int | None = None
    longest: int | None = None

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema (draft 4) of a value.

        It never accepts what ``accepts`` refuses, and it refuses a few rare valid spellings.
        """
        schema: dict[str, Any] = {"type": self.json_type}
        if self.json_type == "string":
            schema["minLength"] = 1
            if self.pattern is not None:
                schema["pattern"] = f"^(?:{self.pattern})$"
            if self.least is not None:
                schema["maxLength"] = len(str(self.most)) - 1
            elif self.longest is not None:
                schema["maxLength"] = self.longest
        elif self.least is not None:
            schema |= {"minimum": self.least, "maximum": self.most}
        return schema

    def accepts(self, value: Json) -> bool:
        """Tell whether a parsed JSON value is of this type."""
        match self.json_type:
            case "boolean":
                return isinstance(value, bool)
            case "string":
                if not isinstance(value, str) or not value:
                    return False
                if self.longest is not None and len(value) > self.longest:
                    return False
            case _:
                if isinstance(value, bool) or not isinstance(value, int | Decimal):
                    return False
        if self.pattern is not None and not re.fullmatch(self.pattern, str(value)):
            return False
        return self.least is None or self.most is None or self.least <= int(value) <= self.most


def _text(form: str, pattern: str | None = None) -> Primitive:
    return Primitive("string", form, pattern)


def _integer(least: int, most: int) -> Primitive:
    return Primitive(
        "integer", f"a whole number from {least} to {most}", "-?(?:0|[1-9][0-9]*)", least, most
    )


_LONG_TEXT: Final = Primitive(
    "string", "text that is not empty, of at most 1,048,576 characters", longest=1024**2
)

PRIMITIVES: Final[dict[str, Primitive]] = {
    "base64Binary": _text(
        "base64",
        f"[{_BLANK}]*(?:{_BASE64}{{4}}[{_BLANK}]*)*"
        f"(?:{_BASE64}{{4}}|{_BASE64}{{3}}=|{_BASE64}{{2}}==)[{_BLANK}]*",
    ),
    "boolean": Primitive("boolean", "true or false"),
    "canonical": _text("a URI, with |version or not", _WORD),
    "code": _text("a code without white space at its ends", f"{_WORD}(?: {_WORD})*"),
    "date": _text("a day YYYY-MM-DD, YYYY-MM or YYYY", f"{_MONTH}|{_DAY}"),
    "dateTime": _text(
        "a day YYYY-MM-DD, YYYY-MM or YYYY, or YYYY-MM-DDThh:mm:ss with a time zone",
        f"{_MONTH}|{_DAY}(?:T{_TIME}{_ZONE})?",
    ),
    "decimal": Primitive("number", "a number"),
    "id": _text("1 to 64 of A-Z a-z 0-9 - .", r"[A-Za-z0-9.\-]{1,64}"),
    "instant": _text("YYYY-MM-DDThh:mm:ss with a time zone", f"{_DAY}T{_TIME}{_ZONE}"),
    "integer": _integer(-_INT32, _INT32 - 1),
    "integer64": Primitive(
        "string",
        "a whole number of 64 bits, in quotes",
        "0|-?[1-9][0-9]{0,18}",
        -(2**63),
        2**63 - 1,
    ),
    "markdown": _LONG_TEXT,
    "oid": _text("urn:oid:...", r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+"),
    "positiveInt": _integer(1, _INT32 - 1),
    "string": _LONG_TEXT,
    "time": _text("hh:mm:ss", _TIME),
    "unsignedInt": _integer(0, _INT32 - 1),
    "uri": _text("a URI", _WORD),
    "url": _text("a URL", _WORD),
    "uuid": _text(
        "urn:uuid:... in lower case",
        f"urn:uuid:{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}",
    ),
    "xhtml": _text("XHTML"),
}
"""Every primitive type by its name; a type that is not here is complex."""


_EXPLAINED: Final = frozenset({"date", "dateTime", "instant", "time"})


def reason(code: str, value: Json) -> str | None:
    """Return why ``fhir.resources`` refuses a date or time; None for anything else.

    It says more than a pattern can, such as that a day is outside its month.
    """
    if code not in _EXPLAINED or not isinstance(value, str):
        return None
    adapter, refusal = _model_of(code)
    try:
        adapter.validate_python(value)
    except refusal as error:
        return str(error.errors()[0]["msg"])
    return None


@cache
def _model_of(code: str) -> tuple[Any, type[Any]]:
    # Imported at the first wrong date: it takes 110 ms and 24 MB that a hub may never need.
    pydantic = importlib.import_module("pydantic")
    models = importlib.import_module("fhir.resources.fhirtypes")
    model = getattr(models, code[0].upper() + code[1:] + "Type")
    return pydantic.TypeAdapter(model), pydantic.ValidationError
