"""Quantities with their unit: what `15m` and `256MiB` mean in a setting, and what the documentation page says about them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final

from pydantic import AllowInfNan, BeforeValidator

DURATIONS: Final[Mapping[str, float]] = {"ms": 0.001, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
SIZES: Final[Mapping[str, float]] = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}


@dataclass(frozen=True, slots=True)
class Unit:
    """The unit of a plain number, and the suffixes, with their factors, that a text may end with."""

    name: str
    factors: Mapping[str, float] = field(default_factory=dict)


def read_seconds(value: object) -> object:
    """Return the seconds that a text such as `15m` spells; leave everything else for pydantic to judge."""
    return _scaled(value, DURATIONS)


def read_bytes(value: object) -> object:
    """Return the bytes that a text such as `256MiB` spells; leave everything else for pydantic to judge."""
    return _scaled(value, SIZES)


def _scaled(value: object, factors: Mapping[str, float]) -> object:
    if not isinstance(value, str):
        return value
    # The longest suffix first, for `ms` ends with `s` and `MiB` with `B`.
    for suffix in sorted(factors, key=len, reverse=True):
        number = value.strip().removesuffix(suffix)
        if number != value.strip():
            try:
                return float(number) * factors[suffix]
            except ValueError:
                return value
    return value


Seconds = Annotated[float, BeforeValidator(read_seconds), AllowInfNan(False), Unit("seconds", DURATIONS)]
Milliseconds = Annotated[float, AllowInfNan(False), Unit("milliseconds")]
Bytes = Annotated[int, BeforeValidator(read_bytes), Unit("bytes", SIZES)]
