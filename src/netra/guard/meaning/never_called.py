"""Objects that nobody can call."""

from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol


def is_never_called(kind: ClassSymbol, program: Program) -> bool:
    """All that an object of the class may be is known, and none of it has a `__call__`, or makes one up."""
    order, closed = program.order(kind)
    below = program.subclasses.get(kind, ())
    magic = {"__call__", "__getattr__", "__new__"}
    if not closed or kind.facts.keywords or kind.facts.decorators or kind.module.installed:
        return False
    return not any(magic & each.methods.keys() or "__call__" in each.body.assigned for each in (*order, *below))
