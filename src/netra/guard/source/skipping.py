"""Names that one way through a statement gives a value, and another that is written down as well does not:

    try:
        rows = await fetch()
    except TimeoutError:
        logger.warning("no rows")
    return rows

Looked at are `if` with `else`, `match` and `try`, and what follows them in the same list of statements. A branch that leaves
takes nobody to the read, and what a loop may give a value is taken to have one.
"""

import ast
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from netra.guard.facts import Block
from netra.guard.source.branching import (
    ask_apart,
    asks_for_kind,
    in_line,
    is_for_versions,
    leaves,
    meeting,
    met_behind,
    things_of,
)
from netra.guard.source.scoping import BareUse
from netra.guard.source.walking import walked

BRANCHING: Final = (ast.If, ast.Match, ast.Try, ast.With, ast.AsyncWith)
BRANCHES: Final = frozenset({"if", "else", "try", "handler", "case", "otherwise"})
OTHER_WAYS: Final = frozenset({"else", "handler", "case"})
DEEPEST: Final = 12
# Parts of names of functions and context managers that let nobody go on: `format_and_raise(…)`, `with reraised():`.
RAISING: Final = re.compile("raise|exit|abort|bail|panic|reject|_fail|fail_|die_|throw|forbid|deny")


class SkippedName(NamedTuple):
    """A name with the place that reads it, and the line of the branch that comes there without a value for it."""

    name: str
    line: int
    column: int
    branch: int


class _Way(NamedTuple):
    """One way through a statement: what it runs, its line, and the test or the subject that is asked before it is taken."""

    statements: list[ast.stmt]
    line: int
    test: ast.expr | None = None
    pattern: ast.pattern | None = None

    @property
    def asked(self) -> frozenset[str]:
        return frozenset() if self.test is None else frozenset(things_of(self.test))

    @property
    def captured(self) -> set[str]:
        """What the pattern of its `case` gives a value."""
        return set() if self.pattern is None else _stored(self.pattern)


def skipped(
    body: list[ast.stmt], bound: Mapping[str, int], uses: Sequence[BareUse], blocks: Sequence[Block], ending: Mapping[int, int]
) -> Iterator[SkippedName]:
    """Every such name of a function, by the first line that binds each name and what becomes of each list of statements."""
    open_names = _bound_in_branches(bound, uses, blocks)
    places = sorted(open_names.values())
    used_last = {use[0]: use[2] for use in uses if use[0] in open_names} if open_names else {}
    waiting = [body] if open_names else []
    while waiting:
        statements = [*in_line(waiting.pop())]
        for number, each in enumerate(statements):
            if not isinstance(each, BRANCHING) or not _is_any_within(places, each):
                continue
            ways = _ways(each)
            if ways:
                waiting += [way.statements for way in ways]
            elif not isinstance(each, ast.Match):
                waiting.append(each.body)
            if len(ways) > 1 and number + 1 < len(statements):
                last = each.end_lineno or each.lineno
                wanted = {name for name, line in open_names.items() if each.lineno <= line <= last < used_last[name]}
                if wanted:
                    yield from _behind(each, ways, statements, number, wanted, ending)
            if isinstance(each, ast.Try):
                yield from _in_handlers(each, open_names)


def _is_any_within(places: list[int], node: ast.stmt) -> bool:
    """One of these lines, which are in order, stands in the statement."""
    at = bisect_left(places, node.lineno)
    return at < len(places) and places[at] <= (node.end_lineno or node.lineno)


def _bound_in_branches(bound: Mapping[str, int], uses: Sequence[BareUse], blocks: Sequence[Block]) -> dict[str, int]:
    """The names that are bound in some branch first, with the line, and read behind it."""
    # Without another way that is written down there is none to skip anything.
    if not any(each.what in OTHER_WAYS for each in blocks):
        return {}
    branches = [(each.line, each.end_line) for each in blocks if each.what in BRANCHES]
    first, last = min(branches)[0], max(end for _, end in branches)
    ends_at: dict[str, int] = {}
    for name, line in bound.items():
        if first <= line <= last and (around := [end for start, end in branches if start <= line <= end]):
            ends_at[name] = min(around)
    if not ends_at:
        return {}
    return {use[0]: bound[use[0]] for use in uses if use[0] in ends_at and use[2] > ends_at[use[0]]}


