"""Faults of family D: sessions and connections that are shared, left open, half committed, or handed text for SQL."""

import ast
from collections.abc import Iterator

from netra.guard.faults import Edit
from tests.guard.mutation.operator import operator
from tests.guard.mutation.operators.handlers import makes_session, session_of
from tests.guard.mutation.target import AnyFunction, Site, Target, last
from tests.guard.mutation.witness import Witness, parameters


def _with_session(target: Target, witness: Witness) -> Iterator[tuple[AnyFunction, str, bool]]:
    if target.in_tests or "ession" not in target.text:
        return
    for function in target.functions:
        if isinstance(function, ast.AsyncFunctionDef) and (found := session_of(function, target, witness)) is not None:
            yield function, *found


def _calls_of(function: AnyFunction, session: str, method: str) -> Iterator[ast.Await]:
    for node in ast.walk(function):
        match node:
            case ast.Await(value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=called))):
                if name == session and called == method:
                    yield node


def _statement(node: ast.AST, target: Target) -> ast.stmt:
    return next(each for each in (node, *target.above(node)) if isinstance(each, ast.stmt))


@operator("session-in-gather", "D")
def session_in_gather(target: Target, witness: Witness) -> Iterator[Site]:
    """Runs two statements of one session at the same time."""
    for function, session, known in _with_session(target, witness):
        for node in _calls_of(function, session, "execute"):
            call, top = target.written(node.value), target.at_top("import asyncio")
            statement = _statement(node, target)
            pair = target.before(statement, f"await asyncio.gather({call}, {call})") if "\n" not in call else None
            if top is not None and pair is not None:
                yield Site((top, pair), known=known, line=node.lineno)


@operator("session-without-with", "D")
def session_without_with(target: Target, witness: Witness) -> Iterator[Site]:
    """Makes a session without the `with` that would close it."""
    if target.in_tests:
        return
    for node in target.nodes:
        match node:
            case (
                ast.With(items=[ast.withitem(context_expr=ast.Call() as made, optional_vars=ast.Name(id=name))])
                | ast.AsyncWith(items=[ast.withitem(context_expr=ast.Call() as made, optional_vars=ast.Name(id=name))])
            ) if last(made).endswith(("Session", "SessionLocal", "session_maker", "sessionmaker", "SessionFactory")):
                if "http" in last(made).lower() or "Client" in last(made) or node.body[0].lineno == node.lineno:
                    continue
                indent = " " * node.col_offset
                body = node.body[0]
                end = Edit(node.lineno, node.col_offset, body.lineno, body.col_offset, "")
                text = f"{name} = {target.written(made)}\n{indent}if True:\n{' ' * body.col_offset}"
                yield Site((end._replace(text=text),), name, "", makes_session(made, target, witness), node.lineno)


@operator("commit-in-one-branch", "D")
def commit_in_one_branch(target: Target, witness: Witness) -> Iterator[Site]:
    """Commits what was written only when a parameter that says nothing of it is there."""
    for function, session, known in _with_session(target, witness):
        names = [each.arg for each in parameters(function) if each.arg != session and _says_nothing_of_commits(each)]
        for node in _calls_of(function, session, "commit"):
            statement = target.parents[node]
            written = _write_before(function, session, node.lineno)
            # Who makes the session may commit it as well, and then nothing is lost.
            elsewhere = _is_committed_elsewhere(function, session, witness, target) or _is_committed_later(
                function, session, node
            )
            if names and isinstance(statement, ast.Expr) and written is not None and not elsewhere:
                here = target.replaced(node, f"if {names[0]}: {target.written(node)}")
                # What is written is as much of the fault, and stays as it is.
                yield Site((target.replaced(written, target.written(written)), here), known=known, line=node.lineno)


def _says_nothing_of_commits(parameter: ast.arg) -> bool:
    words = ("commit", "flush", "own", "close", "save", "persist", "auto", "dry", "transaction")
    flag = "bool" in ast.unparse(parameter.annotation or ast.Constant(0)) or any(word in parameter.arg for word in words)
    return not flag and parameter.arg not in ("self", "cls")


def _write_before(function: AnyFunction, session: str, line: int) -> ast.Call | None:
    """The first write above a line."""
    writes = [
        each
        for each in ast.walk(function)
        if isinstance(each, ast.Call)
        and isinstance(each.func, ast.Attribute)
        and isinstance(each.func.value, ast.Name)
        and each.func.value.id == session
        and each.func.attr in ("add", "add_all", "delete", "merge")
        and each.lineno < line
    ]
    return min(writes, key=lambda each: each.lineno, default=None)


def _is_committed_elsewhere(function: AnyFunction, session: str, witness: Witness, target: Target) -> bool:
    """The function that makes the session commits it, or is not known."""
    for node in ast.walk(function):
        match node:
            case ast.AsyncWith(items=[ast.withitem(context_expr=ast.Call() as made, optional_vars=ast.Name(id=name))]):
                if name == session:
                    found = witness.called(made, target)
                    return found is None or "commit" in ast.unparse(found.node) or "begin" in ast.unparse(found.node)
    return False


