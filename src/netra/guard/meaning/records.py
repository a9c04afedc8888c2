"""Coroutines among values: a field of a record beside texts and numbers, a list of which the greatest is asked for.

A dictionary of tasks holds nothing else. One that says `{"url": url, "status": deliver(url)}` is a record, and whoever reads
its `status` reads a coroutine, unless somebody awaits what lies under that key.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.facts import ASYNC, CallSite, Expression, Use, Where, last_name
from netra.guard.meaning.consistency import tells_kinds_apart
from netra.guard.meaning.expressions import within
from netra.guard.program import Program
from netra.guard.symbols import FunctionSymbol, ModuleSymbol

# Words of keys under which something waits to be run.
LATE: Final = (
    "coro",
    "task",
    "fut",
    "wait",
    "job",
    "pending",
    "promise",
    "callback",
    "handler",
    "func",
    "run",
    "request",
    "op",
)

# What looks at each thing in a list, as at a value.
COMPARING: Final = frozenset("max min sum sorted".split())

# What asks a thing, and not a function, whether it is to be awaited; and what writes a record down as a text.
ASKING: Final = frozenset("isawaitable iscoroutine is_awaitable is_coroutine isfuture".split())
SERIALISING: Final = frozenset("dumps json_dumps jsonable_encoder".split())

# Libraries that await what lies in the dictionaries that resolvers give.
RESOLVING: Final = frozenset("ariadne graphql graphene strawberry tartiflette".split())


class TakenForValue(NamedTuple):
    """Where a coroutine is taken for one value of several, and how."""

    line: int
    column: int
    how: str


def kept_as_value(scope: FunctionSymbol, index: int, call: CallSite, program: Program) -> TakenForValue | None:
    """The record or the comparison in which the coroutine of a call ends."""
    match call.where:
        case ("element", ("assign", ("name", str(name)))) if len(scope.assigned.get(name, ())) == 1:
            return _compared(scope, name) or _in_record(scope, ("call", index), call.line, call.column, program)
        case ("element", *_):
            return _in_record(scope, ("call", index), call.line, call.column, program)
        case ("assign", ("name", str(name))) if len(scope.assigned.get(name, ())) == 1:
            uses = _uses(scope, name)
            if uses and all(each.where[0] == "element" for each in uses):
                return _in_record(scope, ("name", name), uses[0].line, uses[0].column, program)
    return None


def _compared(scope: FunctionSymbol, name: str) -> TakenForValue | None:
    """All that is done with the list is to ask for the greatest, the least or the sum of what is in it."""
    uses = _uses(scope, name)
    found = [(each, called) for each in uses if (called := _comparing(each.where, scope))]
    if not uses or len(found) != len(uses) or any(name in child.facts.loads for child in scope.children):
        return None
    return TakenForValue(
        found[0][0].line, found[0][0].column, f"`{found[0][1]}` compares it with others in `{name}`, and awaits none"
    )


def _comparing(where: Where, scope: FunctionSymbol) -> str:
    match where:
        case ("argument", int(index), 0):
            callee = scope.facts.calls[index].callee
            return str(callee[1]) if callee[0] == "name" and callee[1] in COMPARING and callee[1] not in scope.bound else ""
    return ""


def _in_record(scope: FunctionSymbol, value: Expression, line: int, column: int, program: Program) -> TakenForValue | None:
    if scope.facts.sort != ASYNC or tells_kinds_apart(scope):
        return None
    for record in _records(scope):
        keys = [key[1] for key, each in record[1] if each == value]
        if not keys or any(key[0] != "string" for key, _ in record[1]):
            continue
        beside = [each for key, each in record[1] if key[1] not in keys]
        if not beside or any(part[0] in ("call", "await") for each in beside for part in within(each, scope)):
            continue
        if any(word in key.lower() for key in keys for word in LATE) or program.once(_awaited_keys) & {*keys}:
            continue
        if not program.once(_resolves) and not _takes_apart(scope.module):
            return TakenForValue(
                line, column, f"it is what a record holds as `{keys[0]}` beside values, and nothing awaits it there"
            )
    return None


def _records(scope: FunctionSymbol) -> Iterator[Expression]:
    """The dictionaries that are returned, put into a list that is, or written down as a text."""
    given = [each.value for each in scope.facts.returned if each.how == "return"]
    lists = {each for each in given if each[0] == "name"}
    given += [
        call.arguments[0]
        for call in scope.facts.calls
        if call.callee[0] == "attribute" and call.callee[2] == "append" and call.callee[1] in lists and len(call.arguments) == 1
    ]
    given += [each for call in scope.facts.calls if last_name(call.callee) in SERIALISING for each in call.arguments[:1]]
    for each in given:
        yield from (part for part in within(each, scope) if part[0] == "dict")


def _uses(scope: FunctionSymbol, name: str) -> list[Use]:
    return [each for each in scope.facts.uses if each.name == name]


def _awaited_keys(program: Program) -> frozenset[str]:
    """The keys under which anything is looked up that is awaited at once, or handed on by what is awaited."""
    found: set[str] = set()
    for scope in program.scopes:
        for awaited, _, _, _ in scope.facts.awaits:
            found.update(part[2][1] for part in within(awaited, scope) if part[0] == "subscript" and part[2][0] == "string")
    return frozenset(found)


def _resolves(program: Program) -> bool:
    """It uses a library that awaits what lies in dictionaries."""
    return any(each.module.partition(".")[0] in RESOLVING for scope in program.scopes for each in scope.facts.imports)


def _takes_apart(module: ModuleSymbol) -> bool:
    """Something in the file asks whether a thing is to be awaited."""
    return any(last_name(call.callee) in ASKING for scope in module.functions for call in scope.facts.calls)