def _ways(statement: ast.stmt) -> list[_Way]:
    """The ways through a statement that are written down; one or none where it has no branches."""
    match statement:
        case ast.If(test=test, body=body, orelse=[_, *_] as rest):
            ways = [_Way(body, body[0].lineno, test)]
            if len(rest) == 1 and isinstance(rest[0], ast.If):
                inner = _ways(rest[0])
                # A last `elif` without `else`: what becomes of the rest is not written down.
                return [*ways, *(inner or [_Way(rest[0].body, rest[0].body[0].lineno, rest[0].test)])]
            return [*ways, _Way(rest, rest[0].lineno, test)]
        case ast.Match(subject=subject, cases=cases):
            return [_Way(each.body, each.body[0].lineno, subject, each.pattern) for each in cases]
        case ast.Try(body=body, handlers=handlers, orelse=rest) if handlers:
            # The list itself where there is no `else`: what becomes of the way through it is known.
            tried = [*body, *rest] if rest else body
            return [_Way(tried, body[0].lineno), *(_Way(each.body, each.lineno) for each in handlers)]
    return []


def _behind(
    node: ast.stmt,
    ways: list[_Way],
    statements: list[ast.stmt],
    number: int,
    wanted: set[str],
    ending: Mapping[int, int],
) -> Iterator[SkippedName]:
    asked = frozenset().union(*(way.asked for way in ways))
    found = [(way, _given(way.statements, ending, 0, asked)) for way in ways]
    reached = [(way, given | way.captured) for way, given in found if given is not None]
    by_some = wanted.intersection(name for _, given in reached for name in given)
    names = {name for name in by_some if not all(name in given for _, given in reached)}
    for name in sorted(names - _imported(node) - _stored_early(node)) if names else ():
        without = [way for way, given in reached if name not in given and not _ends_in_yield(way)]
        if not without:
            continue
        way = without[0]
        read, between = met_behind(statements[number + 1 :], name)
        if isinstance(read, ast.Name) and not _is_guarded(way, statements[:number], between, ending):
            lacking = by_some - next(given for other, given in reached if other is way)
            first = _first_failure(between, lacking, ending) or read
            yield SkippedName(first.id, first.lineno, first.col_offset, way.line)


def _ends_in_yield(way: _Way) -> bool:
    """Whoever gets the last word of a way may ask for no more: `except Refused: yield error`."""
    match way.statements[-1:]:
        case [ast.Expr(value=ast.Yield() | ast.YieldFrom())]:
            return True
    return False


def _first_failure(statements: list[ast.stmt], lacking: set[str], ending: Mapping[int, int]) -> ast.Name | None:
    """The first read of one of these names, where no way through the statements comes by without one: some are read on each, or
    it leaves. Whoever lacks the names does not get behind them.
    """
    for each in statements:
        for name in sorted(lacking):
            if isinstance(read := meeting(each, name), ast.Name):
                return read
        if isinstance(each, ast.If) and each.orelse:
            found = [_first_failure(branch, lacking, ending) for branch in (each.body, each.orelse)]
            ended = [leaves(branch, ending) for branch in (each.body, each.orelse)]
            if all(one is not None or end for one, end in zip(found, ended, strict=True)):
                return next((one for one in found if one is not None), None)
    return None


def _is_guarded(way: _Way, before: list[ast.stmt], between: list[ast.stmt], ending: Mapping[int, int]) -> bool:
    """What is asked beside it, or what the way without the name gives a value, is asked for by somebody who may leave."""
    if is_for_versions(way.asked):
        return True
    things = way.asked | {each.id for one in way.statements for each in walked(one) if isinstance(each, ast.Name)}
    for beside, asked in ((before, way.asked), (between, things)):
        for each in beside:
            match each:
                case ast.If(test=test) if _may_leave(each, ending) and not asked.isdisjoint(things_of(test)):
                    return True
                case ast.Assert(test=test) if not asked.isdisjoint(things_of(test)):
                    return True
    return False


def _in_handlers(node: ast.Try, open_names: Mapping[str, int]) -> Iterator[SkippedName]:
    """A `try` only gives a name its value, and a handler reads that name: it runs where that has failed."""
    match node.body:
        case [ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() | ast.Await())] if (
            open_names.get(name) == node.body[0].lineno
        ):
            pass
        case _:
            return
    for handler in node.handlers:
        for each in handler.body:
            read = meeting(each, name)
            if read is not None:
                if isinstance(read, ast.Name):
                    yield SkippedName(name, read.lineno, read.col_offset, handler.lineno)
                break


def _stored_early(node: ast.stmt) -> set[str]:
    """What a `try` gives a value before it does more that may fail: its handlers may be for that."""
    found: set[str] = set()
    if isinstance(node, ast.Try):
        flat = [*in_line(node.body)]
        for number, each in enumerate(flat):
            if any(isinstance(part, ast.Call | ast.Await) for other in flat[number + 1 :] for part in walked(other)):
                found |= _stored(each)
    return found


