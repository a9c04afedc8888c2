"""What the tools of one agent have in common, counted in a tool as if it ran alone: a model asks for several at once, and the
libraries run them side by side.

account = ctx.deps.account
credit = account.credit
picture = await draw(prompt)
account.credit = credit - 5  # two that were drawn at once cost 5
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, Assignment, Expression
from netra.guard.meaning.expressions import within
from netra.guard.requests.interleaving import Interleaving, Pause
from netra.guard.requests.outside_keys import sends_away_at
from netra.guard.requests.places_of_all import only_value
from netra.guard.symbols import FunctionSymbol

# How tools of libraries are known that run several of them at once, and in what such a tool finds what is made for the run.
TOOLS: Final = "agent"
MADE_FOR_RUN: Final = frozenset({"deps", "context"})
ORDERED: Final = frozenset({"Gt", "GtE", "Lt", "LtE"})
BEHIND: Final = frozenset({"handler", "finally"})
FURTHEST: Final = 4


class ToolCount(NamedTuple):
    """What is in the context of a run is looked at, others run, and it is counted."""

    scope: FunctionSymbol
    change: Assignment
    looked: int
    pause: Pause
    limit: bool


def counted_in_tools(analysis: Analysis) -> Iterator[ToolCount]:
    """Every such line of a tool."""
    interleaving = analysis.once(Interleaving)
    for entry in analysis.reach.entries.values():
        scope = entry.function
        if not entry.label.startswith(TOOLS) or scope.facts.sort != ASYNC or scope.module.in_tests:
            continue
        for each in scope.facts.assignments:
            if each.target[0] != "attribute" or not _is_of_run(each.target[1], scope, FURTHEST):
                continue
            if interleaving.takes_lock(scope) or interleaving.locked(scope, each.line):
                continue
            looked, limit = _read_before(each, scope), False
            if looked is None and each.how == "augmented":
                looked, limit = _tested_before(each, scope), True
            pause = None if looked is None else interleaving.on_the_way(scope, looked, each.line)
            if looked is not None and pause is not None:
                yield ToolCount(scope, each, looked, pause, limit)


def _is_of_run(base: Expression, scope: FunctionSymbol, depth: int) -> bool:
    """`ctx.deps`, `ctx.context.account`, and a local name for one of these."""
    match base:
        case ("attribute", ("name", str(context)), str(name)) if name in MADE_FOR_RUN:
            return context in scope.parameters and not scope.assigned.get(context)
        case ("attribute", inner, _):
            return _is_of_run(inner, scope, depth)
        case ("name", str(name)) if depth and name not in scope.parameters:
            meant = only_value(name, scope)
            return meant is not None and _is_of_run(meant, scope, depth - 1)
    return False


def _read_before(each: Assignment, scope: FunctionSymbol) -> int | None:
    """The line on which a local name was given what it was, of which the new value is made."""
    if each.how != "=" or each.value[0] != "operator":
        return None
    for part in within(each.value, scope):
        given = scope.assigned.get(part[1], ()) if part[0] == "name" else ()
        if len(given) == 1 and given[0].value == each.target and given[0].line < each.line:
            return given[0].line
    return None


def _tested_before(each: Assignment, scope: FunctionSymbol) -> int | None:
    """The line of a test that finds room, and sends away whoever finds none. What is given back is no such place."""
    if any(block.what in BEHIND and block.line <= each.line <= block.end_line for block in scope.facts.blocks):
        return None
    if any(one.target == each.target and one.line < each.line for one in scope.facts.assignments):
        return None
    for block in scope.facts.blocks:
        if block.what != "if" or block.line > each.line or not (sends_away_at(scope, block) or block.end_line >= each.line):
            continue
        for part in (part for test in block.expressions for part in within(test, scope)):
            if part[0] == "compare" and ORDERED & {*part[2]} and each.target in part[1]:
                return block.head
    return None
