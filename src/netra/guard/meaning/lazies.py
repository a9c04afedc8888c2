"""Objects of libraries that do nothing until somebody awaits them: `User.get(id=1)`, `rows.update(seen=True)` of mappers.

Their models stand under `@lazy`. They have methods of their own, which add to what they will ask; all else that is done with
one was meant for what it gives.
"""

from netra.guard.symbols import ClassSymbol
from netra.guard.values import Instance, Value


def is_lazy(value: Value | None) -> bool:
    """An object that has to be awaited."""
    return isinstance(value, Instance) and value.kind.module.model and _is_marked(value.kind)


def _is_marked(kind: ClassSymbol) -> bool:
    return "__await__" in _names(kind) and any(each.callee == ("name", "lazy") for each in kind.facts.decorators)


def _names(kind: ClassSymbol) -> frozenset[str]:
    """The methods of a class and of those above it in its own module."""
    found = frozenset(kind.methods)
    for base in kind.facts.bases:
        for each in kind.module.classes:
            if base == ("name", each.name):
                found |= _names(each)
    return found
