"""``near``: Locations within a distance of a point, ``latitude|longitude|distance|units``.

The distance is that of the great circle on a sphere.  Coordinates are whole millionths of a
degree: a tenth of a metre.
Source: http://hl7.org/fhir/R5/location.html#positional.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import asin, ceil, cos, degrees, floor, pi, radians, sin, sqrt
from typing import Final

from hub.core.release import Resource
from hub.core.search_comparator import decimal_of, number_point
from hub.core.search_parameter import SearchParameter
from hub.core.search_resolver import Resolver
from hub.core.search_syntax import Refused, joined, split, unescape

_RADIUS: Final = 6_371_008.8
"""Of the earth, in metres: the mean one."""

_SCALE: Final = 1_000_000
_MARGIN: Final = 10
"""What a box is wider than it must be, in millionths of a degree: floats are not exact."""

_METRES: Final = {"km": Decimal(1000), "m": Decimal(1), "[mi_us]": Decimal("1609.347219")}
_NEAR: Final = (Decimal(50), "km")
"""The distance where none is asked for; the standard leaves it to the server."""

_FARTHEST: Final = Decimal(30_000_000)

Extent = tuple[int, int]
"""A half-open range of coordinates."""


@dataclass(frozen=True, slots=True)
class Box:
    """Everything that is as near as is asked lies in ``latitudes``, and in one of ``longitudes``.

    ``longitudes`` is empty where it may be any.
    """

    latitudes: Extent
    longitudes: tuple[Extent, ...]


@dataclass(frozen=True, slots=True, order=True)
class Circle:
    """A point, and how far from it; ``metres`` may be 0."""

    latitude: int
    longitude: int
    metres: float

    def holds(self, latitude: int, longitude: int) -> bool:
        """Tell whether another point is as near as that."""
        here, there = radians(self.latitude / _SCALE), radians(latitude / _SCALE)
        across = radians((longitude - self.longitude) / _SCALE)
        square = sin((there - here) / 2) ** 2 + cos(here) * cos(there) * sin(across / 2) ** 2
        return 2 * _RADIUS * asin(min(1.0, sqrt(square))) <= self.metres

    def box(self) -> Box:
        """Return the box around the circle."""
        angle = self.metres / _RADIUS
        height = ceil(degrees(angle) * _SCALE) + _MARGIN
        south, north = self.latitude - height, self.latitude + height
        latitudes = (south, north + 1)
        if south <= -90 * _SCALE or north >= 90 * _SCALE or angle >= pi / 2:
            return Box(latitudes, ())
        width = degrees(asin(min(1.0, sin(angle) / cos(radians(self.latitude / _SCALE)))))
        west = floor(self.longitude - width * _SCALE) - _MARGIN
        east = ceil(self.longitude + width * _SCALE) + _MARGIN
        whole, half = 360 * _SCALE, 180 * _SCALE
        longitudes = [(west, east + 1)]
        if west < -half:
            longitudes.append((west + whole, half + 1))
        if east > half:
            longitudes.append((-half, east - whole + 1))
        return Box(latitudes, tuple(longitudes))

    def __str__(self) -> str:
        return f"{self.latitude}|{self.longitude}|{self.metres}"


@dataclass(frozen=True, slots=True)
class IsNear:
    """The position is inside one of ``alternatives``."""

    parameter: SearchParameter
    alternatives: frozenset[Circle]

    def matches(self, resource: Resource, resolver: Resolver) -> bool:
        """Tell whether ``resource`` answers this."""
        found = self.parameter.values(resource).ranges
        if not found:
            return False
        (latitude, _), (longitude, _) = found
        return any(circle.holds(latitude, longitude) for circle in self.alternatives)

    @property
    def canonical(self) -> str:
        """One spelling for equal meanings."""
        return f"{self.parameter.code}={joined(map(str, self.alternatives))}"


def read_near(parameter: SearchParameter, values: tuple[str, ...]) -> IsNear:
    """Read ``near``.

    Raises:
        Refused: a value is none; the text says what is allowed.
    """
    return IsNear(parameter, frozenset(map(_circle, values)))


def _circle(value: str) -> Circle:
    parts = [unescape(part) for part in split(value, "|")]
    latitude, longitude, distance, unit, *more = [*parts, "", "", "", ""]
    unit = unit or "km"
    metres = _METRES.get(unit)
    point = _coordinate(latitude, 90), _coordinate(longitude, 180)
    far = decimal_of(distance) if distance else _NEAR[0]
    if not distance:
        metres = _METRES[_NEAR[1]]
    if any(more) or None in point or far is None or far < 0 or metres is None:
        raise Refused(
            "latitude|longitude, and |distance, and |km, |m or |[mi_us]; "
            f"without a distance it is {_NEAR[0]} {_NEAR[1]}"
        )
    (north, east) = point
    return Circle(north or 0, east or 0, float(min(far * metres, _FARTHEST)))


def _coordinate(text: str, most: int) -> int | None:
    value = decimal_of(text)
    if value is None or abs(value) > most:
        return None
    return number_point(value)[0]
