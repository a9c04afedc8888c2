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
    """Commits only when a condition holds."""
    for function, session, known in _with_session(target, witness):
        names = [each.arg for each in parameters(function) if each.arg not in ("self", "cls", session)]
        for node in _calls_of(function, session, "commit"):
            if names and isinstance(target.parents[node], ast.Expr):
                here = target.replaced(node, f"if {names[0]}: {target.written(node)}")
                yield Site((here,), known=known, line=node.lineno)


@operator("no-rollback", "D")
def no_rollback(target: Target, witness: Witness) -> Iterator[Site]:
    """Takes away the rollback of a handler."""
    for function, session, known in _with_session(target, witness):
        for node in _calls_of(function, session, "rollback"):
            if isinstance(target.parents[node], ast.Expr):
                yield Site((target.replaced(node, "pass"),), known=known, line=node.lineno)


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
    """Makes one session for the whole module."""
    if target.in_tests:
        return
    for statement in target.tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=maker)], value=ast.Call() as made):
                if last(made) in ("sessionmaker", "async_sessionmaker"):
                    here = target.after(statement, f"shared_session = {maker}()")
                    known = witness.external(last(made), target).startswith("sqlalchemy")
                    if here is not None:
                        yield Site((here,), "shared_session", known=known, line=statement.lineno)


@operator("static-pool", "D")
def static_pool(target: Target, witness: Witness) -> Iterator[Site]:
    """Gives an engine a pool with one connection for everybody."""
    for call in target.calls:
        if last(call) in ("create_engine", "create_async_engine") and call.args and not target.in_tests:
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
