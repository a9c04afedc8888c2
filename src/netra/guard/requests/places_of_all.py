"""How places are written that frameworks have for all: the state of an application, what a server was started with."""

from netra.guard.facts import Expression
from netra.guard.requests.singletons import is_application
from netra.guard.symbols import FunctionSymbol


def only_value(name: str, scope: FunctionSymbol) -> Expression | None:
    """What a local name stands for, where it never stands for anything else."""
    given = scope.assigned.get(name, ())
    return given[0].value if len(given) == 1 and given[0].how in ("=", "annotated") else None


def state_of_application(name: str, scope: FunctionSymbol) -> Expression | None:
    """`app.state`, for which a local name stands."""
    meant = only_value(name, scope)
    return meant if meant is not None and meant[0] == "attribute" and meant[2] == "state" and is_application(meant[1]) else None


def is_of_lifespan(expression: Expression, scope: FunctionSymbol) -> bool:
    """`ctx.request_context.lifespan_context` of a server of MCP, also under a local name."""
    if expression[0] == "name" and expression[1] not in scope.parameters:
        expression = only_value(expression[1], scope) or expression
    return bool(expression[0] == "attribute" and expression[2] == "lifespan_context")


def is_state_of_litestar(name: str, scope: FunctionSymbol) -> bool:
    """A parameter of the type `State` gets that of the application: `async def last(state: State)`."""
    if name not in scope.parameters:
        return False
    said = scope.facts.parameters[scope.parameters[name]].annotation
    imported = (each for each in scope.module.top.facts.imports if each.bound == "State")
    return said == ("name", "State") and any(each.module.startswith(("litestar", "starlite")) for each in imported)
