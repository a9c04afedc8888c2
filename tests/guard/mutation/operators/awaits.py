"""Faults of family A: what should be awaited is not, what is awaited should not be, and what blocks the event loop."""

import ast
from collections.abc import Iterator

from netra.guard.faults import Edit
from tests.guard.mutation.operator import operator
from tests.guard.mutation.operators.handlers import is_handler
from tests.guard.mutation.target import Site, Target, last
from tests.guard.mutation.witness import Witness


@operator("remove-await", "A")
def remove_await(target: Target, witness: Witness) -> Iterator[Site]:
    """Takes the `await` from a call."""
    for node in target.nodes:
        if isinstance(node, ast.Await) and isinstance(node.value, ast.Call) and not target.in_tests:
            gone = Edit(node.lineno, node.col_offset, node.value.lineno, node.value.col_offset, "")
            if gone.line == gone.end_line and "(" not in _between(target, gone):
                yield Site((gone,), "", context(target.parents[node]), witness.gives_coroutine(node.value, target), node.lineno)


def _between(target: Target, edit: Edit) -> str:
    return target.text.split("\n")[edit.line - 1].encode()[edit.column : edit.end_column].decode()


def context(parent: ast.AST) -> str:
    """What a call stands in, once its `await` is gone."""
    match parent:
        case ast.Expr():
            return "statement"
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.NamedExpr():
            return "assigned"
        case ast.Return():
            return "returned"
        case ast.Call() | ast.keyword():
            return "argument"
        case ast.If() | ast.While() | ast.IfExp() | ast.BoolOp() | ast.UnaryOp() | ast.Compare() | ast.Assert():
            return "condition"
        case ast.FormattedValue():
            return "formatted"
        case ast.Attribute() | ast.Subscript():
            return "member"
        case ast.For() | ast.comprehension() | ast.Starred():
            return "iterated"
    return "other"


@operator("plain-with", "A")
def plain_with(target: Target, witness: Witness) -> Iterator[Site]:
    """Makes an `async with` a plain one."""
    for node in target.nodes:
        if isinstance(node, ast.AsyncWith) and not target.in_tests:
            gone = Edit(node.lineno, node.col_offset, node.lineno, node.col_offset + len("async "), "")
            yield Site((gone,), known=_enters(node.items[0].context_expr, target, witness), line=node.lineno)


@operator("async-with", "A")
def async_with(target: Target, witness: Witness) -> Iterator[Site]:
    """Makes a plain `with`, in an async function, an `async with`."""
    for node in target.nodes:
        if isinstance(node, ast.With) and isinstance(target.function_of(node), ast.AsyncFunctionDef) and not target.in_tests:
            here = Edit(node.lineno, node.col_offset, node.lineno, node.col_offset, "async ")
            known = isinstance(node.items[0].context_expr, ast.Call) and last(node.items[0].context_expr) == "open"
            yield Site((here,), known=known or _enters(node.items[0].context_expr, target, witness), line=node.lineno)


def _enters(entered: ast.expr, target: Target, witness: Witness) -> bool:
    """What is entered is a class of the package that says how, a function made a context manager, or a session or client."""
    if not isinstance(entered, ast.Call):
        return False
    seen = witness.class_named(entered.func, target)
    if seen is not None:
        return seen.node is None or any(witness.method(seen, name) for name in ("__enter__", "__aenter__"))
    found = witness.called(entered, target)
    decorators = getattr(found.node, "decorator_list", []) if found is not None else []
    return bool({last(each) for each in decorators} & {"contextmanager", "asynccontextmanager"})


@operator("plain-for", "A")
def plain_for(target: Target, witness: Witness) -> Iterator[Site]:
    """Makes an `async for` a plain one."""
    for node in target.nodes:
        if isinstance(node, ast.AsyncFor) and not target.in_tests:
            gone = Edit(node.lineno, node.col_offset, node.lineno, node.col_offset + len("async "), "")
            found = witness.called(node.iter, target) if isinstance(node.iter, ast.Call) else None
            known = found is not None and isinstance(found.node, ast.AsyncFunctionDef)
            yield Site((gone,), known=known, line=node.lineno)


@operator("forget-task", "A")
def forget_task(target: Target, _: Witness) -> Iterator[Site]:
    """Keeps no reference to a task that is created."""
    for node in target.nodes:
        match node:
            case ast.Assign(targets=[each], value=ast.Call() as call) if last(call) == "create_task" and not target.in_tests:
                gone = Edit(node.lineno, node.col_offset, call.lineno, call.col_offset, "")
                on = call.func.value if isinstance(call.func, ast.Attribute) else None
                name = ast.unparse(each)
                if gone.line == gone.end_line and not _is_read(name, node, target):
                    yield Site((gone,), known=last(on) in ("", "asyncio"), line=node.lineno)


def _is_read(name: str, statement: ast.stmt, target: Target) -> bool:
    # Without the assignment the name would be unbound where it is read: another fault than this one.
    function = target.function_of(statement)
    return any(
        isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load) and ast.unparse(node) == name
        for node in ast.walk(function or target.tree)
    )


@operator("sleep-that-blocks", "A")
def sleep_that_blocks(target: Target, _: Witness) -> Iterator[Site]:
    """Puts `time.sleep` in the place of `await asyncio.sleep`."""
    for node in target.nodes:
        match node:
            case ast.Await(value=ast.Call(func=ast.Attribute(value=ast.Name(id="asyncio"), attr="sleep"), args=[given])):
                top = target.at_top("import time")
                if top is not None and not target.in_tests:
                    yield Site((top, target.replaced(node, f"time.sleep({target.written(given)})")), line=node.lineno)


BLOCKING = {
    "requests.get": "requests.get('https://example.com/status', timeout=5)",
    "subprocess.run": "subprocess.run(['sync'], check=False)",
    "urllib.request.urlopen": "urllib.request.urlopen('https://example.com/status')",
}


@operator("blocking-call", "A")
def blocking_call(target: Target, _: Witness) -> Iterator[Site]:
    """Makes a call that blocks at the beginning of an async route handler."""
    for function in target.functions:
        statement = target.first(function)
        if statement is None or not isinstance(function, ast.AsyncFunctionDef) or not is_handler(function):
            continue
        for name, call in BLOCKING.items():
            top = target.at_top(f"import {name.rpartition('.')[0]}")
            inside = target.before(statement, call)
            if top is not None and inside is not None:
                yield Site((top, inside), kind=name, line=statement.lineno)


@operator("await-a-value", "A")
def await_a_value(target: Target, witness: Witness) -> Iterator[Site]:
    """Awaits what a synchronous function of the package gives."""
    for call in target.calls:
        if not isinstance(target.function_of(call), ast.AsyncFunctionDef) or target.in_tests:
            continue
        if isinstance(target.parents[call], (ast.Expr, ast.Assign)):
            found = witness.called(call, target)
            if found is not None and isinstance(found.node, ast.FunctionDef) and _gives_value(found.node):
                here = Edit(call.lineno, call.col_offset, call.lineno, call.col_offset, "await ")
                yield Site((here,), line=call.lineno)


def _gives_value(function: ast.FunctionDef) -> bool:
    plain = isinstance(function.returns, ast.Constant) or last(function.returns) in (
        "str",
        "int",
        "bool",
        "float",
        "dict",
        "list",
    )
    return plain and not function.decorator_list
