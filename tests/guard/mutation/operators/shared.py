"""Faults of family S: what one user leaves where the next one finds it."""

import ast
from collections.abc import Iterator

from netra.guard.faults import Edit
from tests.guard.mutation.operator import operator
from tests.guard.mutation.operators.handlers import is_handler, route, user_of
from tests.guard.mutation.target import AnyFunction, Site, Target, last
from tests.guard.mutation.witness import Witness, parameters


def _inserted(
    target: Target, function: AnyFunction, top: list[str], inside: list[str], symbol: str, kind: str = ""
) -> Iterator[Site]:
    statement = target.first(function)
    if statement is None:
        return
    above, here = target.at_top(*top), target.before(statement, *inside)
    if here is not None and (above is not None or not top):
        yield Site((above, here) if above is not None else (here,), symbol, kind, line=statement.lineno)


def _handlers(target: Target) -> Iterator[tuple[AnyFunction, str]]:
    """The route handlers that know who asks."""
    for function in target.functions if not target.in_tests else ():
        if is_handler(function) and (user := user_of(function)):
            yield function, user


@operator("key-without-user", "S")
def key_without_user(target: Target, _: Witness) -> Iterator[Site]:
    """Caches what a handler answers under a key that does not hold the user."""
    for function, user in _handlers(target):
        final = function.body[-1]
        keys = [each.arg for each in parameters(function) if last(each.annotation) in ("str", "int") and each.arg != user]
        key = keys[0] if keys else '"latest"'
        statement = target.first(function)
        if not isinstance(final, ast.Return) or final.value is None or statement is None or statement is final:
            continue
        if not any(isinstance(node, ast.Name) and node.id == user for node in ast.walk(final)):
            continue
        top = target.at_top("recent_answers = {}")
        look = target.before(statement, f"if {key} in recent_answers:", f"    return recent_answers[{key}]")
        keep = target.before(final, f"recent_answers[{key}] = {target.written(final.value)}")
        if top is not None and look is not None and keep is not None:
            back = target.replaced(final.value, f"recent_answers[{key}]")
            yield Site((top, look, keep, back), "recent_answers", "id" if "_id" in key else "", line=final.lineno)


@operator("user-in-global", "S")
def user_in_global(target: Target, _: Witness) -> Iterator[Site]:
    """Keeps who asks in a variable of the module."""
    for function, user in _handlers(target):
        yield from _inserted(target, function, ["last_seen = None"], ["global last_seen", f"last_seen = {user}"], "last_seen")


@operator("user-in-application", "S")
def user_in_application(target: Target, _: Witness) -> Iterator[Site]:
    """Keeps who asks in the state of the application."""
    for function, user in _handlers(target):
        if any(each.arg == "request" for each in parameters(function)):
            yield from _inserted(target, function, [], [f"request.app.state.last_seen = {user}"], "last_seen")


@operator("user-in-singleton", "S")
def user_in_singleton(target: Target, witness: Witness) -> Iterator[Site]:
    """Keeps a user in an object that is made once, at the top of a module."""
    single = {
        last(node.value)
        for node in target.tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and witness.class_named(node.value.func, target)
    }
    for owner in target.classes if not target.in_tests else ():
        for method in owner.body:
            if owner.name in single and isinstance(method, AnyFunction) and not method.decorator_list:
                user = user_of(method)
                if user and parameters(method)[0].arg == "self" and method.name != "__init__":
                    yield from _inserted(target, method, [], [f"self.last_seen = {user}"], "last_seen")


@operator("growing-handlers", "S")
def growing_handlers(target: Target, _: Witness) -> Iterator[Site]:
    """Adds a handler for each connection or request to a list that nobody empties."""
    for function in target.functions if not target.in_tests else ():
        verb = route(function)
        name = next((each.arg for each in parameters(function) if each.arg in ("websocket", "ws", "request")), "")
        if verb and name:
            call = f"listeners.append({name}.{'send_text' if verb == 'websocket' else 'is_disconnected'})"
            yield from _inserted(target, function, ["listeners = []"], [call], "listeners", verb)


@operator("mutable-default", "S")
def mutable_default(target: Target, _: Witness) -> Iterator[Site]:
    """Gives a function a list as a default, and adds to it."""
    for function in target.functions if not target.in_tests else ():
        named = function.args.posonlyargs + function.args.args
        statement = target.first(function)
        if statement is None or not named or function.args.vararg or function.args.kwonlyargs or function.args.kwarg:
            continue
        ending: ast.expr | ast.arg = function.args.defaults[-1] if function.args.defaults else named[-1]
        assert ending.end_lineno is not None
        assert ending.end_col_offset is not None
        at = ending.end_lineno, ending.end_col_offset
        here = target.before(statement, "seen_before.append(1)")
        if here is not None and not function.decorator_list:
            yield Site((Edit(*at, *at, ", seen_before=[]"), here), "seen_before", line=function.lineno)


@operator("default-of-context", "S")
def default_of_context(target: Target, _: Witness) -> Iterator[Site]:
    """Gives a `ContextVar` a dictionary as its default, and writes into it."""
    for function, user in _handlers(target):
        top = ["import contextvars", 'notes_of_request = contextvars.ContextVar("notes_of_request", default={})']
        yield from _inserted(target, function, top, [f'notes_of_request.get()["who"] = {user}'], "notes_of_request")


@operator("check-then-act", "S")
def check_then_act(target: Target, _: Witness) -> Iterator[Site]:
    """Looks whether something shared is open, waits until it is, and then puts it there."""
    for function, user in _handlers(target):
        if isinstance(function, ast.AsyncFunctionDef):
            top = ["import asyncio", "open_desks = {}"]
            key = f"str({user})"
            inside = [f"if {key} not in open_desks:", f'    open_desks[{key}] = await asyncio.open_connection("desk", 80)']
            yield from _inserted(target, function, top, inside, "open_desks")


@operator("identity-from-query", "S")
def identity_from_query(target: Target, _: Witness) -> Iterator[Site]:
    """Takes the user's id from the query instead of from who is signed in."""
    for function, user in _handlers(target):
        parameter = next(each for each in parameters(function) if each.arg == user)
        reads = [node for node in ast.walk(function) if isinstance(node, ast.Name) and node.id == user]
        ids = [target.parents[node] for node in reads]
        defaults = dict(
            zip([each.arg for each in reversed(function.args.args)], reversed(function.args.defaults), strict=False)
        )
        default = defaults.get(user)
        if default is None or last(default) not in ("Depends", "Security") or not reads:
            continue
        if all(isinstance(each, ast.Attribute) and each.attr == "id" for each in ids):
            assert default.end_lineno is not None
            assert default.end_col_offset is not None
            span = Edit(parameter.lineno, parameter.col_offset, default.end_lineno, default.end_col_offset, 'user_id: str = ""')
            uses = [target.replaced(each, "user_id") for each in ids if isinstance(each, ast.Attribute)]
            yield Site((span, *uses), "user_id", line=function.lineno)


@operator("swap-identifiers", "S")
def swap_identifiers(target: Target, witness: Witness) -> Iterator[Site]:
    """Passes the id of one thing where that of another is expected."""
    for call in target.calls if not target.in_tests else ():
        match call.args:
            case [ast.Name(id=first) as one, ast.Name(id=second) as two, *_] if first.endswith("_id") and second.endswith(
                "_id"
            ):
                found = witness.called(call, target)
                names = [each.arg for each in parameters(found.node)] if found and isinstance(found.node, AnyFunction) else []
                if first != second and first in names and second in names:
                    yield Site((target.replaced(one, second), target.replaced(two, first)), line=call.lineno)