def _is_committed_later(function: AnyFunction, session: str, commit: ast.Await) -> bool:
    """Below a commit the session is committed once more, or handed to a function that may do it."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and node.lineno > commit.lineno:
            given = [*node.args, *(each.value for each in node.keywords)]
            if any(isinstance(each, ast.Name) and each.id == session for each in given):
                return True
    return any(each.lineno > commit.lineno for each in _calls_of(function, session, "commit"))


@operator("no-rollback", "D")
def no_rollback(target: Target, witness: Witness) -> Iterator[Site]:
    """Takes away the rollback of a handler after which the function goes on with the session."""
    for function, session, known in _with_session(target, witness):
        for node in _calls_of(function, session, "rollback"):
            statement = target.parents[node]
            handler = target.parents[statement]
            if not isinstance(statement, ast.Expr) or not isinstance(handler, ast.ExceptHandler):
                continue
            leaves = isinstance(handler.body[-1], (ast.Raise, ast.Return, ast.Break))
            rest = handler.body[handler.body.index(statement) :]
            attempt = target.parents[handler]
            assert isinstance(attempt, ast.Try)
            following = rest[1:] if leaves else [*rest[1:], *_behind(attempt, target)]
            works = any(_uses(each, session) for each in following)
            first = target.before(handler.body[0], "pass") if handler.body[0] is not statement else None
            if works and any(_uses(each, session, ("commit", "flush", "execute", "exec")) for each in attempt.body):
                here = target.replaced(node, "pass")
                yield Site((here,) if first is None else (first, here), known=known, line=node.lineno)


def _behind(statement: ast.stmt, target: Target) -> Iterator[ast.stmt]:
    """The statements that run after one, in its block and in those around it; the loop around it begins anew."""
    at: ast.AST = statement
    for above in target.above(statement):
        if isinstance(above, AnyFunction):
            yield from (each for each in above.body if each.lineno > statement.lineno)
            return
        if isinstance(above, (ast.For, ast.AsyncFor, ast.While)):
            yield above
            return
        body = getattr(above, "body", [])
        if at in body:
            yield from body[body.index(at) + 1 :]
        at = above


def _uses(
    statement: ast.stmt, session: str, methods: tuple[str, ...] = ("commit", "flush", "execute", "exec", "scalar")
) -> bool:
    return any(
        isinstance(each, ast.Attribute)
        and each.attr in methods
        and isinstance(each.value, ast.Name)
        and each.value.id == session
        for each in ast.walk(statement)
    )


@operator("setting-of-session", "D")
def setting_of_session(target: Target, witness: Witness) -> Iterator[Site]:
    """Sets something for the whole connection, which the next user of the pool finds."""
    for function, session, known in _with_session(target, witness):
        for node in _calls_of(function, session, "execute"):
            top = target.at_top("from sqlalchemy import text as plain_sql")
            line = f'await {session}.execute(plain_sql("SET search_path TO tenant_one"))'
            here = target.before(_statement(node, target), line)
            if top is not None and here is not None:
                yield Site((top, here), known=known, line=node.lineno)


@operator("sql-from-parameter", "D")
def sql_from_parameter(target: Target, witness: Witness) -> Iterator[Site]:
    """Composes SQL from a parameter."""
    for function, session, known in _with_session(target, witness):
        texts = [each.arg for each in parameters(function) if last(each.annotation) == "str"]
        for node in list(_calls_of(function, session, "execute"))[:1]:
            top = target.at_top("from sqlalchemy import text as plain_sql")
            line = (
                f"await {session}.execute(plain_sql(f\"SELECT id FROM people WHERE name = '{{{texts[0]}}}'\"))" if texts else ""
            )
            here = target.before(_statement(node, target), line) if texts else None
            if top is not None and here is not None:
                yield Site((top, here), known=known, line=node.lineno)


@operator("session-of-module", "D")
def session_of_module(target: Target, witness: Witness) -> Iterator[Site]:
    """Makes one session for the whole module, which a function of it works with."""
    if target.in_tests:
        return
    for statement in target.tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=maker)], value=ast.Call() as made):
                if last(made) in ("sessionmaker", "async_sessionmaker"):
                    lines = (
                        f"shared_session = {maker}()",
                        "def from_shared(number):",
                        "    return shared_session.execute(number)",
                    )
                    here = target.after(statement, *lines)
                    known = witness.external(last(made), target).startswith("sqlalchemy")
                    if here is not None:
                        yield Site((here,), "shared_session", known=known, line=statement.lineno)


@operator("static-pool", "D")
def static_pool(target: Target, witness: Witness) -> Iterator[Site]:
    """Gives an engine a pool with one connection for everybody."""
    # Nobody shares the connection of a migration.
    if target.in_tests or target.is_migration:
        return
    for call in target.calls:
        if last(call) in ("create_engine", "create_async_engine") and call.args:
            if any(each.arg in ("poolclass", None) for each in call.keywords) or not isinstance(call.func, ast.Name):
                continue
            top = target.at_top("from sqlalchemy.pool import StaticPool")
            first = call.args[0]
            assert first.end_lineno is not None
            assert first.end_col_offset is not None
            at = first.end_lineno, first.end_col_offset
            known = witness.external(call.func.id, target).startswith("sqlalchemy")
            if top is not None and not isinstance(first, ast.Starred):
                yield Site((top, Edit(*at, *at, ", poolclass=StaticPool")), "StaticPool", known=known, line=call.lineno)
