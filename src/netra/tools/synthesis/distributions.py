"""`x-distribution`: how often which number is made, or which value of a list. It is ours, and no part of JSON Schema."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from netra.tools.dice import Dice, Ranks, exponential
from netra.tools.synthesis.dialect import DISTRIBUTION, Part, SchemaRefused

MOST_RANKS: Final = 100_000


def _normal(spread: Mapping[str, Any]) -> Callable[[Dice], float]:
    mean, deviation = float(spread["mean"]), float(spread["deviation"])
    return lambda dice: mean + deviation * dice.normal()


def _lognormal(spread: Mapping[str, Any]) -> Callable[[Dice], float]:
    median, sigma = float(spread["median"]), float(spread["sigma"])
    return lambda dice: median * exponential(sigma * dice.normal())


CURVES: Final[Mapping[str, Callable[[Mapping[str, Any]], Callable[[Dice], float]]]] = {
    "normal": _normal,
    "lognormal": _lognormal,
}
PARAMETERS: Final[Mapping[str, frozenset[str]]] = {
    "uniform": frozenset(),
    "normal": frozenset(["mean", "deviation"]),
    "lognormal": frozenset(["median", "sigma"]),
    "zipf": frozenset(["exponent"]),
}
POSITIVE: Final = frozenset(["deviation", "median", "sigma", "exponent"])


def read_distribution(parts: Sequence[Part]) -> Mapping[str, Any]:
    """What `x-distribution` asks for; empty where it asks nothing. Raises `SchemaRefused` when it is not well formed."""
    given = [(name, part[DISTRIBUTION]) for name, part in parts if DISTRIBUTION in part]
    if not given:
        return {}
    name, spread = given[-1]
    kind = spread.get("kind") if isinstance(spread, Mapping) else None
    if not isinstance(kind, str) or kind not in PARAMETERS:
        raise SchemaRefused(name, f"{DISTRIBUTION}: kind is one of {', '.join(PARAMETERS)}.")
    wanted = PARAMETERS[kind]
    if {*spread} - {"kind"} != wanted:
        raise SchemaRefused(name, f"{DISTRIBUTION}: {kind} takes {' and '.join(sorted(wanted)) or 'nothing else'}.")
    for parameter in wanted:
        value = spread[parameter]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise SchemaRefused(name, f"{DISTRIBUTION}: {parameter} is a number.")
        if parameter in POSITIVE and value <= 0:
            raise SchemaRefused(name, f"{DISTRIBUTION}: {parameter} is above zero.")
    return dict(spread)


def ranks(spread: Mapping[str, Any], count: int, name: str = "#") -> Ranks | None:
    """The ranks of so many values that are told apart by their order; None where each is as likely."""
    if spread.get("kind") in (None, "uniform"):
        return None
    if spread["kind"] != "zipf":
        raise SchemaRefused(name, f"{DISTRIBUTION}: {spread['kind']} is for numbers; for values of a list there is zipf.")
    if count > MOST_RANKS:
        raise SchemaRefused(name, f"{DISTRIBUTION}: zipf is for at most {MOST_RANKS:,} different numbers; give both bounds.")
    return Ranks(count, float(spread["exponent"]))
