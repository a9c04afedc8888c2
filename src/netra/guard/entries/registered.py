"""Functions that a program picks out of a table of its own, or lets an agent pick: no call names them.

A function gets into such a table by a decorator of the program, which keeps what it is put on in a variable of its module, or
because the table is written with it. Whoever takes one out by its name leads to all of them, as does whoever makes an agent of
a library, which calls the `tools` that it is given.
"""

from collections.abc import Iterator
from typing import Final, TypeAlias

from netra.guard.facts import ASYNC, BODY, PLAIN, TOP, Expression, last_name
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol, VariableSymbol

# What gives a single one of those that a table holds. Who walks over all of them mostly tells what there is.
PICKING: Final = frozenset("get pop".split())
KEEPING: Final = frozenset("setdefault".split())

# What libraries make an agent with.
AGENTS: Final = frozenset(
    """Agent LlmAgent ReActAgent FunctionAgent AssistantAgent CodeAgent ToolCallingAgent ToolNode create_agent
    create_react_agent create_tool_calling_agent""".split()
)

# They have a loop of their own for what they take out, on which nobody else waits.
OWN_LOOP: Final = frozenset("run_until_complete run_coroutine_threadsafe Thread Process".split())

# Functions behind one table. Beyond that a table says nothing of any one of them.
MOST_KEPT: Final = 200


Registered: TypeAlias = tuple[FunctionSymbol, str, FunctionSymbol]


def registered(program: Program) -> tuple[Registered, ...]:
    """Each function that lies in a table, with the name of the table and a function that takes one out of it.

    It is asked with `program.once`.
    """
    return tuple(_registered(program))


def _registered(program: Program) -> Iterator[Registered]:
    kept: dict[VariableSymbol, list[FunctionSymbol]] = {}
    for table, function in (*_decorated(program), *_written(program)):
        # What is not asynchronous may be picked for a thread, or only to convert something.
        if not function.module.in_tests and function.facts.sort == ASYNC:
            kept.setdefault(table, []).append(function)
    if kept:
        for table, reader in _readers(program, kept):
            for function in kept[table] if len(kept[table]) <= MOST_KEPT else ():
                if function is not reader:
                    yield function, table.name, reader
    yield from _given(program)


def _decorated(program: Program) -> Iterator[tuple[VariableSymbol, FunctionSymbol]]:
    """What decorators of the program put into its tables: `@tool("search")`, which does `TOOLS[name] = function`."""
    decorated = [scope for scope in program.scopes if scope.facts.decorators and not scope.module.in_tests]
    used = {last_name(each.callee) for scope in decorated for each in scope.facts.decorators}
    # Only what somebody decorates with, and what is made within it, is looked at: most functions are neither.
    deciding = [each for each in program.scopes if each.name in used and each.facts.sort == PLAIN]
    takers = [one for each in deciding for one in (each, *each.children) if one.facts.parameters and one.facts.sort == PLAIN]
    kept = ((each, _keeps(each, program)) for each in takers)
    keeping = {each: table for each, table in kept if table is not None}
    names = {each.name for scope in keeping for each in (scope, scope.parent) if each is not None}
    for scope in decorated if keeping else ():
        for decorator in scope.facts.decorators:
            if last_name(decorator.callee) not in names:
                continue
            match program.evaluate(decorator.callee, scope.parent or scope):
                case FunctionSymbol() as outer:
                    inner = outer.children if decorator.called else (outer,)
                    yield from ((keeping[each], scope) for each in inner if each in keeping)


def _keeps(scope: FunctionSymbol, program: Program) -> VariableSymbol | None:
    """The table of a module in which a function keeps the first thing that it is given, or an object made of it."""
    taken = ("name", scope.facts.parameters[0].name)
    for each in scope.facts.assignments:
        if each.target[0] == "subscript" and each.target[1][0] == "name" and _holds(each.value, taken, scope):
            return _table(each.target[1], scope, program)
    for call in scope.facts.calls:
        if last_name(call.callee) in KEEPING and len(call.arguments) > 1 and _holds(call.arguments[1], taken, scope):
            return _table(call.callee[1], scope, program) if call.callee[0] == "attribute" else None
    return None


