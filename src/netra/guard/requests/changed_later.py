"""Whether what is stored under a key is changed where it lies: then two who hold two of them do not see each other."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import SELF
from netra.guard.requests.serving import Serving
from netra.guard.requests.sharing import MUTATING, Write
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Instance, Routine

MAKING_METHODS: Final = frozenset("__init__ __new__ __post_init__ __enter__ __aenter__".split())


def is_changed_later(analysis: Analysis, write: Write, scope: FunctionSymbol) -> bool:
    """What is stored, and given back, is an object whose methods change it: two who hold two of them do not see each other."""
    given = [each.value for each in scope.facts.returned]
    if not any(each in (write.value, ("name", write.slot.name)) or each[0] in ("subscript", "attribute") for each in given):
        return False
    above = (
        [each for each in scope.assigned.get(write.value[1], ()) if each.line < write.line] if write.value[0] == "name" else []
    )
    match analysis.receivers.value(above[-1].value if above else write.value, scope):
        case Instance(kind=kind) if not kind.module.library:
            return any(_changes_itself(each) for above in analysis.program.order(kind)[0] for each in _methods(above))
    return _is_changed_by_callers(analysis, scope)


def _methods(kind: ClassSymbol) -> Iterator[FunctionSymbol]:
    """What may be called of an object once it is made."""
    for name, methods in kind.methods.items():
        yield from methods if name not in MAKING_METHODS else ()


def _changes_itself(method: FunctionSymbol) -> bool:
    """`self.count = …`, and `self.rows[key] = …`."""
    for each in method.facts.assignments:
        match each.target:
            case ("attribute", inner, _) | ("subscript", ("attribute", inner, _), _) if inner == SELF:
                return True
    return False


def _is_changed_by_callers(analysis: Analysis, scope: FunctionSymbol) -> bool:
    """Whoever asks for it puts something in: `board = await boards.of(team)`, and then `board.append(task)`."""
    for caller, index in analysis.program.calls_named.get(scope.name, ()):
        where = caller.facts.calls[index].where
        where = where[1] if where[0] == "await" else where
        if where[0] == "attribute":
            changed = where[1] in MUTATING
        elif where[0] == "assign" and where[1][0] == "name":
            kept = where[1]
            changed = any(
                each.callee[0] == "attribute" and each.callee[1] == kept and each.callee[2] in MUTATING
                for each in caller.facts.calls
            )
            changed = changed or any(
                each.target[0] == "subscript" and each.target[1] == kept for each in caller.facts.assignments
            )
        else:
            continue
        if changed and caller in analysis.once(Serving):
            match analysis.receivers.value(caller.facts.calls[index].callee, caller):
                case Routine(function=function) if function is scope:
                    return True
    return False
