"""Which library an object is of: the top package of its class, or of what has made it."""

from typing import Final

from netra.guard.facts import SELF, Expression
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol, VariableSymbol

# How many names a maker is followed through: `app` is `server.app`, which is made elsewhere.
FURTHEST: Final = 4


def maker(expression: Expression, scope: FunctionSymbol, program: Program) -> str | None:
    """The top package of the library whose an expression is, or whose class has made it: `sio.on` of `sio = AsyncServer()`."""
    made = made_by(expression, scope, program)
    return None if made is None else made.partition(".")[0]


def made_by(expression: Expression, scope: FunctionSymbol, program: Program) -> str | None:
    """The full name of what the library has there: `socketio.AsyncServer` of `sio.on`."""
    return _library(expression, scope, program, 0)


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
                return _library(parameter.annotation, where.parent or where, program, depth + 1)
        case None if expression[0] == "attribute" and expression[1] == SELF and depth < FURTHEST:
            return _kept(expression[2], scope, program, depth)
        case None if expression[0] == "attribute":
            return _library(expression[1], scope, program, depth)
    return None


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
