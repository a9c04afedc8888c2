"""Names that a function gives a value in an `if` without `else` only, and reads behind it whatever happens.

    if not rows:
        note = "empty"
    return path, note

Looked at are statements that stand in one list: the `if`, and what follows it. What stands in a loop is left out, because the
name may have its value from the turn before, and so is whatever another statement could have given it before.
"""

import ast
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Final, NamedTuple

from netra.guard.facts import Block
from netra.guard.source.endings import ENDS
from netra.guard.source.scoping import BareUse
from netra.guard.source.walking import walked

# Calls after which nothing else runs.
LEAVING: Final = frozenset("exit _exit abort fail error skip usage die fatal quit raise_for_status print_help".split())
# Context managers behind which the program goes on after an error.
SWALLOWING: Final = frozenset("suppress raises assertRaises assertRaisesRegex ignored catch warns".split())
# What a test for another Python, or for another release of a package, reads.
VERSIONS: Final = frozenset("version version_info __version__ PY2 PY3 platform TYPE_CHECKING python_version".split())
SIMPLE: Final = (ast.Expr, ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Return, ast.Raise, ast.Assert)


class PartlyBound(NamedTuple):
    """A name with the place that reads it, and the first line of the `if` that may give it a value; `chained`: with `elif`."""

    name: str
    line: int
    column: int
    bound: int
    chained: bool


def partly_bound(
    body: list[ast.stmt], bound: Mapping[str, int], uses: Sequence[BareUse], blocks: Sequence[Block], ending: Mapping[int, int]
) -> Iterator[PartlyBound]:
    """Every such name of a function; `bound` are its names with the first line that binds each, `ending` what becomes of the
    way through each list of its statements, by the identity of the list (see `endings`).
    """
    left = _left_by_branches(bound, uses, blocks)
    waiting = [body] if left else []
    while waiting:
        statements = [*in_line(waiting.pop())]
        for number, each in enumerate(statements):
            if isinstance(each, ast.If):
                waiting += [each.body, each.orelse]
                if number + 1 < len(statements) and not (each.orelse and not isinstance(each.orelse[0], ast.If)):
                    yield from _behind(each, statements, number, left, ending)
            elif isinstance(each, ast.With | ast.AsyncWith):
                # One that may swallow an error, and go on behind it.
                waiting.append(each.body)
            elif isinstance(each, ast.Try):
                waiting += [each.body, each.orelse, each.finalbody, *(handler.body for handler in each.handlers)]


def _left_by_branches(bound: Mapping[str, int], uses: Sequence[BareUse], blocks: Sequence[Block]) -> dict[str, int]:
    """The names that are bound in some branch first, with the line, and read behind it."""
    branches = [each for each in blocks if each.what == "if"]
    ends_at: dict[str, int] = {}
    if branches:
        for name, line in bound.items():
            if line and (around := [each.end_line for each in branches if each.line <= line <= each.end_line]):
                ends_at[name] = min(around)
    if not ends_at:
        return {}
    return {use[0]: bound[use[0]] for use in uses if use[2] > ends_at.get(use[0], use[2])}