def _given(statements: list[ast.stmt], ending: Mapping[int, int], depth: int, asked: frozenset[str]) -> set[str] | None:
    """The names that have a value at the end, or may have one in a way that is not judged; None where nobody gets there."""
    if depth > DEEPEST or leaves(statements, ending) or _raises(statements):
        return None
    found: set[str] = set()
    flat = [*in_line(statements)]
    for number, each in enumerate(flat):
        match each:
            case ast.If(test=test, orelse=[]) if asks_for_kind(test) or not asked.isdisjoint(things_of(test)):
                found |= _stored(each)  # what was asked around it may be why the test holds
            case ast.If(test=test, orelse=[]) if not is_for_versions(frozenset(things_of(test))):
                # Where the test is false, nothing of it has a value, unless something beside it takes care of that.
                beside = set().union(*(_stored(other) for other in flat if other is not each))
                found |= _stored(each) if _is_noted(each, flat[number + 1 :], ending) else _stored(each) & beside
            case ast.If() | ast.Match() | ast.Try():
                ways = _ways(each)
                given = _by_all(ways, ending, depth, asked) if ways and not _is_open(each) else _stored(each)
                if given is None and not isinstance(each, ast.Match):
                    return None
                found |= _stored(each) if _is_settled(each, flat[number + 1 :], ending) else given or set()
                if isinstance(each, ast.Try):
                    found |= {name for part in each.finalbody for name in _stored(part)}
            case ast.Return() | ast.Raise() | ast.Continue() | ast.Break():
                return None
            case _:
                found |= _stored(each)
    return found


def _raises(statements: list[ast.stmt]) -> bool:
    """By the name of what is called last, or of what a `with` enters around all of it, nobody goes on."""
    match statements[-1:]:
        case [ast.Expr(value=ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)))]:
            return RAISING.search(name.lower()) is not None
        case [ast.With(items=[ast.withitem(context_expr=ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)))])]:
            return RAISING.search(name.lower()) is not None
    return False


def _may_leave(node: ast.If, ending: Mapping[int, int]) -> bool:
    return any(leaves(each, ending) or _raises(each) for each in (node.body, node.orelse))


def _is_settled(node: ast.stmt, behind: list[ast.stmt], ending: Mapping[int, int]) -> bool:
    """Something behind it asks for what one of its ways has given a value, and may leave: `if failure: raise failure`."""
    stored = _stored(node)
    return any(
        isinstance(each, ast.If) and _may_leave(each, ending) and not stored.isdisjoint(things_of(each.test)) for each in behind
    )


def _is_noted(node: ast.If, behind: list[ast.stmt], ending: Mapping[int, int]) -> bool:
    """What it does it notes on an object, and something behind it looks there and may leave: `if not getattr(job, "done")`."""
    noted = {each.attr for each in walked(node) if isinstance(each, ast.Attribute) and isinstance(each.ctx, ast.Store)}
    asking = (each.test for each in behind if noted and isinstance(each, ast.If) and _may_leave(each, ending))
    return any(
        (isinstance(part, ast.Attribute) and part.attr in noted) or (isinstance(part, ast.Constant) and part.value in noted)
        for test in asking
        for part in walked(test)
    )


def _by_all(ways: list[_Way], ending: Mapping[int, int], depth: int, asked: frozenset[str]) -> set[str] | None:
    """What every way that goes on gives a value; None where none does."""
    asked = asked.union(*(way.asked for way in ways))
    given = [each | way.captured for way in ways if (each := _given(way.statements, ending, depth + 1, asked)) is not None]
    return set.intersection(*given) if given else None


def _is_open(node: ast.stmt) -> bool:
    """An `if` whose last `elif` has no `else`: it may ask for all that there is."""
    at: ast.stmt = node
    while isinstance(at, ast.If) and len(at.orelse) == 1 and isinstance(at.orelse[0], ast.If):
        at = at.orelse[0]
    return isinstance(node, ast.If) and isinstance(at, ast.If) and not at.orelse and not ask_apart(node)


def _imported(node: ast.stmt) -> set[str]:
    """What is imported in one way and not in another is asked for again before it is used, by those who mean it."""
    aliases = (each for each in walked(node) if isinstance(each, ast.alias))
    return {each.asname or each.name.partition(".")[0] for each in aliases}


def _stored(node: ast.AST) -> set[str]:
    """Every name that something gives a value in some way."""
    found: set[str] = set()
    waiting = [node]
    while waiting:
        each = waiting.pop()
        match each:
            case ast.Name(id=name):
                if isinstance(each.ctx, ast.Store):
                    found.add(name)
                continue
            case ast.Assign(targets=targets):
                waiting += targets
                continue
            case ast.Expr() | ast.Return() | ast.Call() | ast.Attribute() | ast.Constant() | ast.Subscript() | ast.Lambda():
                continue  # a name that `:=` gives a value counts as bound from the beginning
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
                continue
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                found.add(name)
            case ast.ExceptHandler(name=str(name)):
                found.add(name)
            case ast.alias(name=name, asname=named):
                found.add(named or name.partition(".")[0])
        waiting += ast.iter_child_nodes(each)
    return found
