"""Stretches of code in which a lock is held: by `with`, and from `await lock.acquire()` to `lock.release()`."""

from collections import defaultdict
from typing import Final

from netra.guard.facts import Block, Expression, last_name
from netra.guard.program import Program
from netra.guard.symbols import FunctionSymbol

HELD: Final = ("with", "with async")


def held_blocks(scope: FunctionSymbol, program: Program) -> tuple[Block, ...]:
    """The blocks of a scope in which something is entered, and those between taking a lock and freeing it."""
    taken = program.once(_taken).get(scope)
    return scope.facts.blocks if taken is None else (*scope.facts.blocks, *taken)


def _taken(program: Program) -> dict[FunctionSymbol, list[Block]]:
    found: dict[FunctionSymbol, list[Block]] = defaultdict(list)
    for scope, _, call in program.calls_of(("acquire",)):
        statement = call.where in (("statement",), ("await", ("statement",)))
        if not statement or call.arguments or call.keywords or call.callee[0] != "attribute":
            continue
        freed = [each.line for each in scope.facts.calls if _frees(each.callee, call.callee[1]) and each.line > call.line]
        if freed:
            late = "with async" if call.where[0] == "await" else "with"
            found[scope].append(Block(late, (call.callee[1],), call.line + 1, min(freed), call.line))
    return dict(found)


def _frees(callee: Expression, lock: Expression) -> bool:
    return last_name(callee) == "release" and callee[0] == "attribute" and callee[1] == lock


def gives_one_for_each(function: FunctionSymbol, key: str) -> bool:
    """A function keeps what it makes in a dictionary under the key, and gives what lies there: `self._locks[key]`."""
    kept: set[Expression] = set()
    names: set[str] = set()
    for each in function.facts.assignments:
        match each.target:
            case ("subscript", container, ("name", str(name))) if name == key:
                kept.add(container)
            case ("name", str(name)):
                names.add(name)
    if not kept:
        return False
    returned = [each.value for each in function.facts.returned if each.how == "return"]
    return bool(returned) and all(
        (each[0] == "subscript" and each[1] in kept and each[2] == ("name", key)) or (each[0] == "name" and each[1] in names)
        for each in returned
    )
