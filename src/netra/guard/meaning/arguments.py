"""What an attribute is that its class annotates with a type parameter: `context` of `RunContextWrapper[Advice]`."""

from typing import Final

from netra.guard.facts import Expression, last_name
from netra.guard.symbols import ClassSymbol
from netra.guard.values import Value

GENERIC: Final = frozenset({"Generic", "Protocol"})


def of_argument(kind: ClassSymbol, given: tuple[Value | None, ...], name: str) -> Value | None:
    """What the class is given for the parameter that the body names as the annotation of an attribute."""
    annotations = [each.annotation for each in kind.body.assigned.get(name, ()) if each.annotation is not None]
    if len(annotations) != 1 or annotations[0][0] != "name":
        return None
    parameters = _parameters(kind)
    if annotations[0] not in parameters:
        return None
    place = parameters.index(annotations[0])
    return given[place] if place < len(given) else None


def _parameters(kind: ClassSymbol) -> tuple[Expression, ...]:
    """`T, U` of `class Pair(Generic[T, U])`."""
    for base in kind.facts.bases:
        if base[0] == "subscript" and last_name(base[1]) in GENERIC:
            key = base[2]
            return tuple(key[1]) if key[0] == "tuple" else (key,)
    return ()
