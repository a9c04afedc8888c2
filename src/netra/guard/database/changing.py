"""Whether a statement writes: `insert(…).values(…)`, `text("UPDATE …")`, "DELETE …", and whether a row is added for it."""

from typing import Final

from netra.guard.facts import Expression, last_name
from netra.guard.symbols import FunctionSymbol

CHANGING: Final = ("insert", "update", "delete", "replace", "merge")

# What writes to the database all that a session has been given.
ENDING: Final = ("flush", "commit")

# Calls and names that a statement is put together of; `query = query.where(…)` would go on for ever.
LONGEST_STATEMENT: Final = 16


def changes(statement: Expression, scope: FunctionSymbol, depth: int = LONGEST_STATEMENT) -> bool:
    """A statement writes, as far as it is written down in the function, also through one local name."""
    if depth == 0:
        return False
    match statement:
        case ("string", str(text)) | ("formatted", (("string", str(text)), *_)):
            return text.lstrip().lower().startswith(CHANGING)
        case ("name", str(name)):
            # `statement = statement.where(…)` only says more of the same.
            begun = [each.value for each in scope.assigned.get(name, ()) if _root(each.value, scope) != statement]
            return bool(begun) and all(changes(each, scope, depth - 1) for each in begun)
        case ("call", int(index)):
            call = scope.facts.calls[index]
            name = last_name(call.callee) or ""
            first = call.callee[0] == "name" or (call.callee[0] == "attribute" and call.callee[1][0] == "name")
            if first and name in CHANGING and name != "merge":
                return True
            if name == "text" and call.arguments:
                return changes(call.arguments[0], scope, depth - 1)
            return call.callee[0] == "attribute" and changes(call.callee[1], scope, depth - 1)
    return False


def is_only_read_anew(added: tuple[Expression, ...], scope: FunctionSymbol) -> bool:
    """`session.add(row)` and then `session.refresh(row)`, of a row that a caller has: a session refreshes no row that is not in
    the database yet, so this one is only taken in to be read anew.
    """
    match added:
        case (("name", str(name)),) if name in scope.parameters and not scope.assigned.get(name):
            pass
        case _:
            return False
    facts = scope.facts
    if any(each.target[0] == "attribute" and each.target[1] == added[0] for each in facts.assignments):
        return False
    called = [last_name(call.callee) for call in facts.calls]
    refreshed = any(name == "refresh" and call.arguments[:1] == added for name, call in zip(called, facts.calls, strict=True))
    return refreshed and called.index("refresh") < min(
        (called.index(each) for each in ENDING if each in called), default=len(called)
    )


def _root(value: Expression, scope: FunctionSymbol) -> Expression:
    """What a chain of calls begins with: `statement` of `statement.where(…).returning(…)`."""
    while value[0] in ("call", "attribute"):
        value = scope.facts.calls[value[1]].callee if value[0] == "call" else value[1]
    return value
