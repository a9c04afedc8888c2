"""Something of a request: where it came in, by which way it has come, and whether it is of one user."""

from dataclasses import replace
from typing import Final

from netra.guard.facts import Expression
from netra.guard.immutable import immutable
from netra.guard.requests.ambient import is_proof
from netra.guard.requests.words import OF_A_USER
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

OF_TOOL: Final = "request_context.request"


@immutable
class Origin:
    """Where something of a request comes in: a parameter of an entry point."""

    name: str
    steps: tuple[Step, ...]
    """From the entry point through the calls that pass it on."""
    personal: bool
    """It is, by its name, a user or something of one."""
    proven: bool = False
    """It was found by what a client proves itself with: there are several, each with a proof of their own."""


def named_for(name: str, origin: Origin | None) -> Origin | None:
    """What is made of a request and is called a user, a token or a socket is one: `user = decode(token)`."""
    if origin is None or origin.personal or name not in OF_A_USER:
        return origin
    return replace(origin, personal=True)


def of_framework(known: tuple[str, bool] | None, scope: FunctionSymbol) -> Origin | None:
    """What a framework has ready for whoever is served, where a name or a call stands for it."""
    if known is None:
        return None
    note = f"`{known[0]}` is of whoever is served by `{scope.facts.qualified}`"
    return Origin(known[0], (Step(scope.module.path, scope.facts.line, note),), personal=known[1])


def proven(source: Expression, key: Expression, origin: Origin | None) -> Origin | None:
    """`request.headers["Authorization"]` is of one user, though not all headers are."""
    return replace(origin, personal=True, proven=True) if origin is not None and is_proof(source, key) else origin


def of_tool(scope: FunctionSymbol) -> Origin:
    """The request by which a tool of an MCP server was called: `ctx.request_context.request`."""
    note = f"`{scope.facts.qualified}` reads the request by which a tool is called"
    return Origin(OF_TOOL, (Step(scope.module.path, scope.facts.line, note),), personal=False)
