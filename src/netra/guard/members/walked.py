"""Tables that a loop walks over, and what it takes out of them."""

from netra.guard.facts import Assignment, Expression
from netra.guard.program import Program
from netra.guard.symbols import FunctionSymbol, VariableSymbol


def walked_over(each: Assignment, scope: FunctionSymbol, program: Program) -> Expression | None:
    """The list or dictionary of which a loop binds what it holds: `KINDS` of `for kind in KINDS.values()` and of
    `for name, kind in KINDS.items()`.
    """
    if each.value[0] != "call":
        return each.value if each.how == "for" and _is_list(each.value, scope, program) else None
    match scope.facts.calls[each.value[1]].callee:
        case ("attribute", container, "values") if each.how == "for":
            return container  # type: ignore[no-any-return]
        case ("attribute", container, "items") if each.how == "unpack" and _place(each, scope) == (1, 2):
            return container  # type: ignore[no-any-return]
    return None


def _is_list(container: Expression, scope: FunctionSymbol, program: Program) -> bool:
    """A list, tuple or set is written down there, out of which a loop takes what it holds, and not the keys."""
    match program.evaluate(container, scope):
        case VariableSymbol(scope=where, name=name):
            written = [each.value for each in where.assigned.get(name, ())]
            return len(written) == 1 and (written[0][0] in ("list", "tuple", "set") or written[0][1:2] == ("ListComp",))
    return False


def _place(each: Assignment, scope: FunctionSymbol) -> tuple[int, int]:
    """Which of how many names a loop binds at once."""
    beside = [
        other.target
        for other in scope.facts.assignments
        if (other.how, other.line, other.column) == ("unpack", each.line, each.column) and other.value == each.value
    ]
    return beside.index(each.target), len(beside)
