"""Functions that are given a request of a framework, and that nothing in the program calls: what a library has for whoever
serves with it.

    class Grants:
        async def of(self, request: Request) -> set[str]: ...

Somebody is served while such a function runs, whoever it is that calls it.
"""

from collections.abc import Iterator
from typing import Final

from netra.guard.facts import ASYNC, PLAIN, Expression
from netra.guard.program import Program, imported_packages
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol

# Libraries whose requests come from outside, and how their classes are called. (That of aiohttp's client is a `ClientRequest`.)
SERVERS: Final = frozenset("starlette fastapi aiohttp sanic litestar quart blacksheep falcon django rest_framework".split())
REQUESTS: Final = frozenset("Request HTTPConnection WebSocket HttpRequest ASGIConnection BaseRequest".split())
# An object that is made of a request is one request's own.
MAKING: Final = frozenset({"__init__", "__new__"})


def given_requests(program: Program) -> Iterator[FunctionSymbol]:
    """Each function of the program, outside tests, with a parameter that is annotated as the request of a server."""
    if SERVERS.isdisjoint(program.once(imported_packages)):
        return
    for scope in program.scopes:
        plain = scope.facts.sort in (PLAIN, ASYNC) and scope.name not in MAKING and not scope.module.in_tests
        if plain and is_given_request(scope, program):
            yield scope


def is_given_request(function: FunctionSymbol, program: Program) -> bool:
    """`def of(self, request: Request)`, also where there may be none."""
    around = function.parent
    if around is None:
        return False
    return any(
        is_request(each.annotation, around, program) for each in function.facts.parameters if each.annotation is not None
    )


def is_request(annotation: Expression, scope: FunctionSymbol, program: Program) -> bool:
    """The class of a request, or that or None."""
    match annotation:
        case ("operator", "|", left, right) if ("none",) in (left, right):
            return is_request(right if left == ("none",) else left, scope, program)
        case ("name" | "attribute", *_):
            if annotation[-1] not in REQUESTS:
                return False  # nearly every annotation ends here
            match program.evaluate(annotation, scope):
                case External(dotted=dotted) | ClassSymbol(full_name=dotted):
                    return dotted.partition(".")[0] in SERVERS
    return False
