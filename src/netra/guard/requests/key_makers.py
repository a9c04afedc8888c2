"""Functions that make the key under which something is kept, are told whose it is, and leave that out:

def _key(self, user, chat):
    return f"draft:{chat}"

Nobody takes a parameter for nothing: one that has to, since others of its name use it, is left alone, and so is one that is
handed to a library, which calls it as it likes.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, BODY, PLAIN, TOP, CallSite
from netra.guard.meaning.expressions import within
from netra.guard.requests.passing import pairs
from netra.guard.requests.serving import Serving
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine

# Whom a parameter stands for.
WHOM: Final = re.compile(
    r"(?:current_)?user(?:_?(?:id|uuid|name))?|uid|owner(?:_id)?|account_id|tenant(?:_id)?|principal|member(?:_id)?"
)
# What keeps something under a key, and what asks for it: the key comes first.
KEEPING: Final = frozenset("set get setex aset aget put delete incr hset hget set_json get_json expire exists".split())
DECORATED: Final = frozenset({"staticmethod", "classmethod"})


class LeavesOut(NamedTuple):
    """A function makes a key of all that it is told but whose it is."""

    function: FunctionSymbol
    line: int
    column: int
    whose: str
    scope: FunctionSymbol
    """Who asks for such a key, with the call."""
    call: CallSite


def leaves_out(analysis: Analysis) -> Iterator[LeavesOut]:
    """Every such function of which somebody who serves makes use."""
    serving = analysis.once(Serving)
    for function in analysis.scopes:
        if function.facts.sort not in (PLAIN, ASYNC) or len(function.facts.returned) != 1 or not function.facts.parameters:
            continue
        whose = next((each for each in function.parameters if WHOM.fullmatch(each) and each not in function.facts.loads), None)
        if whose is None or function.module.in_tests or not _makes_text(function) or _has_to(analysis, function):
            continue
        users = [each for each in _calls(analysis, function, whose) if each[0] in serving]
        # A key that is only one part of where something lies may leave to the other whose it is.
        kept = [(scope, call) for scope, call in users if _is_key_of(call, scope)]
        if kept and not _is_handed_on(analysis, function):
            each = function.facts.returned[0]
            yield LeavesOut(function, each.line, each.column, whose, *kept[0])


def _makes_text(function: FunctionSymbol) -> bool:
    """Of something else that it is told it makes a text or a tuple: `f"draft:{chat}"`, `("draft", chat)`."""
    value = function.facts.returned[0].value
    named = {part[1] for part in within(value, function) if part[0] == "name"}
    return value[0] in ("formatted", "tuple") and not named.isdisjoint(function.parameters.keys() - {"self", "cls"})


def _has_to(analysis: Analysis, function: FunctionSymbol) -> bool:
    """A class above has such a method, or may have; or a decorator, or the function around it, wants it so."""
    if function.parent is None or function.parent.facts.sort not in (TOP, BODY) or not function.decorator_names <= DECORATED:
        return True
    if function.owner is None:
        return False
    order, closed = analysis.program.order(function.owner)
    return not closed or any(function.name in each.methods for each in order[1:])


def _calls(analysis: Analysis, function: FunctionSymbol, whose: str) -> Iterator[tuple[FunctionSymbol, CallSite]]:
    """The calls that tell it whose it is."""
    for scope, index in analysis.program.calls_named.get(function.name, ()):
        call = scope.facts.calls[index]
        match analysis.receivers.value(call.callee, scope) if not scope.module.in_tests else None:
            case Routine(function=found, bound=bound) if found is function:
                told = dict(pairs(call, function, 1 if bound and function.owner is not None else 0)).get(whose)
                if told is not None and told[0] in ("name", "attribute"):
                    yield scope, call


def _is_key_of(call: CallSite, scope: FunctionSymbol) -> bool:
    """`cache.get(key_of(user, chat))`, `kept[key_of(user, chat)]`."""
    match call.where:
        case ("argument", int(index), 0):
            callee = scope.facts.calls[index].callee
            return callee[0] == "attribute" and callee[2] in KEEPING
    return bool(call.where == ("index",))


def _is_handed_on(analysis: Analysis, function: FunctionSymbol) -> bool:
    """It is mentioned somewhere without being called: whoever is handed it, says what it is told."""
    name = function.name
    for scope in analysis.scopes:
        mentioned = [each.expression for each in scope.facts.reads if each.expression[2] == name]
        if name in scope.facts.loads:
            mentioned += [each for call in scope.facts.calls for each in call.given if each == ("name", name)]
        for each in mentioned:
            match analysis.receivers.value(each, scope):
                case Routine(function=found) if found is function:
                    return True
    return False