def _holds(value: Expression, taken: Expression, scope: FunctionSymbol) -> bool:
    """It is what was taken, or an object that is made with it: `Tool(name, function)`, also by a name that it has got."""
    if value == taken:
        return True
    if value[0] == "name":
        given = scope.assigned.get(value[1], ())
        return len(given) == 1 and given[0].value[0] == "call" and _holds(given[0].value, taken, scope)
    if value[0] != "call":
        return False
    call = scope.facts.calls[value[1]]
    return (last_name(call.callee) or "")[:1].isupper() and taken in call.given


def _table(expression: Expression, scope: FunctionSymbol, program: Program) -> VariableSymbol | None:
    match program.evaluate(expression, scope):
        case VariableSymbol(scope=where) as found if where.facts.sort == TOP:
            return found
    return None


def _written(program: Program) -> Iterator[tuple[VariableSymbol, FunctionSymbol]]:
    """The functions of `HANDLERS = {"search": search}`."""
    for module in program.own:
        top = module.top
        for each in top.facts.assignments:
            match each.target, each.value:
                case ("name", str(name)), ("dict", pairs):
                    for key, value in pairs:
                        if key[0] == "string" and value[0] in ("name", "attribute"):
                            match program.evaluate(value, top):
                                case FunctionSymbol(module=where) as function if not where.library:
                                    yield VariableSymbol(top, name), function


def _readers(
    program: Program, kept: dict[VariableSymbol, list[FunctionSymbol]]
) -> Iterator[tuple[VariableSymbol, FunctionSymbol]]:
    """Who takes one out: `TABLE[name]`, `TABLE.get(name)`."""
    names = {each.name for each in kept}
    for scope in program.scopes:
        facts = scope.facts
        if facts.sort in (TOP, BODY) or names.isdisjoint(facts.loads) or scope.module.in_tests or _has_own_loop(scope):
            continue
        for name in sorted(names.intersection(facts.loads)):
            table = _table(("name", name), scope, program)
            if table in kept and _picks(scope, name):
                yield table, scope


def _has_own_loop(scope: FunctionSymbol) -> bool:
    return any(
        last_name(each.callee) in OWN_LOOP or each.callee == ("attribute", ("name", "asyncio"), "run")
        for each in scope.facts.calls
    )


def _picks(scope: FunctionSymbol, name: str) -> bool:
    facts, table = scope.facts, ("name", name)
    callees = [each.callee for each in facts.calls]
    if any(each[0] == "attribute" and each[1] == table and each[2] in PICKING for each in callees):
        return True
    values = [*callees, *(each.value for each in facts.returned), *(each.value for each in facts.assignments)]
    # `[TABLE[name] for name in names]` gives those that are named.
    picked = [each[2] if each[0] == "comprehension" else each for each in values]
    return any(each[0] == "subscript" and each[1] == table for each in picked)


def _given(program: Program) -> Iterator[tuple[FunctionSymbol, str, FunctionSymbol]]:
    """The tools of an agent of a library: `Agent(model, tools=[search])`."""
    for scope, _, call in program.calls_of(AGENTS):
        if scope.facts.sort in (TOP, BODY) or scope.module.in_tests:
            continue
        for key, value in call.keywords:
            if key == "tools" and value[0] == "list" and _is_of_a_library(call.callee, scope, program):
                for each in value[1]:
                    match program.evaluate(each, scope) if each[0] in ("name", "attribute") else None:
                        case FunctionSymbol(module=where) as function if not where.library:
                            yield function, last_name(call.callee) or "", scope


def _is_of_a_library(callee: Expression, scope: FunctionSymbol, program: Program) -> bool:
    match program.evaluate(callee, scope):
        case External():
            return True
        case FunctionSymbol(module=module) | ClassSymbol(module=module):
            return module.library
    return False
