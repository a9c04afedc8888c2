"""Faults of family T: tests that pass whatever the code does."""

import ast
from collections.abc import Iterator

from tests.guard.mutation.operator import operator
from tests.guard.mutation.target import AnyFunction, Site, Target, last
from tests.guard.mutation.witness import Witness

CHECKING = ("assert", "raises", "warns", "expect", "check", "verify", "fail", "approx")


def _tests(target: Target) -> Iterator[tuple[AnyFunction, list[ast.Assert]]]:
    """The tests of a file that check by plain `assert` alone, with these statements."""
    if not target.in_tests or not target.path.rpartition("/")[2].startswith("test_"):
        return
    for function in target.functions:
        if function.name.startswith("test_") and (asserts := [n for n in ast.walk(function) if isinstance(n, ast.Assert)]):
            called = [last(node) for node in ast.walk(function) if isinstance(node, ast.Call)]
            if not any(word in name.lower() for name in called for word in CHECKING):
                yield function, asserts


@operator("delete-asserts", "T")
def delete_asserts(target: Target, _: Witness) -> Iterator[Site]:
    """Takes every assertion from a test."""
    for function, asserts in _tests(target):
        yield Site(tuple(target.replaced(each, "pass") for each in asserts), function.name, line=function.lineno)


@operator("assert-own-value", "T")
def assert_own_value(target: Target, _: Witness) -> Iterator[Site]:
    """Asserts on what the test itself has just written down, and on nothing else."""
    for function, asserts in _tests(target):
        indent = " " * asserts[0].col_offset
        first = target.replaced(asserts[0], f'outcome = {{"status": "ok"}}\n{indent}assert outcome["status"] == "ok"')
        rest = [target.replaced(each, "pass") for each in asserts[1:]]
        if target.before(asserts[0]) is not None:
            yield Site((first, *rest), function.name, line=asserts[0].lineno)


@operator("swallow-assertion", "T")
def swallow_assertion(target: Target, _: Witness) -> Iterator[Site]:
    """Puts the assertions into a `try` that survives every exception."""
    for function, asserts in _tests(target):
        edits = []
        for each in asserts:
            indent = " " * each.col_offset
            text = f"try:\n{indent}    {target.written(each)}\n{indent}except Exception:\n{indent}    pass"
            if target.before(each) is not None and "\n" not in target.written(each):
                edits.append(target.replaced(each, text))
        if len(edits) == len(asserts):
            yield Site(tuple(edits), function.name, line=asserts[0].lineno)


@operator("misspell-mock-assertion", "T")
def misspell_mock_assertion(target: Target, _: Witness) -> Iterator[Site]:
    """Writes `mock.called_once_with(…)` for `mock.assert_called_once_with(…)`."""
    for call in target.calls if target.in_tests else ():
        match call.func:
            case ast.Attribute(value=mock, attr=name) if name.startswith(("assert_called", "assert_awaited")):
                if isinstance(target.parents[call], ast.Expr):
                    text = f"{target.written(mock)}.{name.removeprefix('assert_')}"
                    yield Site((target.replaced(call.func, text),), name.removeprefix("assert_"), name, line=call.lineno)


@operator("assertion-not-awaited", "TA")
def assertion_not_awaited(target: Target, witness: Witness) -> Iterator[Site]:
    """Asserts that a coroutine is true."""
    for node in target.nodes if target.in_tests else ():
        match node:
            case ast.Assert(test=ast.Await(value=ast.Call() as call) as test):
                here = target.replaced(test, target.written(call))
                yield Site((here,), "", "", witness.gives_coroutine(call, target), node.lineno)
