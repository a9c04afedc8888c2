"""What is annotated with a type parameter of its class: `context` of `RunContextWrapper[Advice]`, and what `get` gives of a
`Repository[Order]` and of a `class Orders(Repository[Order])`.
"""

from typing import Final

from netra.guard.facts import ASYNC, NOTHING, Expression, last_name
from netra.guard.meaning.questions import Questions
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import CoroutineOf, Plain, Value

GENERIC: Final = frozenset({"Generic", "Protocol"})
# In a model `T` is what an object of the class holds: a base that is no class of a library would leave the class open.
OF_MODELS: Final[tuple[Expression, ...]] = (("name", "T"),)
LISTS: Final = frozenset({"list", "List", "Sequence"})


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


def given_back(
    function: FunctionSymbol, kind: ClassSymbol, given: tuple[Value | None, ...], receivers: Questions
) -> Value | None:
    """What a call gives of a method that promises a type parameter of its class, also in a list, or None beside it.

    It is called on an object of `kind`, of which `given` are the type arguments.
    """
    owner, returns = function.owner, function.facts.returns
    parameters = _parameters(owner) if owner is not None and returns is not None and not function.facts.yields else ()
    if not parameters or returns is None or owner is None:
        return None
    promised = _beside_none(returns)
    listed = promised[0] == "subscript" and last_name(promised[1]) in LISTS
    named = promised[2] if listed else promised
    if named not in parameters:
        return None
    place = parameters.index(named)
    named_here = given[place] if place < len(given) else None
    found = named_here if kind is owner else _of_class_above(kind, owner, place, receivers)
    if found is None:
        return None
    value: Value = Plain("list", found) if listed else found
    return CoroutineOf(value, function) if function.facts.sort == ASYNC else value


def _beside_none(annotation: Expression) -> Expression:
    match annotation:
        case ("operator", "|", left, right) if NOTHING in (left, right):
            beside: Expression = right if left == NOTHING else left
            return beside
        case ("subscript", head, key) if last_name(head) == "Optional":
            inner: Expression = key
            return inner
    return annotation


def _of_class_above(kind: ClassSymbol, owner: ClassSymbol, place: int, receivers: Questions) -> Value | None:
    """`Order` of `class Orders(Repository[Order])`."""
    for each in receivers.program.order(kind)[0]:
        around = each.body.parent
        if around is None:
            continue
        for base in each.facts.bases:
            if base[0] == "subscript" and receivers.program.evaluate(base[1], around) is owner:
                parts = base[2][1] if base[2][0] == "tuple" else (base[2],)
                return receivers.annotated(parts[place], around) if place < len(parts) else None
    return None


def _parameters(kind: ClassSymbol) -> tuple[Expression, ...]:
    """`T, U` of `class Pair(Generic[T, U])`."""
    for base in kind.facts.bases:
        if base[0] == "subscript" and last_name(base[1]) in GENERIC:
            key = base[2]
            return tuple(key[1]) if key[0] == "tuple" else (key,)
    return OF_MODELS if kind.module.model else ()
