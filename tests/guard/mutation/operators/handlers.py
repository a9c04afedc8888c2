"""What operators ask of route handlers and of the functions around a session."""

import ast
from typing import Final

from tests.guard.mutation.target import AnyFunction, Target, last
from tests.guard.mutation.witness import Witness, parameters

VERBS: Final = frozenset("get post put patch delete websocket".split())
USERS: Final = frozenset("user current_user user_id current_user_id".split())


def route(function: AnyFunction) -> str:
    """The verb of the decorator that makes a function a route handler: `@router.get("/…")`; empty for any other function."""
    for each in function.decorator_list:
        match each:
            case ast.Call(func=ast.Attribute(attr=verb), args=[ast.Constant(value=str(path)), *_]) if verb in VERBS:
                if not path or path.startswith("/"):
                    return verb
    return ""


def is_handler(function: AnyFunction) -> bool:
    return route(function) != ""


def user_of(function: AnyFunction) -> str:
    """The parameter of a handler that says who asks; empty without one."""
    return next((each.arg for each in parameters(function) if each.arg in USERS), "")


def session_of(function: AnyFunction, target: Target, witness: Witness) -> tuple[str, bool] | None:
    """The name of an asynchronous session that a function is given or opens, and whether its class is written down."""
    for parameter in parameters(function):
        if "AsyncSession" in ast.unparse(parameter.annotation or ast.Constant(0)):
            seen = witness.class_named(parameter.annotation, target)
            return parameter.arg, seen is not None and seen.name == "AsyncSession"
    for node in ast.walk(function):
        match node:
            case ast.AsyncWith(items=[ast.withitem(context_expr=ast.Call() as made, optional_vars=ast.Name(id=name))]):
                if "session" in last(made).lower() and "http" not in ast.unparse(made).lower() and _runs_sql(name, node):
                    return name, makes_session(made, target, witness)
    return None


def makes_session(made: ast.Call, target: Target, witness: Witness) -> bool:
    """A call is known to make a session: its class, a `sessionmaker` at the top of a module, or a function that says so."""
    seen = witness.class_named(made.func, target)
    if seen is not None:
        return seen.name in ("AsyncSession", "Session")
    if isinstance(made.func, ast.Name) and (found := witness.defined(made.func.id, target)) is not None:
        if isinstance(found.node, ast.Call):
            return last(found.node) in ("sessionmaker", "async_sessionmaker", "scoped_session")
        returns = getattr(found.node, "returns", None)
        return returns is not None and "Session" in ast.unparse(returns)
    return False


def _runs_sql(name: str, node: ast.AST) -> bool:
    return any(
        isinstance(each, ast.Attribute)
        and isinstance(each.value, ast.Name)
        and each.value.id == name
        and each.attr in ("execute", "commit", "scalar", "scalars", "add", "flush", "refresh")
        for each in ast.walk(node)
    )
