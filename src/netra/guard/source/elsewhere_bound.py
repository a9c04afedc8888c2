"""Names that have their value on another way than the one that reads them:

    if every:
        for method in methods:
            add(method)
    else:
        add(method)

and those that a `try` gives a value, if it gets there, and its `finally` reads in any case:

    try:
        link = connect()
    finally:
        link.close()
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from netra.guard.facts import Block
from netra.guard.source.branching import is_for_versions, met_behind, things_of
from netra.guard.source.scoping import BareUse
from netra.guard.source.walking import walked

APART: Final = frozenset({"else", "finally"})
# What a handler has to name for a task that is cancelled to come by it.
OF_CANCELLATION: Final = frozenset({"BaseException", "CancelledError"})
NESTED: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


class ElsewhereBound(NamedTuple):
    """A name with the place that reads it, and the line that gives it a value on another way; `how` as in `Unbound`."""

    name: str
    line: int
    column: int
    bound: int
    how: str


def elsewhere_bound(
    function: ast.FunctionDef | ast.AsyncFunctionDef,
    bound: Mapping[str, int],
    uses: Sequence[BareUse],
    blocks: Sequence[Block],
) -> Iterator[ElsewhereBound]:
    """Every such name of a function; `bound` are its names with the first line that binds each."""
    if not any(each.what in APART for each in blocks):
        return
    used_last = {use[0]: use[2] for use in uses}
    read = {name: line for name, line in bound.items() if line and line < used_last.get(name, 0)}
    waiting = [(function.body, False)] if read else []
    while waiting:
        statements, turning = waiting.pop()
        for each in statements:
            match each:
                case ast.If(body=body, orelse=[_, *_] as rest):
                    yield from _in_the_other_branch(each, body, rest, function, read, turning=turning)
                case ast.Try(finalbody=[_, *_]) if not turning:
                    yield from _in_the_end(each, function, read)
            turns = turning or isinstance(each, ast.For | ast.AsyncFor | ast.While)
            if not isinstance(each, NESTED):
                waiting += [(inner, turns) for inner in _within(each)]


def _within(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    for name in ("body", "orelse", "finalbody"):
        if found := getattr(statement, name, None):
            yield found
    for each in (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ())):
        yield each.body


def _in_the_other_branch(
    node: ast.If,
    body: list[ast.stmt],
    rest: list[ast.stmt],
    function: ast.FunctionDef | ast.AsyncFunctionDef,
    read: Mapping[str, int],
    *,
    turning: bool,
) -> Iterator[ElsewhereBound]:
    """In a loop a name may have its value from the turn before; one that only a loop in the branch goes through is no such."""
    first, last = body[0].lineno, body[-1].end_lineno or 0
    names = [name for name, line in read.items() if first <= line <= last]
    if not names or is_for_versions({*things_of(node.test)}):
        return
    for name in names:
        met, _ = met_behind(rest, name)
        if not isinstance(met, ast.Name):
            continue
        binding = _binding(name, function)
        if binding is None:
            continue
        branches, passing = _branches(function.body, {}, ())
        at = branches[id(met)]
        if any(all(branches[id(each)].get(key, way) == way for key, way in at.items()) for each in binding):
            continue
        if not turning or all(id(each) in passing for each in binding):
            yield ElsewhereBound(name, met.lineno, met.col_offset, read[name], "apart")


def _branches(
    statements: list[ast.stmt], found: dict[int, dict[int, int]], around: tuple[tuple[int, int], ...]
) -> tuple[dict[int, dict[int, int]], set[int]]:
    """For each name below, which way each `if` around it has gone; and the names that a `for` goes through."""
    passing: set[int] = set()
    for each in statements:
        inner = [] if isinstance(each, NESTED) else [*_within(each)]
        below = {id(one) for block in inner for one in block}
        waiting: list[ast.AST] = [each]
        while waiting:
            at = waiting.pop()
            if isinstance(at, ast.Name):
                found[id(at)] = dict(around)
            waiting += [one for one in ast.iter_child_nodes(at) if id(one) not in below]
        if isinstance(each, ast.For | ast.AsyncFor):
            passing |= {id(part) for part in walked(each.target)}
        for way, block in enumerate(inner):
            more = ((id(each), way),) if isinstance(each, ast.If) else ()
            passing |= _branches(block, found, (*around, *more))[1]
    return found, passing


def _in_the_end(
    node: ast.Try, function: ast.FunctionDef | ast.AsyncFunctionDef, read: Mapping[str, int]
) -> Iterator[ElsewhereBound]:
    for each in node.body:
        match each:
            case ast.Assign(targets=[ast.Name(name)], value=ast.Await() | ast.Call() as value) if read.get(name) == each.lineno:
                met, _ = met_behind(node.finalbody, name)
                late = isinstance(value, ast.Await)
                if not isinstance(met, ast.Name) or not _is_left_out(node, name, late=late):
                    continue
                others = _binding(name, function)
                last = node.end_lineno or 0
                if others is not None and all(node.lineno <= other.lineno <= last for other in others):
                    yield ElsewhereBound(name, met.lineno, met.col_offset, each.lineno, "ended")


def _is_left_out(node: ast.Try, name: str, *, late: bool) -> bool:
    """An error comes to the `finally` by no handler that gives the name a value; of a cancelled task, where it waits."""
    for handler in node.handlers:
        kinds = {each.attr if isinstance(each, ast.Attribute) else each.id for each in _kinds(handler)}
        gives = any(part.id == name for part in _stored(handler))
        if not gives:
            return True
        if handler.type is None or kinds & OF_CANCELLATION:
            return False
        if "Exception" in kinds:
            return late
    return True


def _kinds(handler: ast.ExceptHandler) -> list[ast.Name | ast.Attribute]:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return [each for each in kinds if isinstance(each, ast.Name | ast.Attribute)]


def _stored(node: ast.AST) -> Iterator[ast.Name]:
    return (each for each in walked(node) if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Load))


def _binding(name: str, function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.Name] | None:
    """The places that give a name of a function its value; None where it may have one in a way that is not looked at."""
    found = []
    for each in walked(function):
        match each:
            case ast.Name(ctx=ast.Store() | ast.Del()):
                if each.id == name:
                    found.append(each)
            case ast.Global(names=names) | ast.Nonlocal(names=names) if name in names:
                return None
            case ast.alias(name=imported, asname=named):
                if (named or imported.partition(".")[0]) == name:
                    return None
            case ast.FunctionDef(name=other) | ast.AsyncFunctionDef(name=other) | ast.ClassDef(name=other) | ast.arg(arg=other):
                if other == name:
                    return None
            case ast.ExceptHandler(name=str(other)) | ast.MatchAs(name=str(other)) | ast.MatchStar(name=str(other)):
                if other == name:
                    return None
            case ast.MatchMapping(rest=other) if other == name:
                return None
    return found