def in_line(statements: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements, and in the place of a `with` what it enters, and then what stands in it."""
    for each in statements:
        if isinstance(each, ast.With | ast.AsyncWith) and not any(_swallows(item.context_expr) for item in each.items):
            for item in each.items:
                yield ast.Expr(item.context_expr)
                if item.optional_vars is not None:
                    yield ast.Expr(item.optional_vars)
            yield from in_line(each.body)
        else:
            yield each


def _swallows(entered: ast.expr) -> bool:
    match entered:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            return name in SWALLOWING
    return False


def _behind(
    node: ast.If, statements: list[ast.stmt], number: int, bound: Mapping[str, int], ending: Mapping[int, int]
) -> Iterator[PartlyBound]:
    branches = _branches(node)
    first, last = node.lineno, node.end_lineno or node.lineno
    given = {name for each in branches for name in _given(each) if first <= bound.get(name, 0) <= last}
    if not given or isinstance(node.test, ast.Constant) or (len(branches) == 1 and asks_for_kind(node.test)):
        return
    going_on = [{*_given(each)} for each in branches if ending.get(id(each)) != ENDS]
    for name in sorted(given.intersection(*going_on)) if going_on else ():
        read, between = met_behind(statements[number + 1 :], name)
        if (
            isinstance(read, ast.Name)
            and not _is_guarded(node, frozenset(), statements[:number], ending)
            and not _is_guarded(node, frozenset().union(*going_on), between, ending)
        ):
            yield PartlyBound(name, read.lineno, read.col_offset, first, len(branches) > 1 and not ask_apart(node))


def is_for_versions(asked: Set[str]) -> bool:
    """A test for another Python, or another release of a package."""
    return not asked.isdisjoint(VERSIONS)


def asks_for_kind(test: ast.expr) -> bool:
    """`isinstance(form, Model)`: it may well be one whatever happens."""
    match test:
        case ast.Call(func=ast.Name(id="isinstance" | "hasattr" | "callable")):
            return True
    return False


def _branches(node: ast.If) -> list[list[ast.stmt]]:
    """The branches of an `if` with its `elif`; none when it has an `else`."""
    found = [node.body]
    while node.orelse:
        match node.orelse:
            case [ast.If() as node]:
                found.append(node.body)
            case _:
                return []
    return found


def _given(body: list[ast.stmt]) -> list[str]:
    """The plain names that the statements give a value."""
    targets = [target for each in body if isinstance(each, ast.Assign) for target in each.targets]
    targets += [part for each in targets if isinstance(each, ast.Tuple) for part in each.elts]
    return [each.id for each in targets if isinstance(each, ast.Name)]


def met_behind(statements: Sequence[ast.stmt], name: str) -> tuple[ast.Name | ast.stmt | None, list[ast.stmt]]:
    """The first that any of these statements do with a name, as `meeting` says, and the statements before that one."""
    for number, each in enumerate(statements):
        if (read := meeting(each, name)) is not None:
            return read, [*statements[:number]]
    return None, [*statements]


def meeting(statement: ast.stmt, name: str) -> ast.Name | ast.stmt | None:
    """Where a statement reads the name whatever happens; the statement, when it has to do with the name in another way."""
    heads: list[ast.expr | None]
    match statement:
        case ast.AugAssign(target=ast.Name(id=target) as read) if target == name:
            return read
        case ast.If(test=head) | ast.While(test=head) | ast.For(iter=head) | ast.AsyncFor(iter=head) | ast.Match(subject=head):
            heads = [head]
        case ast.With(items=items) | ast.AsyncWith(items=items):
            heads = [items[0].context_expr]
        case ast.Assert(test=head):
            heads = [head]
        case _ if isinstance(statement, SIMPLE):
            # What is on the right is worked out before anything is stored.
            heads = [getattr(statement, "value", None), getattr(statement, "exc", None), *getattr(statement, "targets", ())]
        case _:
            heads = []
    for each in heads:
        if each is not None and (found := _read(each, name)) is not None:
            return found
    return statement if any(_is_about(each, name) for each in walked(statement)) else None


def _is_about(node: ast.AST, name: str) -> bool:
    match node:
        case ast.Name(id=named) | ast.FunctionDef(name=named) | ast.ClassDef(name=named) | ast.ExceptHandler(name=named):
            return named == name
        case ast.alias(name=imported, asname=named):
            return (named or imported) == name
        case ast.Global() | ast.Nonlocal() | ast.MatchAs() | ast.MatchStar() | ast.MatchMapping():
            return True
        case ast.Call(func=ast.Name(id="locals" | "vars" | "exec" | "eval")):
            return True
        case ast.Constant(value=str(text)):
            return text == name
    return False


def _read(node: ast.expr, name: str) -> ast.Name | None:
    """The place in an expression that reads the name and is reached whatever the values of its other parts are."""
    parts: Iterator[ast.AST] | list[ast.expr]
    match node:
        case ast.Name(id=named, ctx=ast.Load()):
            return node if named == name else None
        case ast.BoolOp(values=[first, *_]) | ast.IfExp(test=first):
            parts = [first]
        case ast.Compare(left=left, comparators=[first, *_]):
            parts = [left, first]
        case ast.Lambda():
            return None
        case (
            ast.ListComp(generators=[first, *_])
            | ast.SetComp(generators=[first, *_])
            | ast.GeneratorExp(generators=[first, *_])
        ):
            parts = [first.iter]
        case ast.DictComp(generators=[first, *_]):
            parts = [first.iter]
        case _:
            parts = ast.iter_child_nodes(node)
    for each in parts:
        inner = each.value if isinstance(each, ast.keyword) else each
        if isinstance(inner, ast.expr) and (read := _read(inner, name)) is not None:
            return read
    return None


def _is_guarded(node: ast.If, given: frozenset[str], beside: list[ast.stmt], ending: Mapping[int, int]) -> bool:
    """Something beside it asks about the same things, or about what the branch gives a value, and may leave: whenever the name
    is read, the test may have been true.
    """
    asked = {*things_of(node.test)}
    if not asked or is_for_versions(asked):
        return True
    if not given and any(_is_settled(name, beside) for name in asked):
        return True
    things = asked | given
    for each in beside:
        match each:
            case ast.If(test=test, body=body, orelse=rest) if leaves(body, ending) or leaves(rest, ending):
                if not things.isdisjoint(things_of(test)):
                    return True
            case ast.Assert(test=test) if not things.isdisjoint(things_of(test)):
                return True
    return False


def _is_settled(name: str, before: list[ast.stmt]) -> bool:
    """One of the statements gives a name a constant, and nothing else in them gives it a value: the test is decided."""
    stored = [
        node for each in before for node in walked(each) if isinstance(node, ast.Name) and node.id == name and _is_stored(node)
    ]
    constant = [
        each
        for each in before
        if isinstance(each, ast.Assign) and isinstance(each.value, ast.Constant) and each.targets[0] in stored
    ]
    return len(stored) == len(constant) == 1


def _is_stored(node: ast.Name) -> bool:
    return not isinstance(node.ctx, ast.Load)


def ask_apart(node: ast.If) -> bool:
    """The tests of an `if` with `elif` are about different things, and only ask whether there are any, or one for one value."""
    tests = [node.test]
    while len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If):
        node = node.orelse[0]
        tests.append(node.test)
    subjects = [_asked_of(each) for each in tests]
    if None in subjects or len({*subjects}) < len(subjects):
        return False
    for_a_value = sum(isinstance(each, ast.Compare) and isinstance(each.ops[0], ast.Eq) for each in tests)
    things = [thing for each in tests for thing in {*things_of(each)}]
    # Two flags of one object may be each other's opposite, and of `kind == "a"` and `size == 1` only the program knows.
    return for_a_value == 1 or (for_a_value == 0 and len({*things}) == len(things))


def _asked_of(test: ast.expr) -> str | None:
    """What is asked whether it is there, or whether it has some written value: a name, with what is read of it."""
    match test:
        case ast.Name() | ast.Attribute():
            return _path(test)
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return _asked_of(inner)
        case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot()], comparators=[ast.Constant(value=None)]):
            return _path(left)
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[ast.Constant()]):
            return _path(left)
    return None


def _path(node: ast.expr) -> str | None:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name) if (before := _path(value)) is not None:
            return f"{before}.{name}"
    return None


def leaves(statements: list[ast.stmt], ending: Mapping[int, int]) -> bool:
    """Nobody comes out at the end, as far as the code or the name of what is called last tells."""
    match statements[-1:]:
        case [ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id=on) | ast.Attribute(attr=on))))] if (
            "log" in on.lower()
        ):
            pass  # `logger.error(…)` is none of a parser of arguments
        case [ast.Expr(value=ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)))] if name in LEAVING:
            return True
    return ending.get(id(statements)) == ENDS


def things_of(test: ast.expr) -> Iterator[str]:
    """The names, and the last names of attributes, that a test reads."""
    for each in walked(test):
        if isinstance(each, ast.Name):
            yield each.id
        elif isinstance(each, ast.Attribute):
            yield each.attr
