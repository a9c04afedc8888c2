"""Which library an object is of: the top package of its class, or of what has made it."""

from typing import Final

from netra.guard.facts import PLAIN, SELF, TOP, Expression, last_name
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol, VariableSymbol

# How many names a maker is followed through: `app` is `server.app`, which is made elsewhere.
FURTHEST: Final = 4

# Callers of a function that are asked what they give it.
MOST_SITES: Final = 12

# What gives the event loop of asyncio.
LOOPS: Final = frozenset({"get_running_loop", "get_event_loop", "new_event_loop"})


def maker(expression: Expression, scope: FunctionSymbol, program: Program) -> str | None:
    """The top package of the library whose an expression is, or whose class has made it: `sio.on` of `sio = AsyncServer()`."""
    made = made_by(expression, scope, program)
    return None if made is None else made.partition(".")[0]


def made_by(expression: Expression, scope: FunctionSymbol, program: Program) -> str | None:
    """The full name of what the library has there: `socketio.AsyncServer` of `sio.on`."""
    return _library(expression, scope, program, 0)


def root(callee: Expression, scope: FunctionSymbol) -> Expression:
    """`schedule.every` of `schedule.every(10).minutes.do`: what is called first in a chain; all of it where nothing is."""
    at = callee
    while at[0] == "attribute":
        at = at[1]
    return root(scope.facts.calls[at[1]].callee, scope) if at[0] == "call" else callee


def _library(expression: Expression, scope: FunctionSymbol, program: Program, depth: int) -> str | None:
    """The full name of what an expression is, or of what has made it."""
    match program.evaluate(expression, scope):
        case External(dotted=dotted):
            return dotted
        case FunctionSymbol(module=module) | ClassSymbol(module=module) as found if module.library:
            return f"{module.name}.{found.name}"
        case ClassSymbol(facts=facts, module=module) if depth < FURTHEST:
            # A class of the program that is one of the library's: `class Server(FastMCP)`.
            bases = (_library(base, module.function(facts.scope), program, depth + 1) for base in facts.bases)
            return next((base for base in bases if base is not None), None)
        case VariableSymbol(scope=where, name=name) if depth < FURTHEST:
            for each in where.assigned.get(name, ()):
                match each.value[1] if each.value[0] == "await" else each.value:
                    case ("call", int(index)):
                        return _library(where.facts.calls[index].callee, where, program, depth + 1)
                    case ("name" | "attribute", *_) as other:
                        return _library(other, where, program, depth + 1)
            parameter = where.facts.parameters[where.parameters[name]] if name in where.parameters else None
            if parameter is not None and parameter.annotation is not None:
                return _library(_bare(parameter.annotation), where.parent or where, program, depth + 1)
            if parameter is not None and parameter.default is None:
                return _passed(where, where.parameters[name], program, depth + 1)
        case None if expression[0] == "attribute" and expression[1] == SELF and depth < FURTHEST:
            return _kept(expression[2], scope, program, depth)
        case None if expression[0] == "attribute":
            return _library(expression[1], scope, program, depth)
    return None


def _bare(annotation: Expression) -> Expression:
    """`Context` of `Annotated[Context, TaskiqDepends()]`."""
    if annotation[0] == "subscript" and last_name(annotation[1]) == "Annotated" and annotation[2][0] == "tuple":
        return annotation[2][1][0]  # type: ignore[no-any-return]
    return annotation


def _passed(function: FunctionSymbol, position: int, program: Program, depth: int) -> str | None:
    """What the callers of a plain function of a module give it, where all give something of one library: `register(app)`."""
    if (
        function.parent is None
        or function.parent.facts.sort != TOP
        or function.facts.sort != PLAIN
        or function.facts.decorators
    ):
        return None
    found: set[str | None] = set()
    sites = program.calls_named.get(function.name, ())
    for caller, index in sites if len(sites) <= MOST_SITES else ():
        call = caller.facts.calls[index]
        if not caller.module.in_tests and program.evaluate(call.callee, caller) is function:
            named = dict(call.keywords).get(function.facts.parameters[position].name)
            given = call.arguments[position] if position < len(call.arguments) else named
            of_a_name = given is not None and given[0] in ("name", "attribute")
            found.add(_library(given, caller, program, depth) if given is not None and of_a_name else None)
    return found.pop() if len(found) == 1 else None


def _kept(name: str, scope: FunctionSymbol, program: Program, depth: int) -> str | None:
    """What an object has put into an attribute of its own: `self.mcp = FastMCP("memories")`."""
    if scope.object_of is None:
        return None
    for kind in program.order(scope.object_of)[0]:
        for at, each in kind.set_on_self.get(name, ()):
            value = each.value[1] if each.value[0] == "await" else each.value
            made = at.facts.calls[value[1]].callee if value[0] == "call" else value
            if made[0] in ("name", "attribute") and (found := _library(made, at, program, depth + 1)) is not None:
                return found
    return None


def makes_loop(receiver: Expression, scope: FunctionSymbol) -> bool | None:
    """Whether it is the event loop by the call that gives it, there or under a local name; None where no call is seen."""
    if receiver[0] == "name":
        made = [each.value for each in scope.assigned.get(receiver[1], ())]
        if made and all(each[0] == "call" for each in made):
            return all(last_name(scope.facts.calls[each[1]].callee) in LOOPS for each in made)
    if receiver[0] == "call":
        return last_name(scope.facts.calls[receiver[1]].callee) in LOOPS
    return None
